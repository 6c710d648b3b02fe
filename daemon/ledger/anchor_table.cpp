// SPDX-License-Identifier: Apache-2.0
#include "ledger/anchor_table.hpp"

#include "ledger/note.hpp"

#include <algorithm>
#include <format>
#include <utility>

namespace dsmil::ledger {
namespace {

constexpr std::string_view columns =
    "anchors.id, checkpoint, at, reason, before, after, count, size, note FROM "
    "anchors LEFT JOIN checkpoints ON checkpoints.id = checkpoint";

std::unexpected<Error> bad(std::uint64_t id, std::string_view why) {
    return fail(Code::tampered, std::format("anchor {}: {}", id, why));
}

Result<Hash> hash_of(const Statement &row, int column, std::uint64_t id) {
    Hash hash{};
    const ByteView bytes = row.bytes(column);
    if (!row.is_blob(column) || bytes.size() != hash.size()) {
        return bad(id, "it is malformed");
    }
    std::ranges::copy(bytes, hash.begin());
    return hash;
}

// With what it says of itself.
Result<Anchor> read_anchor(const Statement &row) {
    Anchor anchor;
    anchor.id = row.number(0);
    anchor.checkpoint = row.number(1);
    anchor.size = row.number(7);
    anchor.at_ns = row.number(2);
    const auto reason = anchor_reason(row.text(3));
    const auto before = hash_of(row, 4, anchor.id);
    const auto after = hash_of(row, 5, anchor.id);
    if (!before || !after) {
        return std::unexpected(!before ? before.error() : after.error());
    }
    if (!reason) {
        return bad(anchor.id, "its reason is none of ours");
    }
    const auto note = row.is_text(8) ? Note::parse(row.text(8))
                                     : Result<Note>(bad(anchor.id, "there is no such checkpoint"));
    if (!note) {
        return bad(anchor.id, "there is no such checkpoint");
    }
    anchor.reason = *reason;
    anchor.before = *before;
    anchor.after = *after;
    anchor.digest = anchor_digest(anchor.at_ns, anchor.reason, note->text);
    if (row.is_number(6)) {
        anchor.count = row.number(6);
    }
    if (anchor.after != extended(anchor.before, anchor.digest)) {
        return bad(anchor.id, "it does not follow from its checkpoint, time and reason");
    }
    return anchor;
}

Result<void> check_follows(const Anchor &anchor, const Anchor &before) {
    if (anchor.id != before.id + 1 || anchor.checkpoint < before.checkpoint) {
        return bad(anchor.id, "one before it is missing, or they are not in order");
    }
    if (!before.count) {
        return bad(anchor.id, "the one before it was never counted");
    }
    if (anchor.reason == AnchorReason::adopted) {
        return {};
    }
    if (anchor.before != before.after) {
        return bad(anchor.id, "it does not go on from the one before it");
    }
    if (anchor.count && *anchor.count != *before.count + 1) {
        return bad(anchor.id, "its count does not follow the one before it");
    }
    return {};
}

Result<void> check_first(const Anchor &anchor) {
    const bool begins = anchor.reason == AnchorReason::adopted || anchor.before == Hash{};
    return anchor.id == 1 && begins ? Result<void>{} : bad(anchor.id, "the first ones are missing");
}

} // namespace

Result<AnchorRows> AnchorRows::open(Database &database) {
    auto rows = database.prepare(std::format("SELECT {} ORDER BY anchors.id", columns));
    return rows ? Result<AnchorRows>(AnchorRows(std::move(*rows))) : std::unexpected(rows.error());
}

Result<std::optional<Anchor>> AnchorRows::next() {
    const auto row = rows_.step();
    if (!row) {
        return std::unexpected(row.error());
    }
    if (!*row) {
        return std::nullopt;
    }
    auto anchor = read_anchor(rows_);
    if (!anchor) {
        return std::unexpected(std::move(anchor.error()));
    }
    if (auto fits = last_ ? check_follows(*anchor, *last_) : check_first(*anchor); !fits) {
        return std::unexpected(std::move(fits.error()));
    }
    last_ = *anchor;
    return last_;
}

Result<AnchorBook> read_anchors(Database &database, std::uint64_t since_ns, std::size_t limit) {
    auto rows = database.prepare(std::format("SELECT {} ORDER BY anchors.id DESC LIMIT 2", columns));
    auto times = rows ? database.prepare("SELECT at FROM anchors WHERE at > ? ORDER BY id DESC LIMIT ?")
                      : std::unexpected(rows.error());
    if (!times) {
        return std::unexpected(std::move(times.error()));
    }
    AnchorBook book;
    for (auto *place : {&book.last, &book.previous}) {
        const auto row = rows->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            break;
        }
        auto anchor = read_anchor(*rows);
        if (!anchor) {
            return std::unexpected(std::move(anchor.error()));
        }
        *place = *anchor;
    }
    if (book.last) {
        if (auto fits = book.previous ? check_follows(*book.last, *book.previous) : check_first(*book.last);
            !fits) {
            return std::unexpected(std::move(fits.error()));
        }
    }
    times->bind(1, since_ns);
    times->bind(2, std::uint64_t{limit});
    for (;;) {
        const auto row = times->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row) {
            std::ranges::reverse(book.times);
            return book;
        }
        book.times.push_back(times->number(0));
    }
}

Result<Anchor> put_anchor(Database &database, std::uint64_t at_ns, AnchorReason reason, const Hash &before) {
    auto newest = database.prepare("SELECT id, size, note, (SELECT coalesce(max(id), 0) + 1 FROM anchors) "
                                   "FROM checkpoints ORDER BY id DESC LIMIT 1");
    auto insert = newest ? database.prepare("INSERT INTO anchors VALUES(?, ?, ?, ?, ?, ?, NULL)")
                         : std::unexpected(newest.error());
    if (!insert) {
        return std::unexpected(std::move(insert.error()));
    }
    const auto row = newest->step();
    if (!row) {
        return std::unexpected(row.error());
    }
    const auto note = *row ? Note::parse(newest->text(2)) : fail(Code::not_found, "there is no checkpoint");
    if (!note) {
        return std::unexpected(note.error());
    }
    Anchor anchor;
    anchor.id = newest->number(3);
    anchor.checkpoint = newest->number(0);
    anchor.size = newest->number(1);
    anchor.at_ns = at_ns;
    anchor.reason = reason;
    newest->reset();
    anchor.digest = anchor_digest(at_ns, reason, note->text);
    anchor.before = before;
    anchor.after = extended(before, anchor.digest);
    insert->bind(1, anchor.id);
    insert->bind(2, anchor.checkpoint);
    insert->bind(3, anchor.at_ns);
    insert->bind(4, name_of(reason));
    insert->bind(5, ByteView(anchor.before));
    insert->bind(6, ByteView(anchor.after));
    if (auto put = insert->run(); !put) {
        return std::unexpected(std::move(put.error()));
    }
    return anchor;
}

Result<void> finish_anchor(Database &database, std::uint64_t id, std::uint64_t count) {
    auto update = database.prepare("UPDATE anchors SET count = ? WHERE id = ? AND count IS NULL");
    if (!update) {
        return std::unexpected(std::move(update.error()));
    }
    update->bind(1, count);
    update->bind(2, id);
    return update->run();
}

} // namespace dsmil::ledger
