// SPDX-License-Identifier: Apache-2.0
// Hashes, proofs and keys as users and other programs spell them.
#pragma once

#include "command.hpp"
#include "dsmil/error.hpp"
#include "ledger/proof.hpp"
#include "ledger/verifier_key.hpp"

#include <boost/json/array.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

// Hexadecimal digits or base64, of any length: whether it is a hash is for the check to say. usage.
[[nodiscard]] dsmil::Result<dsmil::Bytes> parse_hash(std::string_view what, std::string_view text);

// Such hashes, separated by commas or white space, or none. proof_refused when one has not 32 bytes,
// or there are more than any proof has; usage.
[[nodiscard]] dsmil::Result<dsmil::ledger::Proof> parse_proof(std::string_view what, std::string_view text);

// The value of --proof: the hashes, or @FILE with them; without the option the empty proof.
[[nodiscard]] dsmil::Result<dsmil::ledger::Proof> read_proof(const Call &call);

// The value of --key: a verifier key, or a file with one a line.
[[nodiscard]] dsmil::Result<std::vector<dsmil::ledger::VerifierKey>> read_note_keys(const Call &call);

// The keys of a file, one a line.
[[nodiscard]] dsmil::Result<std::vector<dsmil::ledger::VerifierKey>> read_keys_file(const std::string &path);

// For JSON.
[[nodiscard]] boost::json::array hex_list(const dsmil::ledger::Proof &proof);

} // namespace dsmilctl
