// SPDX-License-Identifier: Apache-2.0
// Bytes, and their spellings in text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] ByteView as_bytes(std::string_view text);
[[nodiscard]] std::string_view as_text(ByteView bytes);

[[nodiscard]] std::string to_hex(ByteView bytes); // lower case
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);

// RFC 4648 section 4, with padding. Decoding takes the canonical form only: no
// white space, padding complete, unused bits zero.
[[nodiscard]] std::string to_base64(ByteView bytes);
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

// The text with what a terminal or JSON would take amiss (control characters,
// bytes outside ASCII) as '?': names of processes are the caller's choice.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace dsmil
