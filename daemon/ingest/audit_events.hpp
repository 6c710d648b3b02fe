// SPDX-License-Identifier: Apache-2.0
// Events of the kernel's audit that are about the platform, as records of the
// ledger: what touched /dev/mem and its like, our nodes or modules, and what a rule
// with a key "dsmil..." saw. Pure.
#pragma once

#include "ingest/audit_line.hpp"
#include "ledger/record.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace dsmil::ingest {

// Puts lines together to events. Lines of one event follow each other, with those of a few others
// in between.
class AuditEvents {
  public:
    static constexpr std::size_t max_open = 16;        // events whose end did not come yet
    static constexpr std::size_t max_event_lines = 64; // more lines of one are left out

    // The events that are whole now: this line ended one, or too many are open.
    [[nodiscard]] std::vector<std::vector<AuditLine>> take(AuditLine line);
    // Those whose end did not come.
    [[nodiscard]] std::vector<std::vector<AuditLine>> flush();

  private:
    std::deque<std::vector<AuditLine>> open_;
};

// The record of an event, without boot time, boot id and number; nothing for one that is about
// something else. source "audit"; action module_load, module_unload, memory_open, node_open,
// interface_open or audited; outcome ok or failed.
[[nodiscard]] std::optional<ledger::Record> audit_record(const std::vector<AuditLine> &event);

} // namespace dsmil::ingest
