// SPDX-License-Identifier: Apache-2.0
#include "attest/ek_certificate.hpp"
#include "command.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "roots_option.hpp"
#include "verify_files.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <chrono>
#include <format>
#include <iterator>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using dsmil::Code;
using dsmil::Result;

constexpr std::size_t max_file_bytes = 1UZ << 20U;

struct Held {
    attest::EkCertificate report;
    std::string root_file;
};

// With reference values, whether the TPM is one of those that are known.
Result<void> check_name(const Call &call, const std::optional<attest::PublicKey> &ek) {
    const auto logs = read_logs(call, "", "");
    if (!logs) {
        return std::unexpected(logs.error());
    }
    const auto &known = logs->reference.ek_names;
    if (known.empty()) {
        return {};
    }
    const auto area = ek ? ek->area() : std::nullopt;
    if (!area) {
        return dsmil::fail(Code::usage,
                           "the reference values name endorsement keys: give the key with --ek as the TPM "
                           "writes it (tpm2_createek -u), PEM has no name");
    }
    if (std::ranges::find(known, area->name) == known.end()) {
        return dsmil::fail(
            Code::policy_violated,
            std::format("the endorsement key {} is not one that is known; if the machine's TPM was "
                        "replaced, add its name",
                        dsmil::to_hex(area->name)));
    }
    return {};
}

// The certificate, and those between it and a root that were given beside it.
Result<std::vector<attest::CertificatePointer>> read_file_and_chain(const Call &call) {
    std::vector<attest::CertificatePointer> all;
    for (const std::string_view name : {"FILE", "--chain"}) {
        if (!call.has(name)) {
            continue;
        }
        const auto bytes = read_named(call, name, max_file_bytes);
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        auto read = attest::read_certificates(*bytes);
        if (!read) {
            return std::unexpected(
                std::move(read.error()).in(std::format("reading {}", call.argument(name))));
        }
        std::ranges::move(*read, std::back_inserter(all));
    }
    return all;
}

Result<Held> verify(const Call &call) {
    std::optional<attest::PublicKey> ek;
    if (call.has("--ek")) {
        auto key = read_key(call, "--ek");
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        ek.emplace(std::move(*key));
    }
    const auto file = read_file_and_chain(call);
    if (!file) {
        return std::unexpected(file.error());
    }
    const auto roots = read_roots(call);
    if (!roots) {
        return std::unexpected(roots.error());
    }
    if (auto known = check_name(call, ek); !known) {
        return std::unexpected(std::move(known.error()));
    }
    const auto now =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    return attest::verify_ek_certificate(*file, attest::certificates_of(*roots), ek ? &*ek : nullptr,
                                         now.count())
        .transform([&](attest::EkCertificate report) {
            const auto *const root = attest::find_root(*roots, report.root_sha256);
            return Held{std::move(report), root != nullptr ? root->file : std::string{}};
        });
}

} // namespace

Result<int> run_verify_ek_cert(const Call &call, Output &out) {
    const auto held = verify(call);
    if (!held) {
        return std::unexpected(held.error());
    }
    const auto *const report = &held->report;
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"file", call.argument("FILE")},
                    {"manufacturer", report->manufacturer},
                    {"model", report->model},
                    {"version", report->version},
                    {"issuer", report->issuer},
                    {"serial", report->serial},
                    {"not_after", report->not_after},
                    {"key", attest::name_of(report->key_kind)},
                    {"key_compared", call.has("--ek")},
                    {"chain", boost::json::array(report->chain.begin(), report->chain.end())},
                    {"root",
                     {{"subject", report->chain.back()},
                      {"sha256", dsmil::to_hex(report->root_sha256)},
                      {"file", printable(held->root_file)}}}});
        return 0;
    }
    out.line("the certificate holds");
    std::vector<std::vector<std::string>> facts = {
        {"TPM", std::format("{} {} {}", report->manufacturer, report->model, report->version)},
        {"key", std::format("{}{}", attest::name_of(report->key_kind),
                            call.has("--ek") ? ", the one of --ek" : " (not compared: --ek)")},
        {"serial", report->serial},
        {"until", report->not_after},
    };
    for (const auto &subject : report->chain) {
        facts.push_back({"chain", subject.empty() ? "(no subject)" : subject});
    }
    facts.push_back({"root", "sha256 " + dsmil::to_hex(report->root_sha256)});
    facts.push_back({"", printable(held->root_file)});
    out.table(facts);
    return 0;
}

} // namespace dsmilctl
