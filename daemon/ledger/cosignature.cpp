// SPDX-License-Identifier: Apache-2.0
#include "ledger/cosignature.hpp"

#include <format>

namespace dsmil::ledger {
namespace {

constexpr std::size_t timestamp_bytes = 8;

void put_u64(Bytes &out, std::uint64_t value) {
    for (unsigned shift = 64; shift > 0;) {
        shift -= 8;
        out.push_back(static_cast<std::uint8_t>(value >> shift));
    }
}

void put_opaque(Bytes &out, std::string_view text) {
    out.push_back(static_cast<std::uint8_t>(text.size()));
    out.insert(out.end(), text.begin(), text.end());
}

bool fits(std::string_view name) {
    return !name.empty() && name.size() <= 255;
}

} // namespace

std::string ed25519_cosigned_text(std::uint64_t timestamp, std::string_view checkpoint_text) {
    return std::format("cosignature/v1\ntime {}\n{}", timestamp, checkpoint_text);
}

Result<Bytes> mldsa_cosigned_message(std::string_view cosigner, std::uint64_t timestamp,
                                     const Subtree &subtree) {
    if (!fits(cosigner) || !fits(subtree.origin)) {
        return fail(Code::usage, "an ML-DSA-44 cosignature has names of 1 to 255 bytes");
    }
    constexpr std::string_view label("subtree/v1\n\0", 12);
    Bytes message(label.begin(), label.end());
    put_opaque(message, cosigner);
    put_u64(message, timestamp);
    put_opaque(message, subtree.origin);
    put_u64(message, subtree.start);
    put_u64(message, subtree.end);
    message.insert(message.end(), subtree.hash.begin(), subtree.hash.end());
    return message;
}

Result<std::pair<std::uint64_t, ByteView>> split_cosignature(ByteView bytes) {
    if (bytes.size() <= timestamp_bytes) {
        return fail(Code::failed, "not a cosignature: it is too short for a timestamp");
    }
    std::uint64_t timestamp = 0;
    for (const std::uint8_t byte : bytes.first(timestamp_bytes)) {
        timestamp = timestamp << 8U | byte;
    }
    if (timestamp > max_cosignature_time) {
        return fail(Code::failed, "not a cosignature: its timestamp is beyond 2^63 - 1");
    }
    return std::pair{timestamp, bytes.subspan(timestamp_bytes)};
}

Bytes join_cosignature(std::uint64_t timestamp, ByteView signature) {
    Bytes bytes;
    put_u64(bytes, timestamp);
    bytes.insert(bytes.end(), signature.begin(), signature.end());
    return bytes;
}

} // namespace dsmil::ledger
