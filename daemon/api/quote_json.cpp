// SPDX-License-Identifier: Apache-2.0
#include "api/quote_json.hpp"

#include <string>

namespace dsmil::api {

boost::json::object quote_json(const tpm::Quote &quote) {
    boost::json::object pcrs;
    for (const auto &[pcr, value] : quote.bundle.pcrs) {
        pcrs[std::to_string(pcr)] = to_hex(value);
    }
    return {
        {"quoted", to_base64(quote.bundle.quoted)},
        {"signature", to_base64(quote.bundle.signature)},
        {"ak_public_pem", quote.bundle.ak_public_pem},
        {"pcr_bank", "sha256"},
        {"pcrs", std::move(pcrs)},
        {"tpm_manufacturer", quote.manufacturer},
        {"firmware_version", quote.firmware_version},
    };
}

} // namespace dsmil::api
