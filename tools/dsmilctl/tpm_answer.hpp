// SPDX-License-Identifier: Apache-2.0
// What dsmild answers about the TPM, decoded. Pure, bounded, and for any bytes.
#pragma once

#include "dsmil/error.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dsmilctl {

// Whose word it is that the storage root is the TPM's: that of its maker, or nobody's.
struct OriginAnswer {
    std::string name; // the TPM's, hexadecimal
    bool certified = false;
    std::string ek; // "ecc-p384"; these four when it is certified
    std::string ek_certificate_sha256;
    std::string maker;
    std::string maker_sha256;
    std::string reason; // else these
    std::string remedy;
};

struct TpmAnswer {
    struct Chip {
        std::string manufacturer;
        std::string firmware_version;
        std::uint64_t reset_count = 0;
        std::uint64_t restart_count = 0;
        std::uint64_t lockout_counter = 0;
        std::uint64_t lockout_limit = 0;
        std::uint64_t lockout_left_s = 0;
        std::uint64_t nv_writes = 0;
        std::uint64_t nv_endurance = 0;
    };
    struct Command {
        std::string name;
        std::uint64_t count = 0;
        double p50_ms = 0;
        double p95_ms = 0;
        double p99_ms = 0;
        double longest_ms = 0;
    };
    std::string state;
    bool attested = false;
    std::optional<std::string> trouble;
    std::optional<std::string> remedy;
    std::optional<Chip> chip;
    std::optional<OriginAnswer> origin;
    std::uint64_t waiting = 0;
    std::uint64_t queue_limit = 0;
    std::vector<Command> commands;
    std::map<std::string, std::uint64_t> errors;
};

// failed when it is not what dsmild answers.
[[nodiscard]] dsmil::Result<OriginAnswer> decode_origin(const boost::json::object &object);
[[nodiscard]] boost::json::object origin_json(const OriginAnswer &origin);
[[nodiscard]] dsmil::Result<TpmAnswer> decode_tpm(const boost::json::object &object);

} // namespace dsmilctl
