// SPDX-License-Identifier: Apache-2.0
// Issues grants: the rules decide, the daemon's key signs first, an approver's own key
// second where the rule wants it. On the reactor's thread. docs/grants.md has the whole.
//
// A request lives until the grant would expire, in memory: after a restart it has to be
// made again. The ledger keeps each step, before anybody hears of it, and from the ledger
// the uses of each rule in the last day are counted again at start.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "base/worker.hpp"
#include "grants/book.hpp"
#include "grants/denials.hpp"
#include "grants/kernel.hpp"
#include "grants/rules.hpp"
#include "ledger/service.hpp"
#include "ledger/signer.hpp"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace dsmil::grants {

// The owner's name under which the daemon's own key is enrolled in the kernel.
inline constexpr std::string_view daemon_owner = "dsmild";

// Who called, as the kernel said.
struct Caller {
    std::uint32_t uid = 0;
    std::uint32_t pid = 0;
    std::vector<std::uint32_t> groups;
    std::string comm;
};

class Service {
  public:
    // `signer` has the daemon's key for grants; nothing else is signed with it.
    Service(Reactor &reactor, const Log &log, const Clock &clock, ledger::Service &ledger,
            ledger::Signer &signer, std::unique_ptr<Kernel> kernel,
            std::chrono::milliseconds count_retry = std::chrono::seconds(5));

    // Counts the uses of the rules in the ledger, again after `count_retry` when it cannot be
    // read; until that is done, requests are try_again.
    void start(Rules rules);
    [[nodiscard]] bool stop(std::chrono::milliseconds patience);
    // Records the refusals that were only counted so far; before the end.
    void settle();

    // grant_denied: no rule allows it; try_again: the rule's uses of the day or the places
    // are taken; grant_not_ready: a key is not enrolled in this load of the module;
    // module_missing, tpm_missing ... Otherwise the entry, waiting or approved.
    void request(Caller caller, Terms terms, Then<Result<Entry>> then);

    // The approver's signature (DER) of message_of(body). permission: another than the
    // approver whom the entry names; usage: it is not his key's.
    void approve(const Caller &caller, const std::string &id, std::string signature,
                 Then<Result<Entry>> then);

    struct Issued {
        Entry entry;
        std::string grant; // as the kernel takes it
    };
    // Signs an approved one and gives it out, to who asked for it, once. permission,
    // grant_pending, conflict.
    void issue(const Caller &caller, const std::string &id, Then<Result<Issued>> then);

    // By who asked, by the approver, or by an admin; until it was given out.
    void revoke(const Caller &caller, const std::string &id, bool is_admin, Then<Result<Entry>> then);

    // As long as a device is denied, no grant for it is asked for or given out.
    void deny_device(std::uint16_t device, bool denied);
    // Those of the device that were not given out yet; how many there were.
    [[nodiscard]] std::uint64_t revoke_device(std::uint16_t device);

    [[nodiscard]] std::vector<Entry> list();
    [[nodiscard]] Result<Entry> find(const std::string &id);

    // The daemon's own key, to be enrolled. tpm_missing.
    [[nodiscard]] Result<P256Point> own_key() const;

  private:
    void count_uses(std::uint64_t below);
    [[nodiscard]] Result<void> allowed(std::uint16_t device) const;
    [[nodiscard]] Result<const Rule *> admit(const Caller &caller, const Terms &terms) const;
    [[nodiscard]] Result<Entry> draft(const Caller &caller, const Terms &terms, const Rule &rule,
                                      const KernelFacts &facts) const;
    [[nodiscard]] Result<KeyId> enrolled(const KernelFacts &facts, const P256Point &key,
                                         std::string_view owner) const;
    void keep(ledger::Record record, Then<Result<void>> then);
    [[nodiscard]] Result<Entry> settle(const std::string &id, Result<void> kept);
    [[nodiscard]] ledger::Record record_of(std::string action, std::string outcome, const Caller &caller,
                                           const Entry &entry) const;
    void deny(const Caller &caller, const Terms &terms, Error error, Then<Result<Entry>> then);
    void keep_held(const std::vector<Denials::Held> &all);
    void await_held();
    void give_out(const Caller &caller, const std::string &id, const std::string &message,
                  Result<Bytes> signature, Then<Result<Issued>> then);

    Reactor &reactor_;
    const Log &log_;
    const Clock &clock_;
    ledger::Service &ledger_;
    ledger::Signer &signer_;
    std::unique_ptr<Kernel> kernel_;
    Rules rules_;
    Book book_;
    bool counted_ = false;
    bool count_failed_ = false;
    std::chrono::milliseconds count_retry_;
    Reactor::Timer count_timer_;
    std::set<std::uint16_t> denied_; // devices
    Denials denials_;
    Reactor::Timer held_timer_;
    Worker worker_; // last: it uses the others
};

} // namespace dsmil::grants
