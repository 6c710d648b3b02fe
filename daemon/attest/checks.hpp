// SPDX-License-Identifier: Apache-2.0
// What was looked at and how it ended, in the words of RFC 9711 (measres).
#pragma once

#include "attest/quote.hpp"
#include "attest/verdict.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace dsmil::attest {

// Name and "success", "fail" or "not-run".
using Checks = std::vector<std::pair<std::string_view, std::string_view>>;

// What there was to compare a quote with.
struct Compared {
    bool selection = false; // the PCRs were demanded
    bool clock = false;     // with an earlier quote
    bool key = false;       // its attributes were seen
    bool event_log = false;
    bool ima = false;
    bool reference = false;
};

// Of a quote that holds, and the verdict on what it shows. What was given and shows nothing (a log of
// PCRs that are not quoted, an empty list, reference values of other things) was not run.
[[nodiscard]] Checks checks_of(const Verdict &verdict, const Compared &compared);
// Of a quote that does not: what came before `failed` held, what comes after was not looked at.
[[nodiscard]] Checks checks_until(std::string_view failed);

// [["dsmil", [[NAME, RESULT], ...]]]
[[nodiscard]] boost::json::array measres(const Checks &checks);
[[nodiscard]] boost::json::object checks_json(const Checks &checks);

// {"check", "pcr", "entry", "what", "remedy"} each; the text is printable ASCII.
[[nodiscard]] boost::json::array findings_json(const Verdict &verdict);

// {"0": "00...", ...}
[[nodiscard]] boost::json::object pcrs_json(const Pcrs &pcrs);

} // namespace dsmil::attest
