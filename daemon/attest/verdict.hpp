// SPDX-License-Identifier: Apache-2.0
// Evidence against reference values: which event changed which PCR, and what to
// do about it.
#pragma once

#include "attest/event_log.hpp"
#include "attest/ima.hpp"
#include "attest/quote.hpp"
#include "attest/reference.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dsmil::attest {

// Of one verdict; what is beyond is counted.
inline constexpr std::size_t max_findings = 100;

struct Finding {
    std::string check;                // "pcr", "replay", "event", "ima", "files", "ak-name", ...
    std::optional<unsigned> pcr;      // which it is about
    std::optional<std::size_t> entry; // of the event log (from 0), or of IMA's list (from 1)
    std::string what;                 // a sentence
    std::string remedy;               // what to do
};

struct Verdict {
    std::vector<Finding> findings;             // of all checks, or the first max_findings
    std::size_t more = 0;                      // findings beyond
    std::set<std::string, std::less<>> failed; // the checks that have findings, also those beyond
    bool compared = false;                 // there was something in [tpm], [pcrs] or [events] to compare with
    std::set<unsigned> proven;             // the log leads to the values that these have
    std::optional<std::size_t> ima_quoted; // how many entries of IMA's list were quoted

    [[nodiscard]] bool holds() const { return findings.empty(); }
};

// What is there, verified before: the values by a quote. Nothing is owned.
struct Evidence {
    const Pcrs *pcrs = nullptr; // without them a log is compared with the reference alone
    const EventLog *log = nullptr;
    const std::vector<ImaEntry> *ima = nullptr;
    const Bytes *ak_name = nullptr;
    const Bytes *ek_name = nullptr;
    const std::uint64_t *firmware_version = nullptr;
};

// What the reference says of something that is not among the evidence is a finding too: it was
// not shown. An event or an entry is named only if the PCR's value, where there is one, proves it.
[[nodiscard]] Verdict judge(const Evidence &evidence, const Reference &reference);

} // namespace dsmil::attest
