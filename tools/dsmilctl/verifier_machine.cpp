// SPDX-License-Identifier: Apache-2.0
// This machine's side: verifier enroll, verifier push.
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "evidence.hpp"
#include "output.hpp"
#include "verifier_answer.hpp"
#include "verifier_client.hpp"
#include "verifierd/identity.hpp"
#include "verifierd/machine.hpp"

#include <boost/json/serialize.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

// An RSA endorsement key may have to be made anew for it.
constexpr std::chrono::seconds patience{180};

// The challenge of the verifier, as dsmild's TPM opens it.
Result<std::string> open_challenge(const Call &call, const std::string &ek_type,
                                   const boost::json::object &challenge) {
    const auto credential = string_member(challenge, "credential");
    const auto secret = string_member(challenge, "secret");
    if (!credential || !secret) {
        return std::unexpected(credential ? secret.error() : credential.error());
    }
    const boost::json::object request{{"ek", ek_type}, {"credential", *credential}, {"secret", *secret}};
    const auto opened =
        ApiClient(call.socket).post("/v1/identity/activate", boost::json::serialize(request), patience);
    if (!opened) {
        return std::unexpected(opened.error());
    }
    return decode_object("dsmild", *opened).and_then([](const boost::json::object &object) {
        return string_member(object, "secret");
    });
}

Result<MachineAnswer> enroll(const Call &call, const VerifierClient &verifier) {
    const auto identity =
        ApiClient(call.socket).get("/v1/identity", patience).and_then([](const std::string &body) {
            return dsmil::verifierd::choose_identity(body);
        });
    if (!identity) {
        return std::unexpected(identity.error());
    }
    const auto challenge = verifier.post("/v1/enrolments", identity->enrolment);
    if (!challenge) {
        return std::unexpected(challenge.error());
    }
    const auto id = string_member(*challenge, "id");
    if (!id) {
        return std::unexpected(id.error());
    }
    const auto secret = open_challenge(call, identity->ek_type, *challenge);
    if (!secret) {
        return std::unexpected(secret.error());
    }
    return verifier
        .post("/v1/enrolments/" + *id, boost::json::serialize(boost::json::object{{"secret", *secret}}))
        .and_then([](const boost::json::object &object) { return decode_machine(object); });
}

Result<ResultAnswer> push_once(const Call &call, const VerifierClient &verifier) {
    const auto question = verifier.post("/v1/attestations", "");
    if (!question) {
        return std::unexpected(question.error());
    }
    const auto id = string_member(*question, "id");
    const auto request = decode_question(*question);
    if (!id || !request) {
        return std::unexpected(id ? request.error() : id.error());
    }
    auto evidence = gather_evidence(call.socket, verifier.config(), *request);
    if (!evidence) {
        return std::unexpected(std::move(evidence.error()));
    }
    return verifier.post("/v1/attestations/" + *id, std::move(*evidence))
        .and_then([](const boost::json::object &object) { return decode_result(object); });
}

} // namespace

Result<int> run_verifier_enroll(const Call &call, Output &out) {
    const auto verifier = VerifierClient::open(call);
    if (!verifier) {
        return std::unexpected(verifier.error());
    }
    const auto machine = enroll(call, *verifier);
    if (!machine) {
        return std::unexpected(machine.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"machine", machine_json(*machine)}});
    } else {
        out.line(std::format("{} is enrolled: the verifier knows its attestation key {}", machine->name,
                             machine->ak_name));
    }
    return 0;
}

Result<int> run_verifier_push(const Call &call, Output &out) {
    const auto verifier = VerifierClient::open(call);
    if (!verifier) {
        return std::unexpected(verifier.error());
    }
    auto result = push_once(call, *verifier);
    // A PCR was extended, or the machine reset, while the evidence was gathered.
    for (unsigned attempt = 1;
         attempt < dsmil::verifierd::max_attempts && !result && result.error().code == Code::try_again;
         attempt++) {
        result = push_once(call, *verifier);
    }
    if (!result) {
        return std::unexpected(result.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"result", result_json(*result)}});
    } else {
        print_result(*result, out);
    }
    return exit_of(*result);
}

} // namespace dsmilctl
