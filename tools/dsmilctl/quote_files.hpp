// SPDX-License-Identifier: Apache-2.0
// A quote in the files that tpm2_checkquote takes, for --out.
#pragma once

#include "attest/quote.hpp"
#include "new_folder.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

// Of NewFolder::make(): quote.msg, quote.sig, quote.pcrs, ak.pem, nonce, and statement when the
// quote is of one.
enum class QuoteOf : bool { nonce, statement };
[[nodiscard]] std::vector<std::string> quote_files(QuoteOf what);

// `nonce` is what the quote answers; an empty `statement` is none.
[[nodiscard]] dsmil::Result<void> keep_quote(NewFolder &place, const dsmil::attest::QuoteBundle &bundle,
                                             dsmil::ByteView nonce, std::string_view statement = {});

} // namespace dsmilctl
