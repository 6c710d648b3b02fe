// SPDX-License-Identifier: Apache-2.0
// Asking for a grant: what is allowed, and what is refused, recorded and counted.
#include "grants/grant.hpp"
#include "grants/service.hpp"

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
constexpr std::string_view action_held = "grant_requests_counted";

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

Result<void> Service::allowed(std::uint16_t device) const {
    return denied_.contains(device)
               ? Result<void>(
                     fail(Code::grant_denied,
                          std::format("device 0x{0:04X} showed an intrusion; an admin clears it with "
                                      "dsmilctl device clear 0x{0:04X}",
                                      device)))
               : Result<void>{};
}

Result<const Rule *> Service::admit(const Caller &caller, const Terms &terms) const {
    if (!counted_) {
        return fail(Code::try_again, "the grants of the last day are being counted");
    }
    if (auto open = allowed(terms.device_id); !open) {
        return std::unexpected(std::move(open.error()));
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

// Refusals beyond the limit, one record for each user; they stay counted until it is durable.
void Service::keep_held(const std::vector<Denials::Held> &all) {
    for (const auto &held : all) {
        auto record = ledger_.own_record(std::string(action_held), "refused");
        if (held.uid) {
            record.actor = ledger::Actor{*held.uid, 0, {}, 0};
        }
        record.values = {
            {"count", held.count}, {"first_boottime_ns", held.first_ns}, {"last_boottime_ns", held.last_ns}};
        keep(std::move(record), [this, held](Result<void> kept) {
            if (!kept) {
                log_.write_error(LogLevel::error, "ledger_append_failed", kept.error());
                denials_.give_back(held);
                await_held();
            }
        });
    }
}

void Service::await_held() {
    const auto due = denials_.due();
    if (!due) {
        return;
    }
    const std::uint64_t now = clock_.boottime_ns();
    const std::chrono::nanoseconds left(std::max<std::uint64_t>(*due > now ? *due - now : 0, second_ns));
    held_timer_.start(std::chrono::ceil<std::chrono::milliseconds>(left), [this] {
        keep_held(denials_.take(clock_.boottime_ns()));
        await_held();
    });
}

void Service::settle() {
    keep_held(denials_.take_all());
}

// Who is refused is recorded, up to a limit, and then counted; who shall come again later
// is not.
void Service::deny(const Caller &caller, const Terms &terms, Error error, Then<Result<Entry>> then) {
    if (error.code == Code::try_again) {
        then(std::unexpected(std::move(error)));
        return;
    }
    keep_held(denials_.take(clock_.boottime_ns()));
    const auto verdict = denials_.note(caller.uid, clock_.boottime_ns());
    if (verdict == Denials::Verdict::count) {
        await_held();
        then(std::unexpected(std::move(error)));
        return;
    }
    Entry nothing;
    nothing.body = body_of(caller, terms);
    auto record = record_of(std::string(action_requested), "refused", caller, nothing);
    record.context.push_back(
        {"error", error.detail.empty() ? std::string(info(error.code).message) : error.detail});
    if (verdict == Denials::Verdict::record_last) {
        record.context.push_back({"counted_from_here_on_ns", Denials::window_ns});
    }
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

} // namespace dsmil::grants
