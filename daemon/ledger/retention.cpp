// SPDX-License-Identifier: Apache-2.0
#include "ledger/retention.hpp"

#include "ledger/tree.hpp"

#include <algorithm>
#include <format>

namespace dsmil::ledger {
namespace {

constexpr std::size_t place_bytes = sizeof(Id128) + sizeof(std::uint64_t); // load id, next sequence

// Whether all records of a bundle happened before.
Result<bool> all_before(Database &database, std::uint64_t first, std::uint64_t before_ns) {
    auto rows = database.prepare("SELECT body FROM records WHERE seq >= ? AND seq < ? ORDER BY seq");
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    rows->bind(1, first);
    rows->bind(2, first + tile_width);
    for (;;) {
        const auto row = rows->step();
        if (!row || !*row) {
            return row.transform([](bool /*found*/) { return true; });
        }
        const auto record = decode_record(rows->bytes(0));
        if (!record || record->realtime_ns >= before_ns) {
            return false;
        }
    }
}

template <typename T>
const T *value_of(const Record &record, std::string_view name) {
    const auto field = std::ranges::find(record.values, name, &Field::name);
    return field != record.values.end() ? std::get_if<T>(&field->value) : nullptr;
}

} // namespace

Result<Pruned> plan_pruning(Database &database, const Retention &policy, std::uint64_t from,
                            std::uint64_t covered, std::uint64_t size) {
    const std::uint64_t most = covered / tile_width * tile_width;
    const std::uint64_t step = std::min(most, from + max_pruned_bundles * tile_width);
    const std::uint64_t surplus =
        policy.keep_records && size > *policy.keep_records ? size - *policy.keep_records : 0;
    Pruned pruned{.from = from, .first = from, .more = false};
    for (std::uint64_t next = from + tile_width; next <= most; next += tile_width) {
        bool goes = next <= surplus;
        if (!goes && policy.before_ns) {
            const auto old = all_before(database, pruned.first, *policy.before_ns);
            if (!old) {
                return std::unexpected(old.error());
            }
            goes = *old;
        }
        if (!goes || next > step) {
            pruned.more = goes;
            break;
        }
        pruned.first = next;
    }
    return pruned;
}

Result<void> describe_pruning(Record &record, const Retention &policy, const Pruned &pruned,
                              const RingPositions &rings) {
    if (rings.size() > max_pruned_rings) {
        return fail(Code::failed, std::format("there were more than {} loads of the module, whose places in "
                                              "the audit ring no record has room for",
                                              max_pruned_rings));
    }
    Bytes places;
    for (const auto &[load_id, next] : rings) {
        places.insert(places.end(), load_id.begin(), load_id.end());
        for (unsigned shift = 64; shift > 0;) {
            shift -= 8;
            places.push_back(static_cast<std::uint8_t>(next >> shift));
        }
    }
    record.values.push_back({"from", pruned.from});
    record.values.push_back({"first", pruned.first});
    record.values.push_back({"rings", std::move(places)});
    if (policy.before_ns) {
        record.values.push_back({"before_ns", *policy.before_ns});
    }
    if (policy.keep_records) {
        record.values.push_back({"keep_records", *policy.keep_records});
    }
    return {};
}

std::optional<PrunedRecord> read_pruning(const Record &record) {
    if (record.action != pruned_action || record.source != "dsmild") {
        return std::nullopt;
    }
    const auto *first = value_of<std::uint64_t>(record, "first");
    const auto *places = value_of<Bytes>(record, "rings");
    if (first == nullptr || *first > record.sequence || places == nullptr ||
        places->size() % place_bytes != 0) {
        return std::nullopt;
    }
    PrunedRecord told{.first = *first, .rings = {}};
    for (ByteView rest = *places; !rest.empty(); rest = rest.subspan(place_bytes)) {
        Id128 load_id{};
        std::ranges::copy(rest.first(load_id.size()), load_id.begin());
        std::uint64_t next = 0;
        for (const std::uint8_t byte : rest.subspan(load_id.size(), sizeof(next))) {
            next = next << 8U | byte;
        }
        told.rings[load_id] = next;
    }
    return told;
}

} // namespace dsmil::ledger
