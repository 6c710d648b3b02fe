// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "attest/statement.hpp"
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
#include <boost/json/value.hpp>
#include <format>
#include <optional>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

// A TPM may take seconds for a signature, and others may wait for it too.
constexpr std::chrono::seconds patience{120};

struct Question {
    std::uint16_t device = 0;
    dsmil::Bytes nonce;
    std::vector<unsigned> pcrs;
    std::optional<dsmil::Bytes> ak; // SPKI
};

Result<Question> question_of(const Call &call) {
    const auto device = parse_device(call.argument("DEVICE"));
    const auto pcrs = parse_pcrs(call.option("--pcrs").value_or("0,1,2,3,4,5,6,7"));
    auto nonce = nonce_of(call);
    if (!device || !pcrs || !nonce) {
        return std::unexpected(!device ? device.error() : !pcrs ? pcrs.error() : nonce.error());
    }
    auto ak = expected_ak(call);
    if (!ak) {
        return std::unexpected(std::move(ak.error()));
    }
    return Question{(*device)->id, std::move(*nonce), *pcrs, std::move(*ak)};
}

// The TPM signed these very words, for this device and for this nonce.
Result<void> check(const Question &question, const std::string &statement,
                   const dsmil::attest::QuoteBundle &bundle) {
    const std::string begin = std::format("dsmil-device-statement-v1\ndevice {}\n", hex16(question.device));
    const std::string end = std::format("\nnonce {}\n", dsmil::to_hex(question.nonce));
    if (!statement.starts_with(begin) || !statement.ends_with(end)) {
        return dsmil::fail(Code::attestation_failed, "the statement is not of this device and nonce");
    }
    const auto nonce = dsmil::attest::statement_nonce(statement);
    if (const auto held = dsmil::attest::verify_quote(bundle, nonce, question.pcrs); !held) {
        return std::unexpected(held.error());
    }
    return {};
}

boost::json::object json(const Call &call, const Question &question, const std::string &statement,
                         const dsmil::attest::QuoteBundle &bundle, const std::string &fingerprint) {
    boost::json::object pcrs;
    for (const auto &[pcr, value] : bundle.pcrs) {
        pcrs[std::to_string(pcr)] = dsmil::to_hex(value);
    }
    const auto out = call.option("--out");
    return {{"schema", call.command->schema},
            {"device", hex16(question.device)},
            {"nonce", dsmil::to_hex(question.nonce)},
            {"statement", statement},
            {"pcr_bank", "sha256"},
            {"pcrs", std::move(pcrs)},
            {"ak_fingerprint", fingerprint},
            {"quoted", dsmil::to_base64(bundle.quoted)},
            {"signature", dsmil::to_base64(bundle.signature)},
            {"ak_public_pem", bundle.ak_public_pem},
            {"out", out ? boost::json::value(*out) : boost::json::value(nullptr)}};
}

} // namespace

dsmil::Result<int> run_device_attest(const Call &call, Output &out) {
    const auto question = question_of(call);
    if (!question) {
        return std::unexpected(question.error());
    }
    std::optional<NewFolder> place;
    if (const auto folder = call.option("--out")) {
        auto made = NewFolder::make(*folder, quote_files(QuoteOf::statement));
        if (!made) {
            return std::unexpected(std::move(made.error()));
        }
        place.emplace(std::move(*made));
    }
    const boost::json::object request = {
        {"device", hex16(question->device)},
        {"nonce", dsmil::to_hex(question->nonce)},
        {"pcrs", boost::json::array(question->pcrs.begin(), question->pcrs.end())}};
    const auto body =
        ApiClient(call.socket).post("/v1/device/attest", boost::json::serialize(request), patience);
    const auto answer = body.and_then([](const std::string &text) { return decode_object("dsmild", text); });
    const auto statement =
        answer.and_then([](const boost::json::object &object) { return string_member(object, "statement"); });
    if (!statement) {
        return std::unexpected(statement.error());
    }
    const auto *quote = answer->if_contains("quote");
    const auto bundle = decode_attestation(quote != nullptr ? boost::json::serialize(*quote) : "");
    const auto held = bundle.and_then(
        [&](const dsmil::attest::QuoteBundle &of) { return check(*question, *statement, of); });
    const auto ak = held.and_then([&] { return spki_of(bundle->ak_public_pem); });
    if (!ak) {
        return std::unexpected(ak.error());
    }
    if (auto right = compare_ak(question->ak, *ak); !right) {
        return std::unexpected(std::move(right.error()));
    }
    if (place) {
        const auto nonce = dsmil::attest::statement_nonce(*statement);
        if (auto kept = keep_quote(*place, *bundle, nonce, *statement); !kept) {
            return std::unexpected(std::move(kept.error()));
        }
    }
    const auto fingerprint = dsmil::to_hex(dsmil::sha256(*ak));
    if (call.json) {
        out.object(json(call, *question, *statement, *bundle, fingerprint));
        return 0;
    }
    out.line("the attestation holds: signature, nonce, PCR values, and the statement below");
    out.line(question->ak ? std::format("key {}", fingerprint)
                          : std::format("key {} (compare it with one that you trust)", fingerprint));
    for (std::size_t at = 0, end = 0; (end = statement->find('\n', at)) != std::string::npos; at = end + 1) {
        out.line(printable(statement->substr(at, end - at)));
    }
    return 0;
}

} // namespace dsmilctl
