// SPDX-License-Identifier: Apache-2.0
// The answer to POST /v1/device/provision, decoded and checked. Pure, bounded, and for
// any bytes.
#pragma once

#include "attest/certification.hpp"
#include "identity_answer.hpp"

#include <boost/json/object.hpp>
#include <string>

namespace dsmilctl {

struct DeviceKeyAnswer {
    bool made = false; // now; else it was there
    IdentityKey key;
    std::string public_pem; // of that key
    dsmil::attest::Certification certification;
    IdentityKey ak;
    std::string ak_public_pem; // of that key
};

// attestation_failed when something is missing or malformed, when a Name or a PEM is not that of its
// key, and when verify_certification() finds something. Whether the attestation key is in a TPM, and
// in which, is for the caller to know.
[[nodiscard]] dsmil::Result<DeviceKeyAnswer> decode_device_key(const boost::json::object &answer,
                                                               dsmil::ByteView nonce);

} // namespace dsmilctl
