// SPDX-License-Identifier: Apache-2.0
// What the verifier knows of a machine, in values. Times are seconds since 1970.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::verifierd {

// Named bounds; each has a metric or an error that names it.
inline constexpr std::size_t max_machines = 10'000;
inline constexpr std::size_t max_sessions = 4'096;   // questions that wait for evidence
inline constexpr std::size_t max_enrolments = 1'024; // challenges that wait for their secret
inline constexpr unsigned max_attempts = 3;          // evidence whose parts do not fit together, in a row

// As a client certificate names it (CN): 1 to 64 letters, digits, '.', '_', '-', the first a letter
// or a digit.
[[nodiscard]] bool is_machine_name(std::string_view name);

// How a judgement ended. Broken evidence shows nothing: it is no TPM's, not of now, or its parts
// contradict each other. A violation is shown by a TPM, and is not what the reference values allow.
enum class Outcome : std::uint8_t { verified, broken_evidence, policy_violation };
[[nodiscard]] std::string_view name_of(Outcome outcome); // "verified" ...

enum class State : std::uint8_t { never, fresh, late, dead, failed };
inline constexpr std::size_t state_count = 5;
[[nodiscard]] std::string_view name_of(State state);

struct Keys {
    Bytes ek_public; // TPM2B_PUBLIC
    Bytes ek_name;
    Bytes ak_public;
    Bytes ak_name;
    std::string vendor; // what the EK certificate says of the TPM; empty without one
};

struct Machine {
    std::string name;
    Keys keys;
    std::uint64_t enrolled_s = 0;
    std::optional<std::uint64_t> attested_s; // the last time that everything held
    std::optional<std::uint64_t> tried_s;    // the last result
    std::optional<Outcome> outcome;          // of it
    unsigned attempts = 0;                   // inconclusive ones since
    Bytes quoted;                            // TPMS_ATTEST of the last quote that was this TPM's and fresh
};

// How old the last good result may be.
struct Ages {
    std::uint64_t late_s = 300;
    std::uint64_t dead_s = 3'600;
};

// failed: the last result did not hold, whenever that was. Else by the age of the last good one.
[[nodiscard]] State state_of(const Machine &machine, std::uint64_t now_s, const Ages &ages);

// A question that was asked, and evidence must answer once.
struct Session {
    std::string id;
    std::string machine;
    Bytes nonce;
    std::uint32_t pcrs = 0; // a bit each
    std::uint64_t issued_s = 0;
    std::uint64_t expires_s = 0;
    bool used = false;
};

// A machine that has not yet shown that AK and EK are in one TPM.
struct Enrolment {
    std::string id;
    std::string machine;
    Keys keys;
    Bytes secret;
    std::uint64_t issued_s = 0;
    std::uint64_t expires_s = 0;
};

struct Record {
    std::uint64_t number = 0; // ascending over all machines
    std::uint64_t at_s = 0;
    Outcome outcome = Outcome::verified;
    std::string body;  // JSON: checks, findings, PCRs
    std::string token; // EAT
};

// Whether something that was issued and expires then holds now. A clock that went back before the
// issue makes it invalid, not long-lived.
[[nodiscard]] inline bool is_open(std::uint64_t issued_s, std::uint64_t expires_s, std::uint64_t now_s) {
    return now_s >= issued_s && now_s < expires_s;
}

} // namespace dsmil::verifierd
