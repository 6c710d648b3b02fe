// SPDX-License-Identifier: Apache-2.0
#include "tpm/policy.hpp"

#include <array>
#include <initializer_list>

namespace dsmil::tpm::policy {
namespace {

// Numbers of the commands (TPM 2.0 Library, Part 2, 6.5.2).
constexpr std::uint32_t cc_policy_nv = 0x149;
constexpr std::uint32_t cc_policy_authorize = 0x16A;
constexpr std::uint32_t cc_policy_auth_value = 0x16B;
constexpr std::uint32_t cc_policy_or = 0x171;
constexpr std::uint32_t cc_policy_pcr = 0x17F;
constexpr std::size_t min_branches = 2;
constexpr std::size_t max_branches = 8;

template <std::size_t N>
std::array<std::uint8_t, N> big_endian(std::uint64_t value) {
    std::array<std::uint8_t, N> bytes{};
    for (std::size_t i = 0; i < N; i++) {
        bytes.at(N - 1 - i) = static_cast<std::uint8_t>(value >> (8 * i));
    }
    return bytes;
}

// TPML_PCR_SELECTION of one bank with three bytes of bits.
std::array<std::uint8_t, 10> selection(std::span<const unsigned> pcrs) {
    std::array<std::uint8_t, 10> bytes = {0, 0, 0, 1, 0x00, 0x0B, 3, 0, 0, 0};
    for (const unsigned pcr : pcrs) {
        bytes.at(7 + pcr / 8) |= static_cast<std::uint8_t>(1U << (pcr % 8));
    }
    return bytes;
}

} // namespace

Hash pcr_digest(const std::map<unsigned, Bytes> &pcrs) {
    Bytes all;
    for (const auto &[pcr, value] : pcrs) {
        all.insert(all.end(), value.begin(), value.end());
    }
    return sha256(all);
}

Hash pcr(const Hash &before, std::span<const unsigned> pcrs, const Hash &digest) {
    return sha256({before, big_endian<4>(cc_policy_pcr), selection(pcrs), digest});
}

Hash auth_value(const Hash &before) {
    return sha256({before, big_endian<4>(cc_policy_auth_value)});
}

Result<Hash> any_of(std::span<const Hash> policies) {
    if (policies.size() < min_branches || policies.size() > max_branches) {
        return fail(Code::usage, "a choice of policies is of two to eight");
    }
    Bytes all;
    for (const auto &one : policies) {
        all.insert(all.end(), one.begin(), one.end());
    }
    return sha256({nothing, big_endian<4>(cc_policy_or), all});
}

Hash authorize(ByteView key_name, ByteView reference) {
    return sha256({sha256({nothing, big_endian<4>(cc_policy_authorize), key_name}), reference});
}

Hash to_be_approved(const Hash &policy, ByteView reference) {
    return sha256({policy, reference});
}

Hash nv(const Hash &before, ByteView index_name, ByteView operand, std::uint16_t offset,
        Comparison comparison) {
    const Hash arguments =
        sha256({operand, big_endian<2>(offset), big_endian<2>(static_cast<std::uint16_t>(comparison))});
    return sha256({before, big_endian<4>(cc_policy_nv), arguments, index_name});
}

} // namespace dsmil::tpm::policy
