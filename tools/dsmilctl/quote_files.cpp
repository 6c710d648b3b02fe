// SPDX-License-Identifier: Apache-2.0
#include "quote_files.hpp"

#include "attest/pcr_file.hpp"

namespace dsmilctl {

std::vector<std::string> quote_files(QuoteOf what) {
    std::vector<std::string> names = {"quote.msg", "quote.sig", "quote.pcrs", "ak.pem", "nonce"};
    if (what == QuoteOf::statement) {
        names.emplace_back("statement");
    }
    return names;
}

dsmil::Result<void> keep_quote(NewFolder &place, const dsmil::attest::QuoteBundle &bundle,
                               dsmil::ByteView nonce, std::string_view statement) {
    const auto pcrs = dsmil::attest::serialized_pcrs(bundle.pcrs);
    const auto nonce_line = dsmil::to_hex(nonce) + "\n";
    std::vector<std::string_view> contents = {dsmil::as_text(bundle.quoted), dsmil::as_text(bundle.signature),
                                              dsmil::as_text(pcrs), bundle.ak_public_pem, nonce_line};
    if (!statement.empty()) {
        contents.push_back(statement);
    }
    return place.keep(contents);
}

} // namespace dsmilctl
