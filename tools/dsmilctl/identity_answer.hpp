// SPDX-License-Identifier: Apache-2.0
// The answer to GET /v1/identity, decoded and checked as far as it can be by
// itself. Pure, bounded, and for any bytes.
#pragma once

#include "attest/certification.hpp"
#include "attest/public_key.hpp"
#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

namespace dsmilctl {

struct IdentityKey {
    dsmil::Bytes public_area; // TPM2B_PUBLIC
    dsmil::attest::PublicKey key;
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): of a public area always
    [[nodiscard]] const dsmil::Bytes &name() const { return key.area()->name; }
};

// The members "public" and "name": attestation_failed when they are none, or not of each other.
[[nodiscard]] dsmil::Result<IdentityKey> decode_identity_key(const boost::json::object &from);

struct IdentityAnswer {
    struct Ek {
        std::string type; // "ecc-p256"
        IdentityKey key;
        std::optional<dsmil::Bytes> certificate; // DER, of this very key
        std::vector<dsmil::Bytes> chain;
    };
    struct Own {
        std::string purpose; // fit for a file's name: "checkpoint-key"
        IdentityKey key;
        dsmil::attest::Certification certification;
    };
    std::vector<Ek> eks;
    IdentityKey ak;
    std::vector<Own> keys;
};

// attestation_failed when something is missing or malformed, when a Name is not that of its key, when a
// certificate is for another key, when the attestation key is none, or did not certify a key. Whether an
// EK's certificate holds (verify ek-cert), and whether the attestation key is in its TPM (a credential),
// is not looked at.
[[nodiscard]] dsmil::Result<IdentityAnswer> decode_identity(const boost::json::object &answer);

} // namespace dsmilctl
