// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "attest/ek_certificate.hpp"
#include "command.hpp"
#include "identity_answer.hpp"
#include "new_folder.hpp"
#include "output.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using boost::json::array;
using dsmil::Bytes;
using dsmil::Result;

constexpr std::chrono::seconds patience{300}; // an RSA key takes some chips 8 s, and others may wait too

// What goes into the folder, in the formats of tpm2-tools; certificates as DER,
// those above them as PEM.
class Files {
  public:
    void add(std::string name, Bytes content) {
        names_.push_back(std::move(name));
        contents_.push_back(std::move(content));
    }
    void add_key(const std::string &stem, const IdentityKey &key) {
        add(stem + ".pub", key.public_area);
        add(stem + ".name", key.name());
    }
    [[nodiscard]] Result<void> write(const std::string &folder) const {
        auto place = NewFolder::make(folder, names_);
        if (!place) {
            return std::unexpected(std::move(place.error()));
        }
        std::vector<std::string_view> views;
        views.reserve(contents_.size());
        for (const auto &content : contents_) {
            views.push_back(dsmil::as_text(content));
        }
        return place->keep(views);
    }

  private:
    std::vector<std::string> names_;
    std::vector<Bytes> contents_;
};

Files files_of(const IdentityAnswer &identity) {
    Files files;
    std::string chain; // of the TPM: the same for each
    for (const auto &ek : identity.eks) {
        files.add_key("ek-" + ek.type, ek.key);
        if (const auto &der = ek.certificate) {
            files.add("ek-" + ek.type + ".der", *der);
        }
        if (chain.empty()) {
            chain = attest::to_pem(ek.chain);
        }
    }
    if (!chain.empty()) {
        const auto pem = dsmil::as_bytes(chain);
        files.add("chain.pem", Bytes(pem.begin(), pem.end()));
    }
    files.add_key("attestation-key", identity.ak);
    for (const auto &own : identity.keys) {
        files.add_key(own.purpose, own.key);
        files.add(own.purpose + ".attest", own.certification.attest);
        files.add(own.purpose + ".sig", own.certification.signature);
    }
    return files;
}

std::string certificate_text(const IdentityAnswer::Ek &ek) {
    const auto &der = ek.certificate;
    if (!der) {
        return "its maker left no certificate";
    }
    const auto certificates = attest::read_certificates(*der);
    const auto facts = attest::certificate_facts(certificates->front());
    return std::format("certificate {} by {}, until {}{}", facts.serial, facts.issuer, facts.not_after,
                       ek.chain.empty() ? std::string{} : std::format(", {} above it", ek.chain.size()));
}

void print_text(const Call &call, const IdentityAnswer &identity, Output &out) {
    std::vector<std::vector<std::string>> facts;
    for (const auto &ek : identity.eks) {
        facts.push_back({"ek " + ek.type, dsmil::to_hex(ek.key.name())});
        facts.push_back({"", certificate_text(ek)});
    }
    facts.push_back({"attestation-key", dsmil::to_hex(identity.ak.name())});
    for (const auto &own : identity.keys) {
        facts.push_back({own.purpose, dsmil::to_hex(own.key.name())});
        facts.push_back({"", "certified by the attestation key"});
    }
    if (const auto folder = call.option("--out")) {
        facts.push_back({"files", *folder});
    }
    out.table(facts);
}

boost::json::object key_json(const IdentityKey &key) {
    return {{"public", dsmil::to_base64(key.public_area)}, {"name", dsmil::to_hex(key.name())}};
}

boost::json::object json(const Call &call, const IdentityAnswer &identity) {
    array eks;
    for (const auto &ek : identity.eks) {
        auto item = key_json(ek.key);
        item["type"] = ek.type;
        item["certificate"] =
            ek.certificate ? boost::json::value(dsmil::to_base64(*ek.certificate)) : nullptr;
        array chain;
        for (const auto &der : ek.chain) {
            chain.emplace_back(dsmil::to_base64(der));
        }
        item["chain"] = std::move(chain);
        eks.push_back(std::move(item));
    }
    array keys;
    for (const auto &own : identity.keys) {
        auto item = key_json(own.key);
        item["purpose"] = own.purpose;
        item["attest"] = dsmil::to_base64(own.certification.attest);
        item["signature"] = dsmil::to_base64(own.certification.signature);
        keys.push_back(std::move(item));
    }
    const auto out = call.option("--out");
    return {{"schema", call.command->schema},
            {"ek", std::move(eks)},
            {"ak", key_json(identity.ak)},
            {"keys", std::move(keys)},
            {"out", out ? boost::json::value(*out) : boost::json::value(nullptr)}};
}

} // namespace

Result<int> run_identity_show(const Call &call, Output &out) {
    const auto body = ApiClient(call.socket).get("/v1/identity", patience);
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto identity = decode_object("dsmild", *body).and_then(decode_identity);
    if (!identity) {
        return std::unexpected(identity.error());
    }
    if (const auto folder = call.option("--out")) {
        if (auto written = files_of(*identity).write(*folder); !written) {
            return std::unexpected(std::move(written.error()));
        }
    }
    if (call.json) {
        out.object(json(call, *identity));
    } else {
        print_text(call, *identity, out);
    }
    return 0;
}

} // namespace dsmilctl
