// SPDX-License-Identifier: Apache-2.0
// What a TPM's attestation key says of an NV index (TPM2_NV_Certify), verified
// by the bytes alone. The bytes may be hostile.
#pragma once

#include "attest/public_key.hpp"
#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>

namespace dsmil::attest {

// An index whose users need its secret, and that its owner may read and remove; no policy.
struct NvPublic {
    std::uint32_t index = 0;
    std::uint32_t attributes = 0; // TPMA_NV
    std::uint16_t size = 0;
};

// TPM 2.0 Library, Part 2, 13.4 (TPMA_NV).
namespace nv {
inline constexpr std::uint32_t auth_write = 1U << 2U;
inline constexpr std::uint32_t counter = 1U << 4U;
inline constexpr std::uint32_t extend = 4U << 4U;
inline constexpr std::uint32_t owner_read = 1U << 17U;
inline constexpr std::uint32_t auth_read = 1U << 18U;
inline constexpr std::uint32_t no_da = 1U << 25U;
inline constexpr std::uint32_t written = 1U << 29U;
inline constexpr std::uint32_t usual = auth_write | owner_read | auth_read | no_da;
} // namespace nv

// The Name: what the index is, so that no other kind of index passes for it.
[[nodiscard]] Bytes name_of(const NvPublic &index);

struct NvCertification {
    Bytes attest;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE, by the attestation key
};

// All that the index holds. attestation_failed with the check that failed ("name: ...") unless a TPM made
// the statement, `ak` signed it, the nonce is this one, and it is about this index and all of it. Whether
// `ak` belongs to a TPM, and to which, is for the caller to know.
[[nodiscard]] Result<Bytes> verify_nv_certification(const NvCertification &certification, const PublicKey &ak,
                                                    const NvPublic &index, ByteView nonce);

} // namespace dsmil::attest
