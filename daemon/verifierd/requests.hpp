// SPDX-License-Identifier: Apache-2.0
// The bodies that machines send, as JSON. The bytes may be hostile.
#pragma once

#include "verifierd/judgement.hpp"

#include <boost/json/object.hpp>

namespace dsmil::verifierd {

inline constexpr std::size_t max_key_bytes = 1'024;   // of a TPM2B_PUBLIC
inline constexpr std::size_t max_quote_bytes = 4'096; // of a quote, of a signature
inline constexpr std::size_t max_chain = 8;           // certificates beside the EK's own

struct EnrolmentRequest {
    Bytes ek_public;
    std::optional<Bytes> certificate; // DER
    std::vector<Bytes> chain;
    Bytes ak_public;
};

// {"ek": {"public", "certificate", "chain"}, "ak": {"public"}}, as GET /v1/identity of dsmild has
// them (other members are ignored there). usage with what is wrong.
[[nodiscard]] Result<EnrolmentRequest> parse_enrolment(std::string_view body);

// {"secret": base64}; 1 to 64 bytes.
[[nodiscard]] Result<Bytes> parse_secret(std::string_view body);

// {"quoted", "signature": base64, "pcrs": {"0": hex}, "event_log", "ima": base64, null or not there}.
// usage with what is wrong.
[[nodiscard]] Result<Evidence> parse_evidence(std::string_view body);

} // namespace dsmil::verifierd
