// SPDX-License-Identifier: Apache-2.0
#include "verifierd/judgement.hpp"

#include "attest/public_key.hpp"

#include <algorithm>
#include <format>

namespace dsmil::verifierd {
namespace {

// "nonce: the nonce is another one; ask again" as check, sentence and remedy.
attest::Finding finding_of(const Error &error, std::string_view check_when_none) {
    attest::Finding finding{.check = std::string(check_when_none),
                            .pcr = {},
                            .entry = {},
                            .what = error.detail,
                            .remedy = std::string(info(error.code).remedy)};
    const auto colon = finding.what.find(": ");
    if (check_when_none.empty() && colon != std::string::npos) {
        finding.check = finding.what.substr(0, colon);
        finding.what.erase(0, colon + 2);
    }
    if (const auto remedy = finding.what.rfind("; "); remedy != std::string::npos) {
        finding.remedy = finding.what.substr(remedy + 2);
        finding.what.erase(remedy);
    }
    return finding;
}

Judgement broken(attest::Finding finding, attest::Checks checks) {
    Judgement judgement;
    judgement.outcome = Outcome::broken_evidence;
    judgement.checks = std::move(checks);
    judgement.verdict.findings.push_back(std::move(finding));
    return judgement;
}

Result<attest::QuoteReport> verify(const Question &question, const Evidence &evidence) {
    auto key = attest::PublicKey::read(question.machine->keys.ak_public);
    if (!key) {
        return std::unexpected(std::move(key.error()));
    }
    auto verifier = attest::QuoteVerifier::make(std::move(*key));
    if (!verifier) {
        return std::unexpected(std::move(verifier.error()));
    }
    std::optional<attest::QuoteReport> earlier;
    if (!question.machine->quoted.empty()) {
        auto report = attest::read_report(question.machine->quoted);
        if (!report) {
            return std::unexpected(std::move(report.error()));
        }
        earlier = std::move(*report);
    }
    const attest::QuoteBundle bundle{.quoted = evidence.quoted,
                                     .signature = evidence.signature,
                                     .ak_public_pem = {},
                                     .pcrs = evidence.pcrs};
    const auto pcrs = pcr_list(question.pcrs);
    return verifier->verify(bundle, {.nonce = question.nonce,
                                     .pcrs = pcrs,
                                     .earlier = earlier ? &*earlier : nullptr,
                                     .firmware_versions = {}});
}

// The logs, read; findings for what cannot be, or is wanted and not there.
struct Logs {
    std::optional<attest::EventLog> events;
    std::optional<std::vector<attest::ImaEntry>> ima;
    std::vector<attest::Finding> findings;
};

Logs read_logs(const Rule &rule, const Evidence &evidence) {
    Logs logs;
    const auto missing = [&](std::string_view check, std::string_view what, std::string_view remedy) {
        logs.findings.push_back({.check = std::string(check),
                                 .pcr = {},
                                 .entry = {},
                                 .what = std::string(what),
                                 .remedy = std::string(remedy)});
    };
    if (evidence.event_log) {
        auto parsed = attest::parse_event_log(*evidence.event_log, attest::HashAlg::sha256);
        if (parsed) {
            logs.events = std::move(*parsed);
        } else {
            logs.findings.push_back(finding_of(parsed.error(), "event-log"));
        }
    } else if (rule.event_log) {
        missing("event-log", "there is no event log, which the rule of this machine wants",
                "securityfs must be mounted on it, and its firmware must keep a log");
    }
    if (evidence.ima) {
        auto parsed = attest::parse_ima_list(*evidence.ima);
        if (parsed) {
            logs.ima = std::move(*parsed);
        } else {
            logs.findings.push_back(finding_of(parsed.error(), "ima"));
        }
    } else if (rule.ima) {
        missing("ima", "there is no IMA list, which the rule of this machine wants",
                "its kernel must measure (ima_policy=tcb)");
    }
    return logs;
}

// A log that does not lead to what was quoted, or a list of which no part does: perhaps it was
// read at another moment.
bool is_mismatch(const attest::Finding &finding) {
    return finding.check == "replay" || (finding.check == "ima" && !finding.entry);
}

// What the quote shows by itself, whatever the logs are.
bool is_shown(const attest::Finding &finding) {
    return finding.check == "pcr" || finding.check == "firmware" || finding.check == "ak-name";
}

void shorten(std::string &sentence) {
    if (sentence.size() > max_sentence_bytes) {
        sentence.resize(max_sentence_bytes);
        sentence += "...";
    }
}

Judgement bounded(Judgement judgement) {
    for (auto &finding : judgement.verdict.findings) {
        shorten(finding.what);
        shorten(finding.remedy);
    }
    return judgement;
}

void add_findings(Judgement &judgement, std::vector<attest::Finding> findings) {
    auto &all = judgement.verdict.findings;
    all.insert(all.begin(), std::make_move_iterator(findings.begin()),
               std::make_move_iterator(findings.end()));
}

} // namespace

std::vector<unsigned> pcr_list(std::uint32_t pcrs) {
    std::vector<unsigned> list;
    for (unsigned pcr = 0; pcr < attest::pcr_count; pcr++) {
        if ((pcrs >> pcr & 1U) != 0) {
            list.push_back(pcr);
        }
    }
    return list;
}

Judgement judge(const Question &question, const Evidence &evidence) {
    auto report = verify(question, evidence);
    if (!report) {
        auto finding = finding_of(report.error(), "");
        auto checks = attest::checks_until(finding.check);
        Judgement judgement = broken(std::move(finding), std::move(checks));
        judgement.inconclusive = judgement.verdict.findings.front().check == "values";
        return bounded(std::move(judgement));
    }
    const Rule &rule = *question.rule;
    Logs logs = read_logs(rule, evidence);
    // What the rule does not name was shown all the same, and is judged; but a list that cannot be
    // compared, as PCR 10 was not asked for, is left out.
    if (logs.ima && (question.pcrs >> attest::ima_pcr & 1U) == 0 && !rule.ima && !rule.reference.has_files) {
        logs.ima.reset();
    }
    attest::Reference reference = rule.reference;
    reference.ek_names.clear(); // was compared at the enrolment
    Judgement judgement;
    judgement.fresh_quote = true;
    judgement.verdict = attest::judge({.pcrs = &evidence.pcrs,
                                       .log = logs.events ? &*logs.events : nullptr,
                                       .ima = logs.ima ? &*logs.ima : nullptr,
                                       .ak_name = &question.machine->keys.ak_name,
                                       .ek_name = nullptr,
                                       .firmware_version = &report->firmware_version},
                                      reference);
    judgement.checks = attest::checks_of(judgement.verdict, {.selection = true,
                                                             .clock = !question.machine->quoted.empty(),
                                                             .key = true,
                                                             .event_log = logs.events.has_value(),
                                                             .ima = logs.ima.has_value(),
                                                             .reference = !rule.reference_path.empty()});
    judgement.report = std::move(*report);
    const auto &findings = judgement.verdict.findings;
    const bool is_broken = !logs.findings.empty() || std::ranges::any_of(findings, is_mismatch);
    if (is_broken && !std::ranges::any_of(findings, is_shown)) {
        judgement.outcome = Outcome::broken_evidence;
        judgement.inconclusive = logs.findings.empty();
    } else if (!findings.empty()) {
        judgement.outcome = Outcome::policy_violation;
    }
    for (auto &[name, result] : judgement.checks) {
        if (std::ranges::contains(logs.findings, name, &attest::Finding::check)) {
            result = "fail";
        }
    }
    add_findings(judgement, std::move(logs.findings));
    return bounded(std::move(judgement));
}

} // namespace dsmil::verifierd
