// SPDX-License-Identifier: Apache-2.0
// Looks after the TPM, each minute and whenever it is opened: was it reset, is
// it locked out, how much was written to it. For the TPM's own thread. Inner
// header of tpm/.
#pragma once

#include "tpm/status.hpp"
#include "tpm/timing.hpp"
#include "tpm/watch.hpp"

#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace dsmil::tpm {

struct Look {
    Status status;
    std::vector<SecurityEvent> events;
    Mark mark; // to be kept when the events are
};

class Health {
  public:
    Health(std::string state_dir, std::string null_name_path, const Timings &timings);

    // Compares with what was seen last. What it saw is kept in the state directory at
    // once, unless there are events: then not before they are durable, so that no crash
    // lets the mark move on without them.
    [[nodiscard]] Result<Look> look(Tpm &tpm);
    // The events of a look are durable, or could not be recorded: then they are told of
    // again. Any thread, once for each look with events; takes effect with the next
    // look() or catch_up().
    void settle(const Mark &mark, bool durable);
    [[nodiscard]] Result<void> catch_up();

  private:
    [[nodiscard]] Result<void> recall();
    [[nodiscard]] Result<void> save(const Mark &mark);

    std::string state_dir_;
    std::string null_name_path_;
    std::string boot_id_;
    const Timings &timings_;
    std::optional<Mark> saved_;        // as in the state directory, once it was looked up
    std::optional<Mark> seen_;         // by the last look
    std::uint64_t earlier_writes_ = 0; // to NV, of earlier lives
    bool recalled_ = false;            // saved_ is known
    unsigned unsettled_ = 0;           // looks whose events are not durable yet
    bool lost_ = false;                // one of them never will be

    struct Settled {
        Mark mark;
        bool durable;
    };
    std::mutex mutex_;
    std::vector<Settled> settled_; // not taken note of yet
};

} // namespace dsmil::tpm
