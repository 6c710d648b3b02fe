// SPDX-License-Identifier: Apache-2.0
// The verifier's types (attest/quote.hpp) under the names of the TPM's side.
#pragma once

#include "attest/quote.hpp"

namespace dsmil::tpm {

using attest::pcr_count;
using attest::QuoteBundle;
using attest::QuoteReport;
using attest::verify_quote;

} // namespace dsmil::tpm
