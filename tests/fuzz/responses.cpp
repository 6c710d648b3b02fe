// SPDX-License-Identifier: Apache-2.0
// What is done about intrusions, from outside: the rules, and records that satisfy them.
#include "base/bytes.hpp"
#include "device/security_event.hpp"
#include "ledger/record.hpp"
#include "response/decider.hpp"
#include "response/rules.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

constexpr std::string_view some_rules = R"([[response]]
name = "all"
devices = "all"
when = ["register_changed", "write_refused", "firmware_failed", "grant_denied", "tpm_event"]
do = ["sign"]
)";

void check(const dsmil::response::Rules &rules) {
    for (const auto &rule : rules) {
        if (rule.devices.empty() || rule.when.none() || rule.at_least == 0 ||
            rule.at_least > dsmil::response::max_at_least || rule.within_seconds == 0) {
            std::abort();
        }
    }
}

// Words are lines of printable ASCII, whatever the record holds.
void check(const dsmil::ledger::Record &record) {
    const auto words = dsmil::security_event(record, "origin", dsmil::Hash{});
    if (!words) {
        return;
    }
    for (const char c : *words) {
        if (c != '\n' && (c < 0x20 || c > 0x7E)) {
            std::abort();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (const auto rules = dsmil::response::parse_rules(dsmil::as_text({data, size}), "input")) {
        check(*rules);
    } else if (rules.error().code != dsmil::Code::config_invalid) {
        std::abort();
    }
    if (const auto record = dsmil::ledger::decode_record({data, size})) {
        static const auto rules = dsmil::response::parse_rules(some_rules, "rules").value();
        dsmil::response::Decider decider(rules);
        std::vector<dsmil::response::Decision> open;
        decider.note(*record, open);
        check(*record);
    }
    return 0;
}
