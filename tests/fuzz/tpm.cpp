// SPDX-License-Identifier: Apache-2.0
// What the TPM layer reads from elsewhere: its own mark and word of the maker, keys and
// signatures of others, what a maker left in the TPM.
#include "base/bytes.hpp"
#include "tpm/ek_template.hpp"
#include "tpm/object_name.hpp"
#include "tpm/origin.hpp"
#include "tpm/public_key.hpp"
#include "tpm/watch.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const dsmil::ByteView input(data, size);
    const auto mark = dsmil::tpm::parse_mark(dsmil::as_text(input));
    if (mark && dsmil::tpm::parse_mark(dsmil::tpm::format_mark(*mark)) != *mark) {
        std::abort();
    }
    const auto origin = dsmil::tpm::parse_origin(dsmil::as_text(input));
    if (origin && dsmil::tpm::parse_origin(dsmil::tpm::format_origin(*origin)) != *origin) {
        std::abort();
    }
    const auto key = dsmil::tpm::external_key(input);
    if (key && !dsmil::tpm::spki_of(*key)) {
        std::abort();
    }
    for (const TPM2_ALG_ID type : {TPM2_ALG_ECC, TPM2_ALG_RSA}) {
        TPMT_PUBLIC area{};
        area.type = type;
        const auto signature = dsmil::tpm::parse_signature(area, input);
        if (signature && !dsmil::tpm::signature_bytes(*signature)) {
            std::abort();
        }
    }
    const dsmil::Bytes bytes(data, data + size);
    for (const auto algorithm :
         {dsmil::tpm::EkAlgorithm::p256, dsmil::tpm::EkAlgorithm::p384, dsmil::tpm::EkAlgorithm::rsa2048}) {
        const auto standard = dsmil::tpm::ek_template(algorithm, false);
        const auto made = dsmil::tpm::makers_template(standard, bytes, std::nullopt);
        const auto with_nonce = dsmil::tpm::makers_template(standard, std::nullopt, bytes);
        if ((made && !dsmil::tpm::marshal(*made)) || (with_nonce && !dsmil::tpm::marshal(*with_nonce))) {
            std::abort();
        }
    }
    return 0;
}
