// SPDX-License-Identifier: Apache-2.0
// What the TPM layer reads from elsewhere: its own mark and word of the maker, keys and
// signatures of others.
#include "base/bytes.hpp"
#include "tpm/origin.hpp"
#include "tpm/public_key.hpp"
#include "tpm/watch.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

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
    return 0;
}
