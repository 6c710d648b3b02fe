// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "command.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "recovery.hpp"
#include "text.hpp"
#include "tpm_call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using boost::json::object;
using dsmil::Result;

constexpr std::size_t max_sealed_bytes = 128;
constexpr std::size_t max_file_bytes = 16'384;
constexpr std::size_t max_key_bytes = 4'096;
constexpr std::size_t max_operand_bytes = 64;
constexpr std::size_t max_signature_bytes = 80;
constexpr std::size_t digest_bytes = 32;

// --approver with its --reference.
Result<void> add_approver(const Call &call, object &request) {
    const auto path = call.option("--approver");
    const auto reference = call.option("--reference");
    if (!path) {
        return reference ? Result<void>(dsmil::fail(dsmil::Code::usage,
                                                    "--reference is of an approver: give --approver"))
                         : Result<void>{};
    }
    const auto pem = read_file(*path, max_key_bytes);
    const auto chosen =
        reference ? parse_hex("--reference", *reference, 1, digest_bytes) : Result<dsmil::Bytes>({});
    if (!pem || !chosen) {
        return std::unexpected(!pem ? pem.error() : chosen.error());
    }
    request["approver"] = {{"public_pem", *pem}, {"reference", dsmil::to_hex(*chosen)}};
    return {};
}

// --nv with what it must hold.
Result<void> add_condition(const Call &call, object &request) {
    const auto nv = call.option("--nv");
    const auto holds = call.option("--holds");
    if (!nv && !holds) {
        return {};
    }
    if (!nv || !holds) {
        return dsmil::fail(dsmil::Code::usage, "--nv INDEX and --holds HEX belong together");
    }
    const auto index = parse_nv_index(*nv);
    const auto operand = parse_hex("--holds", *holds, 1, max_operand_bytes);
    if (!index || !operand) {
        return std::unexpected(!index ? index.error() : operand.error());
    }
    request["nv"] = {{"index", *index},
                     {"operand", dsmil::to_hex(*operand)},
                     {"comparison", call.option("--comparison").value_or("equal")}};
    return {};
}

Result<object> seal_request(const Call &call) {
    const auto data = file_bytes(call.argument("FILE"), max_sealed_bytes);
    if (!data) {
        return std::unexpected(data.error());
    }
    object request = {{"data", dsmil::to_hex(*data)}, {"recovery", !call.has("--no-recovery")}};
    if (const auto list = call.option("--pcrs"); list || !call.has("--nv")) {
        const auto pcrs = parse_pcrs(list.value_or("7"));
        if (!pcrs) {
            return std::unexpected(pcrs.error());
        }
        request["pcrs"] = boost::json::array(pcrs->begin(), pcrs->end());
    }
    auto added = add_approver(call, request);
    if (added) {
        added = add_condition(call, request);
    }
    if (!added) {
        return std::unexpected(std::move(added.error()));
    }
    return request;
}

// --policy and --signature, as tpm2_createpolicy and openssl write them; or --recovery.
Result<void> add_key(const Call &call, object &request) {
    if (const auto recovery = call.option("--recovery")) {
        return read_recovery(*recovery).transform(
            [&](const dsmil::Bytes &secret) { request["recovery"] = dsmil::to_hex(secret); });
    }
    const auto policy_path = call.option("--policy");
    const auto signature_path = call.option("--signature");
    if (!policy_path && !signature_path) {
        return {};
    }
    if (!policy_path || !signature_path) {
        return dsmil::fail(dsmil::Code::usage, "--policy FILE and --signature FILE belong together");
    }
    const auto policy = file_bytes(*policy_path, digest_bytes);
    const auto signature = file_bytes(*signature_path, max_signature_bytes);
    if (!policy || !signature) {
        return std::unexpected(!policy ? policy.error() : signature.error());
    }
    request["approval"] = {{"policy", dsmil::to_hex(*policy)}, {"signature", dsmil::to_base64(*signature)}};
    return {};
}

} // namespace

dsmil::Result<int> run_tpm_seal(const Call &call, Output &out) {
    const auto request = seal_request(call);
    // Made before the TPM is asked, so that what it sealed is not lost for want of a place.
    auto file = request.and_then([&](const object &) { return NewFile::make(call.argument("SEALED")); });
    if (!file) {
        return std::unexpected(std::move(file.error()));
    }
    const auto answer = ask_tpm(call, "seal", *request);
    if (!answer) {
        return std::unexpected(answer.error());
    }
    const auto *sealed = answer->if_contains("sealed");
    const auto *recovery = answer->if_contains("recovery");
    if (sealed == nullptr || !sealed->is_object() || recovery == nullptr ||
        recovery->is_string() != !call.has("--no-recovery")) {
        return dsmil::fail(dsmil::Code::failed, "the answer of dsmild holds nothing sealed");
    }
    if (auto kept = file->publish(boost::json::serialize(*sealed) + "\n"); !kept) {
        return std::unexpected(std::move(kept.error()));
    }
    if (call.json) {
        out.object(
            {{"schema", call.command->schema}, {"file", call.argument("SEALED")}, {"recovery", *recovery}});
    } else if (recovery->is_string()) {
        out.line(std::format("recovery secret, kept nowhere else: {}",
                             printable(std::string(recovery->get_string()))));
    }
    return 0;
}

dsmil::Result<int> run_tpm_unseal(const Call &call, Output &out) {
    const auto text = read_file(call.argument("SEALED"), max_file_bytes);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto sealed = decode_object(call.argument("SEALED"), *text);
    if (!sealed) {
        return dsmil::fail(dsmil::Code::usage,
                           std::format("{} is not what tpm seal wrote", call.argument("SEALED")));
    }
    object request = {{"sealed", *sealed}};
    if (auto added = add_key(call, request); !added) {
        return std::unexpected(std::move(added.error()));
    }
    auto file = NewFile::make(call.argument("FILE"));
    if (!file) {
        return std::unexpected(std::move(file.error()));
    }
    const auto data = ask_tpm(call, "unseal", request).and_then([](const object &answer) {
        return hex_member(answer, "data");
    });
    if (!data) {
        return std::unexpected(data.error());
    }
    if (auto kept = file->publish(dsmil::as_text(*data)); !kept) {
        return std::unexpected(std::move(kept.error()));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"file", call.argument("FILE")},
                    {"bytes", std::uint64_t{data->size()}}});
    }
    return 0;
}

} // namespace dsmilctl
