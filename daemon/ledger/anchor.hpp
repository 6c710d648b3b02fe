// SPDX-License-Identifier: Apache-2.0
// Anchors: checkpoints that the TPM remembers. Each one extends an NV index,
// as a PCR is extended, and then moves an NV counter; what the TPM holds can
// neither be set back nor be made to fit another history.
#pragma once

#include "attest/nv_index.hpp"
#include "base/sha256.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace dsmil::ledger {

// Both are made by the daemon in the owner's range, and written before anybody relies on them.
inline constexpr std::uint32_t anchor_value_index = 0x0180D510;
inline constexpr std::uint32_t anchor_count_index = 0x0180D511;
inline constexpr attest::NvPublic anchor_value_public{
    anchor_value_index, attest::nv::usual | attest::nv::extend | attest::nv::written, 32};
inline constexpr attest::NvPublic anchor_count_public{
    anchor_count_index, attest::nv::usual | attest::nv::counter | attest::nv::written, 8};

enum class AnchorReason : std::uint8_t {
    interval,
    critical,
    closing,
    adopted, // the chain begins anew with what the TPM held
};
inline constexpr std::size_t anchor_reasons = 4;
// Of the daemon's record that tells of an adopted one and comes before it.
inline constexpr std::string_view adopted_action = "anchor_adopted";
[[nodiscard]] std::string_view name_of(AnchorReason reason);
[[nodiscard]] std::optional<AnchorReason> anchor_reason(std::string_view name);

struct Anchor {
    std::uint64_t id = 0;         // from 1
    std::uint64_t checkpoint = 0; // id
    std::uint64_t size = 0;       // records that it covers
    std::uint64_t at_ns = 0;      // CLOCK_REALTIME
    AnchorReason reason = AnchorReason::interval;
    Hash digest{}; // what extends the index
    Hash before{}; // what the index held; zero when it was never written
    Hash after{};
    std::optional<std::uint64_t> count; // of the counter after it; nothing: pending
};

// SHA-256 of a line with time and reason and of the checkpoint's text, as docs/ledger.md has it.
[[nodiscard]] Hash anchor_digest(std::uint64_t at_ns, AnchorReason reason, std::string_view checkpoint_text);
// What the index holds after it was extended.
[[nodiscard]] Hash extended(const Hash &before, const Hash &digest);

// What the TPM holds.
struct AnchorMemory {
    bool has_value = false; // the index is defined
    bool has_count = false;
    std::optional<Hash> value; // nothing: never written
    std::optional<std::uint64_t> count;
};

// What file and TPM come to, at the start.
enum class AnchorFinding : std::uint8_t {
    fresh,       // neither knows of the other
    agrees,      // the file's last anchor is the TPM's
    extend,      // the last anchor is pending and the TPM has not seen it
    count,       // the TPM has it and did not count it
    finish,      // the TPM is through with it, and only the file does not know
    rolled_back, // the TPM counted more than the file knows of: it was cut or an older copy was put back
    lost,        // the TPM forgot: it was cleared, or the indices were removed
    differs,     // the TPM holds what does not follow from the file
};
// `last` and the one before it.
[[nodiscard]] AnchorFinding compare(const std::optional<Anchor> &previous, const std::optional<Anchor> &last,
                                    const AnchorMemory &memory);

} // namespace dsmil::ledger
