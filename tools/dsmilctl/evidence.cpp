// SPDX-License-Identifier: Apache-2.0
#include "evidence.hpp"

#include "api_answer.hpp"
#include "api_client.hpp"
#include "base/bytes.hpp"
#include "new_file.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

// A TPM may take seconds for a signature, and others may wait for it too.
constexpr std::chrono::seconds patience{120};
constexpr std::size_t max_log_bytes = 256UZ << 20U;

Result<void> add_log(boost::json::object &evidence, std::string_view name, const std::string &path) {
    const auto text = read_file(path, max_log_bytes);
    if (!text && text.error().code != Code::not_found) {
        return std::unexpected(text.error());
    }
    if (text && !text->empty()) {
        evidence[name] = dsmil::to_base64(dsmil::as_bytes(*text));
    }
    return {};
}

bool flag(const boost::json::object &object, std::string_view name) {
    const auto *value = object.if_contains(name);
    return value != nullptr && value->is_bool() && value->get_bool();
}

} // namespace

Result<EvidenceRequest> decode_question(const boost::json::object &question) {
    const auto nonce = string_member(question, "nonce");
    const auto *pcrs = question.if_contains("pcrs");
    if (!nonce || pcrs == nullptr || !pcrs->is_array()) {
        return dsmil::fail(Code::malformed, "the question of the verifier has no nonce or no PCRs");
    }
    return EvidenceRequest{.nonce = *nonce,
                           .pcrs = pcrs->get_array(),
                           .event_log = flag(question, "event_log"),
                           .ima = flag(question, "ima")};
}

Result<std::string> gather_evidence(const std::string &socket, const VerifierConfig &config,
                                    const EvidenceRequest &request) {
    const boost::json::object asked{{"nonce", request.nonce}, {"pcrs", request.pcrs}};
    const auto body = ApiClient(socket).post("/v1/attest", boost::json::serialize(asked), patience);
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto quote = decode_object("dsmild", *body);
    if (!quote) {
        return std::unexpected(quote.error());
    }
    boost::json::object evidence;
    for (const auto *name : {"quoted", "signature", "pcrs"}) {
        const auto *value = quote->if_contains(name);
        if (value == nullptr) {
            return dsmil::fail(Code::failed, "dsmild's quote lacks something; both must be of one release");
        }
        evidence[name] = *value;
    }
    if (request.event_log) {
        if (auto added = add_log(evidence, "event_log", config.evidence.event_log); !added) {
            return std::unexpected(std::move(added.error()));
        }
    }
    if (request.ima) {
        if (auto added = add_log(evidence, "ima", config.evidence.ima); !added) {
            return std::unexpected(std::move(added.error()));
        }
    }
    return boost::json::serialize(evidence);
}

} // namespace dsmilctl
