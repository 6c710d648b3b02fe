// SPDX-License-Identifier: Apache-2.0
#include "grants/service.hpp"

#include "grants/grant.hpp"

#include <algorithm>
#include <ctime>
#include <format>
#include <sys/random.h>
#include <utility>

namespace dsmil::grants {
namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;
constexpr unsigned urgent = 0;
constexpr std::string_view action_requested = "grant_requested";
constexpr std::string_view action_approved = "grant_approved";
constexpr std::string_view action_issued = "grant_issued";
constexpr std::string_view action_revoked = "grant_revoked";

Asker asker_of(const Caller &caller, std::uint64_t realtime_ns) {
    const auto seconds = static_cast<std::time_t>(realtime_ns / second_ns);
    std::tm local{};
    ::tzset(); // The machine's time zone may have been changed; localtime_r() does not look.
    ::localtime_r(&seconds, &local);
    return {.uid = caller.uid,
            .groups = caller.groups,
            .weekday = static_cast<unsigned>(local.tm_wday),
            .minute = static_cast<unsigned>(60 * local.tm_hour + local.tm_min)};
}

Result<void> fill_nonce(dsmil_grant_body &body) {
    if (::getrandom(body.nonce, sizeof(body.nonce), 0) != static_cast<ssize_t>(sizeof(body.nonce))) {
        return fail(Code::internal, "there are no random bytes");
    }
    return {};
}

std::string id_of(const dsmil_grant_body &body) {
    return to_hex(ByteView(body.nonce).first(sizeof(body.nonce) / 2));
}

dsmil_grant_body body_of(const Caller &caller, const Terms &terms) {
    dsmil_grant_body body{};
    body.device_id = terms.device_id;
    body.reg = static_cast<std::uint8_t>(terms.reg);
    body.value = terms.value;
    body.mask = terms.mask;
    body.old_value = terms.old_value.value_or(0);
    body.flags = terms.old_value ? DSMIL_GRANT_EXPECT_OLD : 0;
    body.uid = caller.uid;
    return body;
}

// The approver whom the request names, or the rule's first other than who asks; nobody
// where none is needed.
Result<std::string> choose_approver(const Rules &rules, const Rule &rule, const Terms &terms,
                                    std::uint32_t uid) {
    const auto is_another = [&](const std::string &name) {
        const auto *approver = rules.approver(name);
        return approver != nullptr && approver->uid != uid;
    };
    if (!terms.approver.empty() && !std::ranges::contains(rule.approvers, terms.approver)) {
        return fail(Code::grant_denied,
                    std::format("{} is no approver of the rule \"{}\"", terms.approver, rule.name));
    }
    if (!terms.approver.empty()) {
        return is_another(terms.approver)
                   ? Result<std::string>(terms.approver)
                   : fail(Code::grant_denied,
                          "who asks for a grant does not approve it; name another approver");
    }
    const auto found = std::ranges::find_if(rule.approvers, is_another);
    if (found == rule.approvers.end() && !rule.approvers.empty()) {
        return fail(Code::grant_denied,
                    std::format("the rule \"{}\" has no other approver than you", rule.name));
    }
    return found == rule.approvers.end() ? std::string() : *found;
}

} // namespace

Service::Service(Reactor &reactor, const Log &log, const Clock &clock, ledger::Service &ledger,
                 ledger::Signer &signer, std::unique_ptr<Kernel> kernel,
                 std::chrono::milliseconds count_retry)
    : reactor_(reactor), log_(log), clock_(clock), ledger_(ledger), signer_(signer),
      kernel_(std::move(kernel)), count_retry_(count_retry), count_timer_(reactor), worker_("dsmild-grants") {
}

void Service::start(Rules rules) {
    rules_ = std::move(rules);
    count_uses(ledger_.snapshot().head.size);
}

bool Service::stop(std::chrono::milliseconds patience) {
    count_timer_.cancel();
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

/* ------------------------------------------------------------- request -- */

Result<const Rule *> Service::admit(const Caller &caller, const Terms &terms) const {
    if (!counted_) {
        return fail(Code::try_again, "the grants of the last day are being counted");
    }
    auto rule = rules_.find(terms, asker_of(caller, clock_.realtime_ns()));
    if (!rule) {
        return rule;
    }
    if (terms.seconds > (*rule)->max_seconds) {
        return fail(Code::grant_denied, std::format("the rule \"{}\" lets a grant hold {} seconds, not {}",
                                                    (*rule)->name, (*rule)->max_seconds, terms.seconds));
    }
    if (auto approver = choose_approver(rules_, **rule, terms, caller.uid); !approver) {
        return std::unexpected(std::move(approver.error()));
    }
    if (book_.uses((*rule)->name, clock_.realtime_ns()) >= (*rule)->max_per_day) {
        return fail(Code::grant_denied,
                    std::format("the rule \"{}\" allows {} grants in 24 hours, and they are "
                                "used up",
                                (*rule)->name, (*rule)->max_per_day));
    }
    if (auto room = book_.may_add(caller.uid); !room) {
        return std::unexpected(std::move(room.error()));
    }
    return rule;
}

Result<KeyId> Service::enrolled(const KernelFacts &facts, const P256Point &key,
                                std::string_view owner) const {
    const KeyId id = key.id();
    const auto found = std::ranges::find(facts.keys, id, &GrantKey::id);
    if (found == facts.keys.end()) {
        return fail(Code::grant_not_ready,
                    std::format("the key of {} is not enrolled in this load of the module: "
                                "dsmilctl grants enroll KEY --owner {}",
                                owner, owner));
    }
    if (found->owner != owner) {
        return fail(Code::grant_not_ready,
                    std::format("the key of {} is enrolled as that of {}", owner, found->owner));
    }
    return id;
}

Result<Entry> Service::draft(const Caller &caller, const Terms &terms, const Rule &rule,
                             const KernelFacts &facts) const {
    if (!facts.supports_grants) {
        return fail(Code::refused_grant_unsupported, "no grant can be used here");
    }
    const auto own = own_key();
    const auto approver = choose_approver(rules_, rule, terms, caller.uid);
    if (!own || !approver) {
        return std::unexpected(!own ? own.error() : approver.error());
    }
    Entry entry;
    entry.body = body_of(caller, terms);
    std::vector<std::pair<P256Point, std::string_view>> signers = {{*own, daemon_owner}};
    if (!approver->empty()) {
        signers.emplace_back(rules_.approver(*approver)->key, *approver);
    }
    for (const auto &[key, owner] : signers) {
        const auto id = enrolled(facts, key, owner);
        if (!id) {
            return std::unexpected(id.error());
        }
        std::ranges::copy(*id, entry.body.signer[entry.body.signer_count++]);
    }
    if (auto random = fill_nonce(entry.body); !random) {
        return std::unexpected(std::move(random.error()));
    }
    std::ranges::copy(facts.load_id, entry.body.load_id);
    entry.body.firmware_kind = facts.firmware_kind;
    entry.body.expires_boottime_ns =
        clock_.boottime_ns() +
        std::uint64_t{terms.seconds != 0 ? terms.seconds : rule.max_seconds} * second_ns;
    entry.id = id_of(entry.body);
    entry.rule = rule.name;
    entry.uid = caller.uid;
    entry.approver = *approver;
    entry.state = approver->empty() ? State::approved : State::waiting;
    return entry;
}

// Who asks for what no rule allows is recorded; who comes too early or too often is not.
void Service::deny(const Caller &caller, const Terms &terms, Error error, Then<Result<Entry>> then) {
    if (error.code == Code::try_again) {
        then(std::unexpected(std::move(error)));
        return;
    }
    Entry nothing;
    nothing.body = body_of(caller, terms);
    auto record = record_of(std::string(action_requested), "refused", caller, nothing);
    record.context.push_back(
        {"error", error.detail.empty() ? std::string(info(error.code).message) : error.detail});
    keep(std::move(record), [error = std::move(error), then = std::move(then)](Result<void> kept) mutable {
        then(std::unexpected(kept ? std::move(error) : std::move(kept.error())));
    });
}

void Service::request(Caller caller, Terms terms, Then<Result<Entry>> then) {
    book_.expire(clock_.boottime_ns());
    if (auto admitted = admit(caller, terms); !admitted) {
        deny(caller, terms, std::move(admitted.error()), std::move(then));
        return;
    }
    const auto answer = std::make_shared<Then<Result<Entry>>>(std::move(then));
    auto drafted = [this, caller = std::move(caller), terms = std::move(terms),
                    answer](Result<KernelFacts> facts) {
        if (!facts) {
            deny(caller, terms, std::move(facts.error()), std::move(*answer));
            return;
        }
        // Others may have come while the kernel was asked.
        const auto rule = admit(caller, terms);
        if (!rule) {
            deny(caller, terms, rule.error(), std::move(*answer));
            return;
        }
        auto entry = draft(caller, terms, **rule, *facts);
        if (!entry) {
            deny(caller, terms, std::move(entry.error()), std::move(*answer));
            return;
        }
        book_.add(*entry);
        keep(record_of(std::string(action_requested), "ok", caller, *entry),
             [this, id = entry->id, answer](Result<void> kept) { (*answer)(settle(id, std::move(kept))); });
    };
    const bool taken = worker_.submit(urgent, [this, drafted = std::move(drafted)]() mutable {
        auto facts = kernel_->facts();
        reactor_.post([drafted = std::move(drafted), facts = std::move(facts)]() mutable {
            drafted(std::move(facts));
        });
    });
    if (!taken) {
        reactor_.post(
            [answer] { (*answer)(fail(Code::try_again, "too many requests wait for the kernel")); });
    }
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
