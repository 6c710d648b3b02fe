// SPDX-License-Identifier: Apache-2.0
// The small files of tpm2-tools: a key, PCR values, a plain signature, an earlier quote, a credential,
// a key's certificate; each input is tried as all of them.
#include "attest/certification.hpp"
#include "attest/credential.hpp"
#include "attest/pcr_file.hpp"
#include "attest/public_key.hpp"
#include "attest/quote.hpp"
#include "attest/signature.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

const dsmil::attest::PublicKey &some_key() {
    static constexpr std::string_view pem =
        "-----BEGIN PUBLIC KEY-----\n"
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\n"
        "kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n"
        "-----END PUBLIC KEY-----\n";
    static const auto key = dsmil::attest::PublicKey::read(dsmil::as_bytes(pem));
    return *key;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    namespace attest = dsmil::attest;
    const dsmil::ByteView file(data, size);
    if (const auto key = attest::PublicKey::read(file)) {
        const auto again = attest::PublicKey::read(dsmil::as_bytes(key->pem()));
        if (!again || again->spki() != key->spki()) {
            std::abort();
        }
        const dsmil::Bytes name(34, 11);
        (void)attest::make_credential(*key, name, dsmil::Bytes(16));
    }
    static constexpr std::array<unsigned, 2> quoted = {0, 7};
    if (const auto pcrs = attest::read_pcr_file(file, quoted)) {
        const auto again = attest::read_pcr_file(attest::serialized_pcrs(*pcrs), quoted);
        if (!again || *again != *pcrs) {
            std::abort();
        }
    }
    (void)attest::signature_from_plain(file, some_key(), attest::HashAlg::sha256);
    (void)attest::parse_signature(file, some_key());
    (void)attest::read_report(file);
    (void)attest::verify_certification({.attest = {data, data + size}, .signature = {data, data + size}},
                                       some_key(), some_key(), {});
    if (const auto credential = attest::read_credential(file);
        credential && credential->credential.size() + credential->secret.size() + 8 != size) {
        std::abort();
    }
    (void)attest::quoted_pcrs(file);
    return 0;
}
