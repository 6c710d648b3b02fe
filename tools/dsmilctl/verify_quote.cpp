// SPDX-License-Identifier: Apache-2.0
#include "attest/checks.hpp"
#include "attest/eat.hpp"
#include "attest/pcr_file.hpp"
#include "attest/quote.hpp"
#include "attest/signature.hpp"
#include "base/clock.hpp"
#include "base/sha256.hpp"
#include "command.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "text.hpp"
#include "verdict_view.hpp"
#include "verify_files.hpp"

#include <boost/json/array.hpp>
#include <chrono>
#include <format>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using dsmil::Bytes;
using dsmil::Code;
using dsmil::Result;

constexpr std::size_t max_nonce_bytes = 64;      // of a TPM whose largest hash is SHA-512
constexpr std::size_t min_token_nonce_bytes = 6; // eat_nonce has at least 8 letters (RFC 9711, 4.1)

struct Question {
    Bytes nonce;
    std::vector<unsigned> pcrs;
    bool demanded = false; // the PCRs, by --select
    std::optional<attest::QuoteReport> earlier;
};

struct Answer {
    attest::QuoteBundle bundle;
    attest::QuoteReport report;
    Logs logs;
    attest::Verdict verdict;
};

Result<Bytes> read_signature(const Call &call, const attest::PublicKey &key) {
    auto signature = read_named(call, "--signature");
    const auto hash = hash_option(call, "--hash");
    if (!signature || !hash) {
        return std::unexpected(!signature ? signature.error() : hash.error());
    }
    // A TPM's form begins with the number of a scheme, which is 0x00 and something.
    const bool plain = key.kind() == attest::KeyKind::rsa ? signature->size() == attest::field_bytes(key)
                                                          : !signature->empty() && signature->front() == 0x30;
    return plain ? attest::signature_from_plain(*signature, key, *hash) : std::move(signature);
}

Result<attest::QuoteBundle> read_bundle(const Call &call, const attest::PublicKey &key) {
    attest::QuoteBundle bundle;
    auto quoted = read_named(call, "--message");
    if (!quoted) {
        return std::unexpected(std::move(quoted.error()));
    }
    bundle.quoted = std::move(*quoted);
    const auto named = attest::quoted_pcrs(bundle.quoted); // What is no quote names no values.
    if (!named) {
        return std::unexpected(named.error());
    }
    auto signature = read_signature(call, key);
    if (!signature) {
        return std::unexpected(std::move(signature.error()));
    }
    bundle.signature = std::move(*signature);
    const auto file = read_named(call, "--pcrs");
    if (!file) {
        return std::unexpected(file.error());
    }
    auto pcrs = attest::read_pcr_file(*file, *named);
    if (!pcrs) {
        return std::unexpected(
            std::move(pcrs.error()).in(std::format("reading {}", call.argument("--pcrs"))));
    }
    bundle.pcrs = std::move(*pcrs);
    return bundle;
}

Result<Question> question_of(const Call &call) {
    Question question;
    auto nonce = parse_hex("--nonce", call.argument("--nonce"), 1, max_nonce_bytes);
    if (!nonce) {
        return std::unexpected(std::move(nonce.error()));
    }
    question.nonce = std::move(*nonce);
    if (const auto list = call.option("--select")) {
        auto pcrs = parse_pcrs(*list);
        if (!pcrs) {
            return std::unexpected(std::move(pcrs.error()));
        }
        question.pcrs = std::move(*pcrs);
        question.demanded = true;
    }
    if (call.has("--eat") != call.has("--out")) {
        return dsmil::fail(Code::usage, "--eat KEY and --out FILE belong together");
    }
    if (call.has("--eat") && question.nonce.size() < min_token_nonce_bytes) {
        return dsmil::fail(Code::usage,
                           std::format("a token takes a nonce of at least {} bytes", min_token_nonce_bytes));
    }
    if (call.has("--previous")) {
        const auto file = read_named(call, "--previous");
        auto earlier =
            file ? attest::read_report(*file) : Result<attest::QuoteReport>(std::unexpected(file.error()));
        if (!earlier) {
            return std::unexpected(std::move(earlier.error()));
        }
        question.earlier = std::move(*earlier);
    }
    return question;
}

Result<Answer> verify(const Call &call, Question &question, attest::QuoteVerifier &verifier) {
    auto bundle = read_bundle(call, verifier.key());
    if (!bundle) {
        return std::unexpected(std::move(bundle.error()));
    }
    if (!question.demanded) {
        question.pcrs = attest::quoted_pcrs(bundle->quoted).value_or(std::vector<unsigned>{});
    }
    auto report = verifier.verify(*bundle, {.nonce = question.nonce,
                                            .pcrs = question.pcrs,
                                            .earlier = question.earlier ? &*question.earlier : nullptr,
                                            .firmware_versions = {}});
    if (!report) {
        return std::unexpected(std::move(report.error()));
    }
    auto logs = read_logs(call, "--eventlog", "--ima");
    if (!logs) {
        return std::unexpected(std::move(logs.error()));
    }
    logs->reference.ek_names.clear(); // A quote says nothing of the EK; verify ek-cert compares it.
    Answer answer{std::move(*bundle), std::move(*report), std::move(*logs), {}};
    const auto &area = verifier.key().area();
    answer.verdict = attest::judge({.pcrs = &answer.bundle.pcrs,
                                    .log = answer.logs.log ? &*answer.logs.log : nullptr,
                                    .ima = answer.logs.ima ? &*answer.logs.ima : nullptr,
                                    .ak_name = area ? &area->name : nullptr,
                                    .ek_name = nullptr,
                                    .firmware_version = &answer.report.firmware_version},
                                   answer.logs.reference);
    return answer;
}

attest::Checks checks_of(const attest::PublicKey &key, const Question &question, const Answer &answer) {
    return attest::checks_of(answer.verdict, {.selection = question.demanded,
                                              .clock = question.earlier.has_value(),
                                              .key = key.area().has_value(),
                                              .event_log = answer.logs.log.has_value(),
                                              .ima = answer.logs.ima.has_value(),
                                              .reference = answer.logs.has_reference});
}

boost::json::object json_of(const Call &call, const attest::PublicKey &key, const Question &question,
                            const Answer &answer) {
    const auto &report = answer.report;
    const auto &quoted = answer.verdict.ima_quoted;
    const auto &area = key.area();
    const auto out = call.option("--out");
    boost::json::object object{
        {"schema", call.command->schema},
        {"key",
         {{"kind", name_of(key.kind())},
          {"fingerprint", dsmil::to_hex(dsmil::sha256(key.spki()))},
          {"name", area ? boost::json::value(dsmil::to_hex(area->name)) : nullptr}}},
        {"nonce", dsmil::to_hex(question.nonce)},
        {"pcr_bank", "sha256"},
        {"pcrs", attest::pcrs_json(answer.bundle.pcrs)},
        {"clock_ms", report.clock_ms},
        {"reset_count", report.reset_count},
        {"restart_count", report.restart_count},
        {"clock_safe", report.clock_safe},
        {"firmware_version", std::format("0x{:016x}", report.firmware_version)},
        {"signer", dsmil::to_hex(report.signer_name)},
        {"checks", attest::checks_json(checks_of(key, question, answer))},
        {"proven_pcrs", boost::json::array(answer.verdict.proven.begin(), answer.verdict.proven.end())},
        {"ima_quoted", quoted ? boost::json::value(*quoted) : boost::json::value(nullptr)},
        {"out", out ? boost::json::value(*out) : boost::json::value(nullptr)}};
    add_verdict(answer.verdict, object);
    return object;
}

// The verdict as claims: RFC 7519's iss and iat, RFC 9711's eat_nonce and measres, and our own.
Result<void> write_eat(const Call &call, const attest::PublicKey &key, const Question &question,
                       const Answer &answer) {
    const auto private_key = read_named(call, "--eat");
    if (!private_key) {
        return std::unexpected(private_key.error());
    }
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    boost::json::object claims{{"iss", "dsmilctl"},
                               {"iat", std::chrono::duration_cast<std::chrono::seconds>(now).count()},
                               {"eat_nonce", attest::to_base64url(question.nonce)},
                               {"measres", attest::measres(checks_of(key, question, answer))},
                               {"dsmil_ak", dsmil::to_hex(dsmil::sha256(key.spki()))},
                               {"dsmil_pcrs", attest::pcrs_json(answer.bundle.pcrs)}};
    boost::json::object verdict;
    add_verdict(answer.verdict, verdict);
    claims["dsmil_holds"] = verdict["holds"];
    claims["dsmil_findings"] = verdict["findings"];
    claims["dsmil_more_findings"] = verdict["more_findings"];
    const auto token = attest::sign_eat(claims, *private_key);
    if (!token) {
        return std::unexpected(token.error());
    }
    auto file = NewFile::make(call.argument("--out"));
    if (!file) {
        return std::unexpected(std::move(file.error()));
    }
    return file->write(*token).and_then([&] { return file->publish(); });
}

void print_text(const Call &call, const attest::PublicKey &key, const Question &question,
                const Answer &answer, Output &out) {
    out.line(answer.verdict.holds() ? "the quote holds"
                                    : "the quote is the TPM's, and what it shows does not hold");
    const auto &report = answer.report;
    std::vector<std::vector<std::string>> facts = {
        {"key", std::format("{} {}{}", name_of(key.kind()), dsmil::to_hex(dsmil::sha256(key.spki())),
                            key.area() ? "" : " (PEM: that it is a TPM's attestation key is not shown)")},
        {"clock", std::format("{} ms, resets {}, restarts {}{}", report.clock_ms, report.reset_count,
                              report.restart_count, report.clock_safe ? "" : ", after a power cut")},
        {"firmware", std::format("0x{:016x}", report.firmware_version)},
    };
    for (const auto &[pcr, value] : answer.bundle.pcrs) {
        facts.push_back({std::format("pcr {}", pcr), dsmil::to_hex(value)});
    }
    for (const auto &[name, result] : checks_of(key, question, answer)) {
        facts.push_back({std::string(name), std::string(result)});
    }
    if (const auto token = call.option("--out")) {
        facts.push_back({"token", *token});
    }
    out.table(facts);
    print_findings(answer.verdict, out);
}

} // namespace

Result<int> run_verify_quote(const Call &call, Output &out) {
    auto question = question_of(call);
    if (!question) {
        return std::unexpected(std::move(question.error()));
    }
    auto verifier = read_key(call, "--ak").and_then([](attest::PublicKey &&key) {
        return attest::QuoteVerifier::make(std::move(key));
    });
    if (!verifier) {
        return std::unexpected(std::move(verifier.error()));
    }
    const auto answer = verify(call, *question, *verifier);
    if (!answer) {
        return std::unexpected(answer.error());
    }
    if (call.has("--eat")) {
        if (auto written = write_eat(call, verifier->key(), *question, *answer); !written) {
            return std::unexpected(std::move(written.error()));
        }
    }
    if (call.json) {
        out.object(json_of(call, verifier->key(), *question, *answer));
    } else {
        print_text(call, verifier->key(), *question, *answer, out);
    }
    return exit_of(answer->verdict);
}

} // namespace dsmilctl
