// SPDX-License-Identifier: Apache-2.0
// Grants from outside: the rules, the bodies of requests, and the draft that is signed.
#include "api/grant_request.hpp"
#include "grants/grant.hpp"
#include "grants/rules.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <linux/dsmil.h>

namespace {

// Everybody there is has a number, and every file is a key.
dsmil::grants::Surroundings surroundings() {
    constexpr std::string_view key = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
)";
    const auto number = [](const std::string &name) {
        return std::optional<std::uint32_t>(static_cast<std::uint32_t>(name.size()));
    };
    return {.user = number,
            .group = number,
            .file = [key](const std::string &) -> dsmil::Result<std::string> { return std::string(key); }};
}

// No rule opens what no grant opens, and none is without an end.
void check(const dsmil::grants::Rules &rules) {
    for (const auto &rule : rules.rules) {
        for (const auto id : rule.devices) {
            const auto risk = dsmil::catalog()[id - DSMIL_DEVICE_ID_BASE].risk;
            if (risk >= dsmil::Risk::locked || (risk == dsmil::Risk::guarded && rule.approvers.empty())) {
                std::abort();
            }
        }
        if (rule.max_seconds == 0 || rule.max_seconds > DSMIL_GRANT_LIFE_MAX_S || rule.max_per_day == 0) {
            std::abort();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto input = dsmil::as_text({data, size});
    if (const auto rules = dsmil::grants::parse_rules(input, "input", surroundings())) {
        check(*rules);
    } else if (rules.error().code != dsmil::Code::config_invalid) {
        std::abort();
    }
    if (const auto terms = dsmil::api::parse_grant_request(input);
        terms && (terms->device_id < DSMIL_DEVICE_ID_BASE || terms->seconds > DSMIL_GRANT_LIFE_MAX_S)) {
        std::abort();
    }
    if (const auto call = dsmil::api::parse_grant_call(input, dsmil::api::WithSignature::yes);
        call && (call->id.size() != 16 || call->signature.empty())) {
        std::abort();
    }
    if (const auto body = dsmil::grants::body_of(input)) {
        static_cast<void>(dsmil::grants::describe(*body));
        if (dsmil::grants::message_of(*body) != input) {
            std::abort();
        }
    }
    return 0;
}
