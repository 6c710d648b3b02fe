// SPDX-License-Identifier: Apache-2.0
// What the verifier answers, decoded. Pure, bounded, and for any bytes.
#pragma once

#include "dsmil/error.hpp"
#include "output.hpp"

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsmilctl {

struct MachineAnswer {
    std::string name;
    std::string state;
    std::string rule;
    std::string vendor;
    std::string ek_name;
    std::string ak_name;
    bool pulled = false;
    std::uint64_t enrolled_at = 0;
    std::optional<std::uint64_t> attested_at;
    std::optional<std::uint64_t> tried_at;
    std::optional<std::string> outcome;
};

struct FindingAnswer {
    std::string check;
    std::string what;
    std::string remedy;
    std::optional<std::uint64_t> pcr;
    std::optional<std::uint64_t> entry;
};

struct ResultAnswer {
    std::uint64_t number = 0;
    std::uint64_t at = 0;
    std::string outcome;
    bool holds = false;
    std::vector<FindingAnswer> findings;
    std::uint64_t more_findings = 0;
    std::string token;
};

// failed for what is not of this release's form.
[[nodiscard]] dsmil::Result<MachineAnswer> decode_machine(const boost::json::object &object);
[[nodiscard]] dsmil::Result<ResultAnswer> decode_result(const boost::json::object &object);
// Each object of an array that is a member.
[[nodiscard]] dsmil::Result<std::vector<MachineAnswer>> decode_machines(const boost::json::object &object);
[[nodiscard]] dsmil::Result<std::vector<ResultAnswer>> decode_results(const boost::json::object &object);

[[nodiscard]] boost::json::object machine_json(const MachineAnswer &machine);
[[nodiscard]] boost::json::object result_json(const ResultAnswer &result);
// The outcome, a line a finding, and one with its remedy.
void print_result(const ResultAnswer &result, Output &out);
// 0, or the exit code of what the outcome stands for.
[[nodiscard]] int exit_of(const ResultAnswer &result);

} // namespace dsmilctl
