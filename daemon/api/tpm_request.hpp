// SPDX-License-Identifier: Apache-2.0
// What callers ask of the TPM itself, in JSON. The bytes may be hostile: everything is
// bounded here, before the TPM sees it.
#pragma once

#include "base/bytes.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"
#include "tpm/nv.hpp"
#include "tpm/seal.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dsmil::api {

struct TpmRequest {
    std::size_t bytes = 0;      // of random: 1 .. 1024
    std::vector<unsigned> pcrs; // ascending, distinct
    unsigned pcr = 0;
    Hash digest{};
    TPM2_HANDLE index = 0;
    tpm::NvKind kind = tpm::NvKind::data;
    std::size_t size = 0; // of an index: 1 .. 2048; counters and extend indices have their own
    Bytes data;
    Bytes secret;                          // at most 32 bytes
    std::optional<tpm::Approver> approver; // with PCRs
    struct Condition {
        TPM2_HANDLE index = 0;
        Bytes operand; // 1 .. 64 bytes
        tpm::policy::Comparison comparison = tpm::policy::Comparison::equal;
    };
    std::optional<Condition> condition;
    bool with_recovery = true;
    std::optional<tpm::Sealed> sealed;
    std::optional<tpm::Approval> approval;
    Bytes recovery; // 32 bytes, or none
};

enum class TpmOperation : std::uint8_t {
    random,       // bytes
    pcr_read,     // pcrs
    pcr_extend,   // pcr, digest
    nv_define,    // index, kind, size for data; secret
    nv_read,      // index; secret
    nv_write,     // index, data; secret
    nv_increment, // index; secret
    nv_extend,    // index, data; secret
    nv_undefine,  // index
    seal,         // data, pcrs or nv; approver, recovery
    unseal,       // sealed; approval, recovery
};

// usage with what is wrong: a member that the operation has not, or lacks, or of a wrong
// type or size.
[[nodiscard]] Result<TpmRequest> parse_tpm_request(std::string_view body, TpmOperation operation);

[[nodiscard]] std::string_view name(tpm::NvKind kind); // "data", "counter", "extend"

} // namespace dsmil::api
