// SPDX-License-Identifier: Apache-2.0
// What the two cosignatures of C2SP tlog-cosignature sign. A cosignature's bytes
// are the timestamp, big-endian, and the signature of this message.
#pragma once

#include "base/bytes.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace dsmil::ledger {

inline constexpr std::uint64_t max_cosignature_time =
    ~std::uint64_t{0} >> 1U; // 2^63 - 1, seconds of POSIX time

// Of type 0x04: the text of the checkpoint with two lines before it.
[[nodiscard]] std::string ed25519_cosigned_text(std::uint64_t timestamp, std::string_view checkpoint_text);

// Of type 0x06. A checkpoint's subtree begins at 0 and ends at its size.
struct Subtree {
    std::string_view origin;
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    Hash hash{};
};
// usage: a name is empty or longer than 255 bytes.
[[nodiscard]] Result<Bytes> mldsa_cosigned_message(std::string_view cosigner, std::uint64_t timestamp,
                                                   const Subtree &subtree);

// The timestamp and the signature in a cosignature's bytes; failed when there are none, or the
// timestamp is beyond its range.
[[nodiscard]] Result<std::pair<std::uint64_t, ByteView>> split_cosignature(ByteView bytes);
[[nodiscard]] Bytes join_cosignature(std::uint64_t timestamp, ByteView signature);

} // namespace dsmil::ledger
