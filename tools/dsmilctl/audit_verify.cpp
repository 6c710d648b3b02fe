// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "ledger/verify.hpp"
#include "new_file.hpp"
#include "nonce.hpp"
#include "output.hpp"
#include "proof_text.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>
#include <chrono>
#include <format>
#include <limits>

namespace dsmilctl {
namespace {

namespace ledger = dsmil::ledger;

constexpr std::uint64_t billion = 1'000'000'000;

std::string_view name_of(ledger::Freshness freshness) {
    switch (freshness) {
    case ledger::Freshness::not_shown:
        return "not_shown";
    case ledger::Freshness::held_checkpoint:
        return "held_checkpoint";
    case ledger::Freshness::witnessed:
        return "witnessed";
    case ledger::Freshness::tpm:
        return "tpm";
    }
    return "not_shown";
}

dsmil::Result<dsmil::attest::QuoteVerifier> read_ak(const std::string &path) {
    constexpr std::size_t max_key_bytes = 16'384;
    auto file = read_file(path, max_key_bytes);
    if (!file) {
        return std::unexpected(std::move(file.error()));
    }
    auto key = dsmil::attest::PublicKey::read(dsmil::as_bytes(*file));
    if (!key) {
        return dsmil::fail(dsmil::Code::usage, std::format("{} is no attestation key", path),
                           {key.error().detail});
    }
    return dsmil::attest::QuoteVerifier::make(std::move(*key));
}

// The nonce must be the verifier's own, or the evidence may be of any time.
dsmil::Result<ledger::AnchorWitness> read_evidence(const Call &call, const dsmil::attest::QuoteVerifier *ak) {
    const auto file = call.option("--tpm-evidence");
    if (!call.has("--nonce") || ak == nullptr || !file) {
        return dsmil::fail(dsmil::Code::usage, "--tpm-evidence goes with --nonce and --ak");
    }
    const auto nonce = nonce_of(call);
    if (!nonce) {
        return std::unexpected(nonce.error());
    }
    const auto text = read_file(*file, ledger::max_evidence_bytes);
    if (!text) {
        return std::unexpected(text.error());
    }
    return ledger::parse_evidence(*text).and_then([&](const ledger::AnchorEvidence &evidence) {
        return ledger::verify_evidence(evidence, ak->key(), *nonce);
    });
}

dsmil::Result<ledger::VerifyReport> verify(const Call &call) {
    const auto keys = read_note_keys(call);
    if (!keys) {
        return std::unexpected(keys.error());
    }
    ledger::VerifyOptions options;
    options.require_fresh = call.has("--require-fresh");
    options.now = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
            .count());
    if (const auto age = call.option("--max-age")) {
        const auto seconds = parse_number("--max-age", *age, std::numeric_limits<std::uint64_t>::max());
        if (!seconds) {
            return std::unexpected(seconds.error());
        }
        options.max_age_s = *seconds;
    }
    if (const auto held_file = call.option("--checkpoint")) {
        auto held = read_file(*held_file, ledger::max_note_bytes);
        if (!held) {
            return std::unexpected(std::move(held.error()));
        }
        options.held_checkpoint = std::move(*held);
    }
    std::optional<ledger::WitnessPolicy> policy;
    if (const auto file = call.option("--witness-policy")) {
        auto parsed = read_file(*file, ledger::max_policy_bytes).and_then([](const std::string &text) {
            return ledger::WitnessPolicy::parse(text);
        });
        if (!parsed) {
            return std::unexpected(std::move(parsed.error()));
        }
        policy = std::move(*parsed);
        options.witnesses = &*policy;
    } else if (call.has("--max-age")) {
        return dsmil::fail(dsmil::Code::usage, "--max-age goes with --witness-policy");
    }
    std::optional<dsmil::attest::QuoteVerifier> ak;
    if (const auto file = call.option("--ak")) {
        auto read = read_ak(*file);
        if (!read) {
            return std::unexpected(std::move(read.error()));
        }
        ak.emplace(std::move(*read));
        options.ak = &*ak;
    }
    std::optional<ledger::AnchorWitness> tpm;
    if (call.has("--tpm-evidence")) {
        const auto witness = read_evidence(call, ak ? &*ak : nullptr);
        if (!witness) {
            return std::unexpected(witness.error());
        }
        tpm = *witness;
        options.tpm = &*tpm;
    } else if (call.has("--nonce")) {
        return dsmil::fail(dsmil::Code::usage, "--nonce goes with --tpm-evidence");
    }
    const std::vector<ledger::NoteVerifier> verifiers(keys->begin(), keys->end());
    return ledger::verify_log(call.argument("FILE"), verifiers, options);
}

} // namespace

dsmil::Result<int> run_audit_verify(const Call &call, Output &out) {
    const auto report = verify(call);
    if (!report) {
        return std::unexpected(report.error());
    }
    if (call.json) {
        boost::json::array notes(report->notes.begin(), report->notes.end());
        boost::json::array witnesses;
        for (const auto &witness : report->witnesses) {
            witnesses.emplace_back(printable(witness));
        }
        const auto time = [](std::uint64_t ns) {
            return ns != 0 ? boost::json::value(utc(ns)) : boost::json::value(nullptr);
        };
        out.object(
            {{"schema", call.command->schema},
             {"file", call.argument("FILE")},
             {"origin", report->origin},
             {"size", report->size},
             {"root", dsmil::to_hex(report->root)},
             {"checkpoints", report->checkpoints},
             {"quotes", report->quotes},
             {"quotes_verified", report->quotes_verified},
             {"anchors", report->anchors},
             {"adopted", report->adopted},
             {"newest", time(report->newest_realtime_ns)},
             {"fresh", report->freshness != ledger::Freshness::not_shown},
             {"freshness", name_of(report->freshness)},
             {"fresh_size", report->fresh_size},
             {"witnesses", std::move(witnesses)},
             {"witnessed",
              time(report->fresh_since < ~std::uint64_t{0} / billion ? report->fresh_since * billion : 0)},
             {"text", printable(report->text())},
             {"notes", std::move(notes)}});
        return 0;
    }
    out.line(printable(call.argument("FILE") + ": " + report->text()));
    for (const auto &note : report->notes) {
        out.line(printable(note));
    }
    return 0;
}

} // namespace dsmilctl
