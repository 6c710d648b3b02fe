// SPDX-License-Identifier: Apache-2.0
#include "api_client.hpp"
#include "attest_answer.hpp"
#include "base/sha256.hpp"
#include "command.hpp"
#include "expected_ak.hpp"
#include "new_folder.hpp"
#include "nonce.hpp"
#include "output.hpp"
#include "quote_files.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <format>
#include <utility>

namespace dsmilctl {
namespace {

using dsmil::Bytes;
using dsmil::Result;

// A TPM may take seconds for a signature, and others may wait for it too.
constexpr std::chrono::seconds patience{120};

struct Question {
    Bytes nonce;
    std::vector<unsigned> pcrs;
    std::optional<Bytes> ak; // SPKI
};

struct Evidence {
    dsmil::attest::QuoteBundle bundle;
    Bytes ak;
};

Result<Question> question_of(const Call &call) {
    const auto pcrs = parse_pcrs(call.option("--pcrs").value_or("0,1,2,3,4,5,6,7"));
    if (!pcrs) {
        return std::unexpected(pcrs.error());
    }
    auto nonce = nonce_of(call);
    if (!nonce) {
        return std::unexpected(std::move(nonce.error()));
    }
    auto ak = expected_ak(call);
    if (!ak) {
        return std::unexpected(std::move(ak.error()));
    }
    return Question{std::move(*nonce), *pcrs, std::move(*ak)};
}

Result<Evidence> ask(const Call &call, const Question &question) {
    const boost::json::object request{
        {"nonce", dsmil::to_hex(question.nonce)},
        {"pcrs", boost::json::array(question.pcrs.begin(), question.pcrs.end())}};
    const auto body = ApiClient(call.socket).post("/v1/attest", boost::json::serialize(request), patience);
    if (!body) {
        return std::unexpected(body.error());
    }
    auto bundle = decode_attestation(*body);
    if (!bundle) {
        return std::unexpected(std::move(bundle.error()));
    }
    if (const auto held = dsmil::attest::verify_quote(*bundle, question.nonce, question.pcrs); !held) {
        return std::unexpected(held.error());
    }
    auto ak = spki_of(bundle->ak_public_pem);
    if (!ak) {
        return std::unexpected(std::move(ak.error()));
    }
    if (auto right = compare_ak(question.ak, *ak); !right) {
        return std::unexpected(std::move(right.error()));
    }
    return Evidence{std::move(*bundle), std::move(*ak)};
}

boost::json::object json(const Call &call, const Question &question, const Evidence &evidence,
                         const std::string &fingerprint) {
    const auto &bundle = evidence.bundle;
    boost::json::object pcrs;
    for (const auto &[pcr, value] : bundle.pcrs) {
        pcrs[std::to_string(pcr)] = dsmil::to_hex(value);
    }
    const auto out = call.option("--out");
    return {{"schema", call.command->schema},
            {"nonce", dsmil::to_hex(question.nonce)},
            {"pcr_bank", "sha256"},
            {"pcrs", std::move(pcrs)},
            {"ak_fingerprint", fingerprint},
            {"ak_known", question.ak.has_value()},
            {"quoted", dsmil::to_base64(bundle.quoted)},
            {"signature", dsmil::to_base64(bundle.signature)},
            {"ak_public_pem", bundle.ak_public_pem},
            {"out", out ? boost::json::value(*out) : boost::json::value(nullptr)}};
}

void print_text(const Call &call, const Question &question, const Evidence &evidence,
                const std::string &fingerprint, Output &out) {
    out.line("the attestation holds: signature, nonce and PCR values");
    std::vector<std::vector<std::string>> facts = {
        {"nonce", dsmil::to_hex(question.nonce)},
        {"key", std::format("{} ({})", fingerprint,
                            question.ak ? "the one of --ak" : "compare it with one that you trust")},
    };
    for (const auto &[pcr, value] : evidence.bundle.pcrs) {
        facts.push_back({std::format("pcr {}", pcr), dsmil::to_hex(value)});
    }
    if (const auto folder = call.option("--out")) {
        facts.push_back({"evidence", *folder});
    }
    out.table(facts);
}

} // namespace

dsmil::Result<int> run_attest(const Call &call, Output &out) {
    const auto question = question_of(call);
    if (!question) {
        return std::unexpected(question.error());
    }
    std::optional<NewFolder> place;
    if (const auto folder = call.option("--out")) {
        auto made = NewFolder::make(*folder, quote_files(QuoteOf::nonce));
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        place.emplace(std::move(*made));
    }
    const auto evidence = ask(call, *question);
    if (!evidence) {
        return std::unexpected(evidence.error());
    }
    if (place) {
        if (auto kept = keep_quote(*place, evidence->bundle, question->nonce); !kept) {
            return std::unexpected(std::move(kept.error()));
        }
    }
    const auto fingerprint = dsmil::to_hex(dsmil::sha256(evidence->ak));
    if (call.json) {
        out.object(json(call, *question, *evidence, fingerprint));
    } else {
        print_text(call, *question, *evidence, fingerprint, out);
    }
    return 0;
}

} // namespace dsmilctl
