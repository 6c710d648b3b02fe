// SPDX-License-Identifier: Apache-2.0
// Constants of the TPM specification by their names. Inner header of attest/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dsmil::attest::policy_json {

// Names without their prefix ("TPM2_CC_", "ALG_", ...), in any case.
[[nodiscard]] std::string_view without_prefix(std::string_view name);
[[nodiscard]] bool same_name(std::string_view left, std::string_view right);

[[nodiscard]] std::optional<std::uint32_t> command_code_of(std::string_view name);
[[nodiscard]] std::optional<std::uint16_t> comparison_of(std::string_view name);
[[nodiscard]] std::optional<std::uint16_t> algorithm_of(std::string_view name);
[[nodiscard]] std::optional<std::uint16_t> curve_of(std::string_view name);
[[nodiscard]] std::optional<std::uint32_t> object_attribute_of(std::string_view name);
[[nodiscard]] std::optional<std::uint32_t> nv_attribute_of(std::string_view name); // and TPM_NT, shifted

} // namespace dsmil::attest::policy_json
