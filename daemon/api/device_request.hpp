// SPDX-License-Identifier: Apache-2.0
// What callers ask of a device, and what was sealed for one, in JSON. The bytes
// may be hostile.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"
#include "tpm/seal.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace dsmil::api {

struct DeviceRequest {
    std::uint16_t device = 0;   // an id of the catalogue
    Bytes nonce;                // 8 .. 32 bytes
    std::vector<unsigned> pcrs; // ascending, distinct
    std::optional<tpm::Sealed> sealed;
    Bytes recovery;                      // 32 bytes, or none
    std::optional<std::uint64_t> record; // of the ledger
};

// Which members the request has to have besides the device, and may have.
struct DeviceMembers {
    bool nonce = false;
    bool pcrs = false; // may be left out: `default_pcrs`
    bool sealed = false;
    bool record = false;
    std::vector<unsigned> default_pcrs;
};

// usage with what is wrong; device_unknown.
[[nodiscard]] Result<DeviceRequest> parse_device_request(std::string_view body, const DeviceMembers &members);

// What `dsmilctl device seal` and `tpm seal` keep: {"version": 1, "public", "private": base64,
// "pcrs": {"7": hex}, "recovery": true}, and when it was sealed so "approver": {"spki": base64,
// "reference": hex} and "nv": {"index": "0x01801000", "name", "operand": hex, "comparison"}.
[[nodiscard]] Result<boost::json::object> sealed_to_json(const tpm::Sealed &sealed);
[[nodiscard]] Result<tpm::Sealed> sealed_from_json(const boost::json::object &object);

inline constexpr std::size_t max_operand_bytes = 64; // TPM2B_OPERAND

// "0x01801000". usage.
[[nodiscard]] Result<TPM2_HANDLE> parse_index(std::string_view member, const boost::json::value &value);
// "equal", "not_equal", "at_least", "at_most". usage.
[[nodiscard]] Result<tpm::policy::Comparison> parse_comparison(std::string_view member,
                                                               const boost::json::value &value);
[[nodiscard]] std::string_view name(tpm::policy::Comparison comparison);

} // namespace dsmil::api
