// SPDX-License-Identifier: Apache-2.0
// Has the TPM remember checkpoints, so that a ledger whose end was cut off, or
// an older copy in its place, shows. In this order, so that a crash anywhere is
// made good at the next start: the anchor is in the file as pending, the TPM's
// index is extended, its counter is moved, the anchor is done. Reactor's thread.
#pragma once

#include "base/clock.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "ledger/anchor.hpp"
#include "ledger/anchor_table.hpp"
#include "ledger/notary.hpp"
#include "ledger/wear_budget.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace dsmil::ledger {

// What the anchorer does with the ledger.
class AnchorStore {
  public:
    virtual ~AnchorStore() = default;
    // Each is durable when it calls back; see anchor_table.hpp.
    virtual void read_book(std::uint64_t since_ns, std::size_t limit, Then<Result<AnchorBook>> then) = 0;
    virtual void begin_anchor(std::uint64_t at_ns, AnchorReason reason, const Hash &before,
                              Then<Result<Anchor>> then) = 0;
    virtual void end_anchor(std::uint64_t id, std::uint64_t count, Then<Result<void>> then) = 0;
    // How many records the newest checkpoint covers.
    [[nodiscard]] virtual std::uint64_t signed_size() const = 0;
    // A security event: into the ledger.
    virtual void notice(std::string action, std::string detail) = 0;
};

enum class AnchorState : std::uint8_t {
    off,         // the configuration says so, or no TPM is to be had
    waiting,     // for the TPM
    kept,        // file and TPM agree
    rolled_back, // see AnchorFinding; nothing more is anchored
    lost,
    differs,
};
[[nodiscard]] std::string_view name_of(AnchorState state);

class Anchorer {
  public:
    // After trouble with the TPM, until the next try.
    static constexpr std::chrono::milliseconds first_retry{60'000};
    static constexpr std::chrono::milliseconds last_retry{600'000};

    Anchorer(Reactor &reactor, const Log &log, const Clock &clock, Notary *notary, AnchorStore &store);

    // 0 a day: off.
    void configure(unsigned per_day, std::chrono::milliseconds interval);

    // The TPM can be used, again or for the first time: file and TPM are compared, and what a crash left
    // half done is ended.
    void notary_ready();

    // A new checkpoint was kept. `critical`: it is anchored now, if the budget allows it.
    void checkpointed(bool critical);
    // The last one is anchored, if the budget allows it; then calls back, whatever came of it.
    void close(Task then);

    // The administrator takes the TPM's memory for the beginning of a new chain. conflict unless there is
    // something to adopt.
    void adopt(Then<Result<void>> then);

    [[nodiscard]] bool adoptable() const;
    [[nodiscard]] Error nothing_to_adopt() const;

    [[nodiscard]] AnchorState state() const { return state_; }
    // What is wrong in the states that are.
    [[nodiscard]] const std::string &detail() const { return detail_; }
    [[nodiscard]] const std::optional<Anchor> &last() const { return last_; } // that is done
    [[nodiscard]] WearBudget budget() const { return budget_; }
    [[nodiscard]] SteadyTime now() const { return SteadyTime(clock_.boottime_ns()); }
    // Since the start: those made, and the critical and closing ones for which there was no budget.
    [[nodiscard]] std::uint64_t made() const { return made_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

  private:
    void look();
    void judge(const AnchorBook &book, const AnchorMemory &memory);
    void resume(const Anchor &last, AnchorFinding finding, const AnchorMemory &memory);
    void consider();
    void begin(AnchorReason reason);
    void extend(const Anchor &anchor);
    void count(const Anchor &anchor, std::optional<std::uint64_t> before);
    void finish(Anchor anchor, std::uint64_t count);
    void contradict(AnchorState state, std::string detail);
    void trouble(Error error);
    void idle();

    const Log &log_;
    const Clock &clock_;
    Notary *notary_;
    AnchorStore &store_;
    WearBudget budget_{0};
    std::chrono::nanoseconds interval_{};
    AnchorState state_ = AnchorState::off;
    std::string detail_;
    std::optional<Anchor> last_;
    SteadyTime last_at_{SteadyTime::min() / 2};
    Reactor::Timer timer_;
    Reactor::Timer retry_timer_;
    std::chrono::milliseconds retry_ = first_retry;
    bool looked_ = false;   // the budget knows of earlier lives
    bool busy_ = false;     // something is under way
    bool critical_ = false; // a critical checkpoint waits for it
    bool troubled_ = false; // told already
    Task closing_;          // who waits for the last one
    Then<Result<void>> adopting_;
    std::uint64_t made_ = 0;
    std::uint64_t refused_ = 0;
};

} // namespace dsmil::ledger
