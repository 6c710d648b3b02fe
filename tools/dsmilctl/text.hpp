// SPDX-License-Identifier: Apache-2.0
// What users type, and how values are shown. Pure.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/catalog.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

// "0x1F" or "31", at most `limit`; `what` names it in the usage error.
[[nodiscard]] dsmil::Result<std::uint64_t> parse_number(std::string_view what, std::string_view text,
                                                        std::uint64_t limit);
// A device or register as typed, or device_unknown / register_unknown.
[[nodiscard]] dsmil::Result<const dsmil::CatalogDevice *> parse_device(std::string_view text);
[[nodiscard]] dsmil::Result<dsmil::Register> parse_register(std::string_view text);
// "safe" ... "quarantined", any case.
[[nodiscard]] dsmil::Result<dsmil::Risk> parse_risk(std::string_view text);
// A number 0 .. 8 or a name of the catalogue.
[[nodiscard]] dsmil::Result<std::uint16_t> parse_group(std::string_view text);

// Pairs of hexadecimal digits; min .. max bytes.
[[nodiscard]] dsmil::Result<dsmil::Bytes> parse_hex(std::string_view what, std::string_view text,
                                                    std::size_t min, std::size_t max);
// "0,7,2": 0 .. 23, ascending and each once in the result; at least one.
[[nodiscard]] dsmil::Result<std::vector<unsigned>> parse_pcrs(std::string_view text);

[[nodiscard]] std::string hex16(std::uint16_t value); // "0x8009"
[[nodiscard]] std::string hex32(std::uint32_t value); // "0x0000001F"
// CLOCK_REALTIME nanoseconds as "2025-11-21T08:57:01.123456Z".
[[nodiscard]] std::string utc(std::uint64_t realtime_ns);
// "3 d 4 h", "12 min 5 s".
[[nodiscard]] std::string duration(std::uint64_t seconds);

} // namespace dsmilctl
