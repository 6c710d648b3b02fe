// SPDX-License-Identifier: Apache-2.0
#include "grants/service.hpp"

#include "grants/grant.hpp"

#include <algorithm>
#include <format>
#include <utility>

namespace dsmil::grants {
namespace {

constexpr std::string_view action_approved = "grant_approved";
constexpr std::string_view action_issued = "grant_issued";
constexpr std::string_view action_revoked = "grant_revoked";

} // namespace

Service::Service(Reactor &reactor, const Log &log, const Clock &clock, ledger::Service &ledger,
                 ledger::Signer &signer, std::unique_ptr<Kernel> kernel,
                 std::chrono::milliseconds count_retry)
    : reactor_(reactor), log_(log), clock_(clock), ledger_(ledger), signer_(signer),
      kernel_(std::move(kernel)), count_retry_(count_retry), count_timer_(reactor), held_timer_(reactor),
      worker_("dsmild-grants") {}

void Service::start(Rules rules) {
    rules_ = std::move(rules);
    count_uses(ledger_.snapshot().head.size);
}

bool Service::stop(std::chrono::milliseconds patience) {
    count_timer_.cancel();
    held_timer_.cancel();
    return worker_.stop(patience);
}

// Backwards through the ledger, until its records are more than a day old.
void Service::count_uses(std::uint64_t below) {
    const std::uint64_t first = below > ledger::Service::max_read ? below - ledger::Service::max_read : 0;
    if (below == 0) {
        counted_ = true;
        return;
    }
    ledger_.read(first, below - first, [this, first, below](Result<std::vector<ledger::Record>> records) {
        if (!records) {
            // Without the count nothing is given out.
            if (!std::exchange(count_failed_, true)) {
                log_.write_error(LogLevel::error, "grant_uses_unknown", records.error());
            }
            count_timer_.start(count_retry_, [this, below] { count_uses(below); });
            return;
        }
        const std::uint64_t now = clock_.realtime_ns();
        bool is_recent = false;
        for (const auto &record : *records) {
            is_recent = is_recent || record.realtime_ns + Book::day_ns > now;
            if (record.action != action_issued || record.outcome != "ok" || record.source != "dsmild") {
                continue;
            }
            const auto rule = std::ranges::find(record.context, "rule", &ledger::Field::name);
            if (rule != record.context.end() && std::holds_alternative<std::string>(rule->value)) {
                book_.note_use(std::get<std::string>(rule->value), record.realtime_ns);
            }
        }
        if (is_recent) {
            count_uses(first);
        } else {
            counted_ = true;
        }
    });
}

ledger::Record Service::record_of(std::string action, std::string outcome, const Caller &caller,
                                  const Entry &entry) const {
    auto record = ledger_.own_record(std::move(action), std::move(outcome));
    const auto &body = entry.body;
    record.actor = ledger::Actor{caller.uid, caller.pid, caller.comm, 0};
    record.device_id = body.device_id;
    record.reg = body.reg;
    record.token = static_cast<std::uint16_t>(
        DSMIL_TOKEN_BASE + (body.device_id - DSMIL_DEVICE_ID_BASE) * DSMIL_REGISTER_COUNT + body.reg);
    record.values = {{"value", std::uint64_t{body.value}},
                     {"mask", std::uint64_t{body.mask}},
                     {"uid", std::uint64_t{body.uid}}};
    if (!entry.id.empty()) {
        const ByteView nonce(body.nonce);
        record.values.push_back({"nonce", Bytes(nonce.begin(), nonce.end())});
        record.values.push_back({"expires_boottime_ns", std::uint64_t{body.expires_boottime_ns}});
    }
    if (!entry.rule.empty()) {
        record.context.push_back({"rule", entry.rule});
    }
    if (!entry.approver.empty()) {
        record.context.push_back({"approver", entry.approver});
    }
    return record;
}

void Service::keep(ledger::Record record, Then<Result<void>> then) {
    std::vector<ledger::Record> records;
    records.push_back(std::move(record));
    ledger_.append(std::move(records), [then = std::move(then)](Result<ledger::Appended> kept) mutable {
        then(kept ? Result<void>{} : std::unexpected(std::move(kept.error())));
    });
}

// The step that was begun is in the ledger, or could not be kept there.
Result<Entry> Service::settle(const std::string &id, Result<void> kept) {
    if (!kept) {
        book_.give_up(id);
        return std::unexpected(std::move(kept.error()));
    }
    return book_.settle(id).and_then([&] { return find(id); });
}

/* ------------------------------------------------------------- approve -- */

void Service::approve(const Caller &caller, const std::string &id, std::string signature,
                      Then<Result<Entry>> then) {
    const auto entry = find(id);
    if (!entry) {
        then(std::unexpected(entry.error()));
        return;
    }
    const auto *approver = rules_.approver(entry->approver);
    if (approver == nullptr || approver->uid != caller.uid) {
        then(fail(Code::permission, entry->approver.empty()
                                        ? std::format("grant {} needs no second signature", id)
                                        : std::format("grant {} waits for {}, and you are somebody else", id,
                                                      entry->approver)));
        return;
    }
    // Two persons: the rule's approver may ask for a grant too, but another must sign it.
    if (entry->uid == caller.uid) {
        then(fail(Code::permission, "who asks for a grant does not approve it; name another approver"));
        return;
    }
    if (!approver->key.signed_this(message_of(entry->body), as_bytes(signature))) {
        then(fail(Code::usage, std::format("it is not {}'s signature of grant {}", approver->name, id)));
        return;
    }
    if (auto approved = book_.approve(id, std::move(signature)); !approved) {
        then(std::unexpected(std::move(approved.error())));
        return;
    }
    keep(
        record_of(std::string(action_approved), "ok", caller, *entry),
        [this, id, then = std::move(then)](Result<void> kept) mutable { then(settle(id, std::move(kept))); });
}

/* --------------------------------------------------------------- issue -- */

void Service::issue(const Caller &caller, const std::string &id, Then<Result<Issued>> then) {
    const auto entry = find(id);
    if (!entry) {
        then(std::unexpected(entry.error()));
        return;
    }
    if (entry->uid != caller.uid) {
        then(fail(Code::permission, std::format("grant {} is for the user {}", id, entry->uid)));
        return;
    }
    if (auto open = allowed(entry->body.device_id); !open) {
        then(std::unexpected(std::move(open.error())));
        return;
    }
    // Before the TPM signs: nobody gets it twice, and the use is counted.
    if (auto begun = book_.issue(id); !begun) {
        then(std::unexpected(std::move(begun.error())));
        return;
    }
    const std::string message = message_of(entry->body);
    signer_.sign(sha256(as_bytes(message)),
                 [this, caller, id, message, then = std::move(then)](Result<Bytes> signature) mutable {
                     give_out(caller, id, message, std::move(signature), std::move(then));
                 });
}

void Service::give_out(const Caller &caller, const std::string &id, const std::string &message,
                       Result<Bytes> signature, Then<Result<Issued>> then) {
    const auto entry = find(id);
    const auto own = own_key();
    Result<std::string> grant = fail(Code::internal, "no grant");
    if (!entry || !own || !signature) {
        grant = std::unexpected(!entry ? entry.error() : !signature ? signature.error() : own.error());
    } else if (entry->body.expires_boottime_ns <= clock_.boottime_ns()) {
        grant = fail(Code::conflict, std::format("grant {} expired while it was signed; ask again", id));
    } else if (!std::ranges::equal(own->id(), entry->body.signer[0]) ||
               !own->signed_this(message, *signature)) {
        grant = fail(Code::tpm_failed, "the TPM has another key since the request; ask again");
    } else {
        std::vector<std::string> signatures = {std::string(as_text(*signature))};
        if (!entry->approval.empty()) {
            signatures.push_back(entry->approval);
        }
        grant = assemble(message, signatures);
    }
    if (!grant) {
        book_.give_up(id);
        then(std::unexpected(std::move(grant.error())));
        return;
    }
    keep(
        record_of(std::string(action_issued), "ok", caller, *entry),
        [this, entry = *entry, grant = std::move(*grant), then = std::move(then)](Result<void> kept) mutable {
            auto settled = settle(entry.id, std::move(kept));
            if (!settled) {
                then(std::unexpected(std::move(settled.error())));
                return;
            }
            book_.note_use(entry.rule, clock_.realtime_ns());
            then(Issued{std::move(*settled), std::move(grant)});
        });
}

/* ---------------------------------------------------------------- rest -- */

void Service::revoke(const Caller &caller, const std::string &id, bool is_admin, Then<Result<Entry>> then) {
    const auto entry = find(id);
    if (!entry) {
        then(std::unexpected(entry.error()));
        return;
    }
    const auto *approver = rules_.approver(entry->approver);
    if (!is_admin && caller.uid != entry->uid && (approver == nullptr || approver->uid != caller.uid)) {
        then(fail(Code::permission, std::format("grant {} is revoked by the user {} who asked for it, by its "
                                                "approver or by an admin",
                                                id, entry->uid)));
        return;
    }
    if (auto revoked = book_.revoke(id); !revoked) {
        then(std::unexpected(std::move(revoked.error())));
        return;
    }
    keep(record_of(std::string(action_revoked), "ok", caller, *entry),
         [this, id, then = std::move(then)](Result<void> kept) mutable {
             if (!kept) {
                 then(std::unexpected(std::move(kept.error())));
                 return;
             }
             then(find(id));
         });
}

void Service::deny_device(std::uint16_t device, bool denied) {
    if (denied) {
        denied_.insert(device);
    } else {
        denied_.erase(device);
    }
}

std::uint64_t Service::revoke_device(std::uint16_t device) {
    std::uint64_t revoked = 0;
    for (const auto &entry : list()) {
        if (entry.body.device_id != device || !book_.revoke(entry.id)) {
            continue;
        }
        revoked++;
        auto record = record_of(std::string(action_revoked), "ok", {}, entry);
        record.actor.reset(); // the daemon itself
        keep(std::move(record), [this](Result<void> kept) {
            if (!kept) {
                log_.write_error(LogLevel::error, "ledger_append_failed", kept.error());
            }
        });
    }
    return revoked;
}

std::vector<Entry> Service::list() {
    book_.expire(clock_.boottime_ns());
    return book_.list();
}

Result<Entry> Service::find(const std::string &id) {
    book_.expire(clock_.boottime_ns());
    return book_.find(id).transform([](const Entry *entry) { return *entry; });
}

Result<P256Point> Service::own_key() const {
    const auto spki = signer_.public_key();
    if (!spki) {
        return fail(Code::tpm_missing, "the daemon's key for grants is in the TPM");
    }
    return decode_public_key(*spki);
}

} // namespace dsmil::grants
