// SPDX-License-Identifier: Apache-2.0
// Lines of audit: whatever they hold, what becomes a record can be written.
#include "base/bytes.hpp"
#include "ingest/audit_events.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

void keep(const std::vector<dsmil::ingest::AuditLine> &event) {
    if (event.size() > dsmil::ingest::AuditEvents::max_event_lines) {
        std::abort();
    }
    if (auto record = dsmil::ingest::audit_record(event)) {
        const auto body = dsmil::ledger::encode(std::move(*record));
        if (!body || !dsmil::ledger::decode_record(*body)) {
            std::abort();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    auto rest = dsmil::as_text({data, size});
    dsmil::ingest::AuditEvents events;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        auto parsed = dsmil::ingest::parse_audit_line(line);
        if (!parsed) {
            parsed = dsmil::ingest::parse_audit_message(1'300, line);
        }
        if (!parsed) {
            continue;
        }
        if (parsed->fields.size() > dsmil::ingest::max_audit_fields) {
            std::abort();
        }
        for (const auto &event : events.take(std::move(*parsed))) {
            keep(event);
        }
    }
    for (const auto &event : events.flush()) {
        keep(event);
    }
    return 0;
}
