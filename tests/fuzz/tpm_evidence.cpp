// SPDX-License-Identifier: Apache-2.0
// What a machine says that its TPM remembers: JSON with two statements of an attestation key.
#include "ledger/tpm_evidence.hpp"
#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

constexpr std::string_view ak_pem = "-----BEGIN PUBLIC KEY-----\n"
                                    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\n"
                                    "kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n"
                                    "-----END PUBLIC KEY-----\n";

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const auto ak = dsmil::attest::PublicKey::read(dsmil::as_bytes(ak_pem)).value();
    const auto evidence = dsmil::ledger::parse_evidence({reinterpret_cast<const char *>(data), size});
    // Nobody here has the key.
    if (evidence && dsmil::ledger::verify_evidence(*evidence, ak, dsmil::Bytes(16, 0))) {
        std::abort();
    }
    return 0;
}
