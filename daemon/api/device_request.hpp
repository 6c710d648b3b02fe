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
    Bytes recovery; // 32 bytes, or none
};

// Which members the request has to have besides the device, and may have.
struct DeviceMembers {
    bool nonce = false;
    bool pcrs = false; // may be left out: `default_pcrs`
    bool sealed = false;
    std::vector<unsigned> default_pcrs;
};

// usage with what is wrong; device_unknown.
[[nodiscard]] Result<DeviceRequest> parse_device_request(std::string_view body, const DeviceMembers &members);

// What `dsmilctl device seal` keeps: {"version": 1, "public", "private": base64,
// "pcrs": {"7": hex}, "recovery": true}.
[[nodiscard]] Result<boost::json::object> sealed_to_json(const tpm::Sealed &sealed);
[[nodiscard]] Result<tpm::Sealed> sealed_from_json(const boost::json::object &object);

} // namespace dsmil::api
