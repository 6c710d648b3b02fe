// SPDX-License-Identifier: Apache-2.0
// What this machine shows to a verifier: dsmild's quote and the kernel's logs.
#pragma once

#include "dsmil/error.hpp"
#include "verifier_config.hpp"

#include <boost/json/object.hpp>

namespace dsmilctl {

// The verifier's question: {"nonce", "pcrs", "event_log", "ima"}; other members are ignored.
struct EvidenceRequest {
    std::string nonce; // hexadecimal
    boost::json::array pcrs;
    bool event_log = false;
    bool ima = false;
};
// malformed if it is none. Whether nonce and PCRs may be asked is dsmild's to say.
[[nodiscard]] dsmil::Result<EvidenceRequest> decode_question(const boost::json::object &question);

// The body of the answer. The logs are read after the quote, so that they are not behind it; one
// that the kernel does not have is left out, and the verifier says what that means. The errors of
// ApiClient; permission for a log that may not be read.
[[nodiscard]] dsmil::Result<std::string>
gather_evidence(const std::string &socket, const VerifierConfig &config, const EvidenceRequest &request);

} // namespace dsmilctl
