// SPDX-License-Identifier: Apache-2.0
// The files that the commands of "verify" take. Errors name the file.
#pragma once

#include "attest/event_log.hpp"
#include "attest/ima.hpp"
#include "attest/public_key.hpp"
#include "attest/reference.hpp"
#include "attest/verdict.hpp"
#include "command.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dsmilctl {

inline constexpr std::size_t max_evidence_bytes = 65536; // of a quote, a signature, a key, PCR values

// The file of an option or an argument that is there.
[[nodiscard]] dsmil::Result<dsmil::Bytes> read_named(const Call &call, std::string_view name,
                                                     std::size_t limit = max_evidence_bytes);
[[nodiscard]] dsmil::Result<dsmil::attest::PublicKey> read_key(const Call &call, std::string_view name);
[[nodiscard]] dsmil::Result<dsmil::attest::HashAlg> hash_option(const Call &call, std::string_view name);

// What is compared with reference values: --eventlog, --ima and --policy, those that are given.
struct Logs {
    dsmil::Bytes log_bytes; // of which `log` has views
    std::optional<dsmil::attest::EventLog> log;
    std::optional<std::vector<dsmil::attest::ImaEntry>> ima;
    dsmil::attest::Reference reference;
    bool has_reference = false;
};
[[nodiscard]] dsmil::Result<Logs> read_logs(const Call &call, std::string_view log_name,
                                            std::string_view ima_name);

} // namespace dsmilctl
