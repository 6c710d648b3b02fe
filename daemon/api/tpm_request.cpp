// SPDX-License-Identifier: Apache-2.0
#include "api/tpm_request.hpp"

#include "api/device_request.hpp"
#include "api/json_members.hpp"
#include "attest/public_key.hpp"
#include "tpm/random.hpp"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <format>
#include <initializer_list>
#include <utility>

namespace dsmil::api {
namespace {

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t max_extend_bytes = 512;
constexpr std::size_t max_signature_bytes = 80; // ECDSA of P-256, DER
constexpr unsigned last_pcr = 23;

using boost::json::object;
using boost::json::value;
using Taken = Result<void>;

constexpr std::array<std::pair<std::string_view, tpm::NvKind>, 3> kinds = {{
    {"data", tpm::NvKind::data},
    {"counter", tpm::NvKind::counter},
    {"extend", tpm::NvKind::extend},
}};

template <typename Place, typename T>
Taken keep(Place &place, Result<T> result) {
    if (!result) {
        return std::unexpected(std::move(result.error()));
    }
    place = Place(std::move(*result));
    return {};
}

// How a member is taken into a request.
struct Member {
    std::string_view name;
    Taken (*take)(std::string_view name, const value &value, TpmRequest &request);
};

Taken take_digest(std::string_view name, const value &value, TpmRequest &request) {
    return parse_hex(name, value, digest_bytes, digest_bytes).transform([&](const Bytes &bytes) {
        std::ranges::copy(bytes, request.digest.begin());
    });
}

Taken take_kind(std::string_view name, const value &value, TpmRequest &request) {
    const auto *text = value.if_string();
    const auto found = std::ranges::find(kinds, text != nullptr ? std::string_view(*text) : "",
                                         &std::pair<std::string_view, tpm::NvKind>::first);
    if (found == kinds.end()) {
        return bad_member(name, "must be data, counter or extend");
    }
    request.kind = found->second;
    return {};
}

// An object with exactly these members, or with some of the second ones, too.
Result<const object *> exact(std::string_view name, const value &value,
                             std::initializer_list<std::string_view> needed,
                             std::initializer_list<std::string_view> possible = {}) {
    const auto *members = value.if_object();
    if (members == nullptr) {
        return bad_member(name, "must be an object");
    }
    for (const auto member : needed) {
        if (!members->contains(member)) {
            return fail(Code::usage, std::format("{}.{} is missing", name, member));
        }
    }
    for (const auto &member : *members) {
        const std::string_view key(member.key());
        if (!std::ranges::contains(needed, key) && !std::ranges::contains(possible, key)) {
            return fail(Code::usage, std::format("there is no member {}.{}", name, key));
        }
    }
    return members;
}

Taken take_approver(std::string_view name, const value &value, TpmRequest &request) {
    const auto members = exact(name, value, {"public_pem"}, {"reference"});
    if (!members) {
        return std::unexpected(members.error());
    }
    const auto *pem = (*members)->at("public_pem").if_string();
    const auto key = attest::PublicKey::read(as_bytes(pem != nullptr ? std::string_view(*pem) : ""));
    const auto *reference = (*members)->if_contains("reference");
    auto chosen = reference != nullptr ? parse_hex("approver.reference", *reference, 0, digest_bytes)
                                       : Result<Bytes>(Bytes{});
    if (!key || key->kind() != attest::KeyKind::p256) {
        return bad_member("approver.public_pem", "must be a P-256 key, PEM");
    }
    if (!chosen) {
        return std::unexpected(std::move(chosen.error()));
    }
    request.approver = tpm::Approver{key->spki(), std::move(*chosen)};
    return {};
}

Taken take_condition(std::string_view name, const value &value, TpmRequest &request) {
    const auto members = exact(name, value, {"index", "operand", "comparison"});
    if (!members) {
        return std::unexpected(members.error());
    }
    const auto index = parse_index("nv.index", (*members)->at("index"));
    auto operand = parse_hex("nv.operand", (*members)->at("operand"), 1, max_operand_bytes);
    const auto comparison = parse_comparison("nv.comparison", (*members)->at("comparison"));
    if (!index || !operand || !comparison) {
        return std::unexpected(!index ? index.error() : !operand ? operand.error() : comparison.error());
    }
    request.condition = TpmRequest::Condition{*index, std::move(*operand), *comparison};
    return {};
}

Taken take_approval(std::string_view name, const value &value, TpmRequest &request) {
    const auto members = exact(name, value, {"policy", "signature"});
    if (!members) {
        return std::unexpected(members.error());
    }
    const auto policy = parse_hex("approval.policy", (*members)->at("policy"), digest_bytes, digest_bytes);
    const auto *text = (*members)->at("signature").if_string();
    auto signature = text != nullptr ? from_base64(*text) : std::nullopt;
    if (!policy) {
        return std::unexpected(policy.error());
    }
    if (!signature || signature->empty() || signature->size() > max_signature_bytes) {
        return bad_member("approval.signature", "must be an ECDSA signature (DER) in base64");
    }
    request.approval.emplace();
    std::ranges::copy(*policy, request.approval->policy.begin());
    request.approval->signature = std::move(*signature);
    return {};
}

Taken take_flag(std::string_view name, const value &value, TpmRequest &request) {
    if (!value.is_bool()) {
        return bad_member(name, "must be true or false");
    }
    request.with_recovery = value.get_bool();
    return {};
}

Taken take_sealed(std::string_view name, const value &value, TpmRequest &request) {
    return value.is_object() ? keep(request.sealed, sealed_from_json(value.get_object()))
                             : Taken(bad_member(name, "must be an object"));
}

template <std::size_t Max>
Taken take_data(std::string_view name, const value &value, TpmRequest &request) {
    return keep(request.data, parse_hex(name, value, 1, Max));
}

Taken take_index(std::string_view name, const value &value, TpmRequest &request) {
    return keep(request.index, parse_index(name, value));
}

Taken take_secret(std::string_view name, const value &value, TpmRequest &request) {
    return keep(request.secret, parse_hex(name, value, 1, tpm::max_secret_bytes));
}

Taken take_pcrs(std::string_view /*name*/, const value &value, TpmRequest &request) {
    return keep(request.pcrs, parse_pcrs(value));
}

struct Shape {
    TpmOperation operation;
    std::vector<Member> needed;
    std::vector<Member> possible;
};

const Shape &shape_of(TpmOperation operation) {
    static const std::vector<Shape> shapes = {
        {TpmOperation::random,
         {{"bytes",
           [](std::string_view name, const value &value, TpmRequest &request) {
               return keep(request.bytes, parse_number(name, value, 1, tpm::max_random_bytes));
           }}},
         {}},
        {TpmOperation::pcr_read, {{"pcrs", take_pcrs}}, {}},
        {TpmOperation::pcr_extend,
         {{"pcr",
           [](std::string_view name, const value &value, TpmRequest &request) {
               return keep(request.pcr, parse_number(name, value, 0, last_pcr));
           }},
          {"digest", take_digest}},
         {}},
        {TpmOperation::nv_define,
         {{"index", take_index}, {"kind", take_kind}},
         {{"size",
           [](std::string_view name, const value &value, TpmRequest &request) {
               return keep(request.size, parse_number(name, value, 1, tpm::max_index_bytes));
           }},
          {"secret", take_secret}}},
        {TpmOperation::nv_read, {{"index", take_index}}, {{"secret", take_secret}}},
        {TpmOperation::nv_write,
         {{"index", take_index}, {"data", take_data<tpm::max_index_bytes>}},
         {{"secret", take_secret}}},
        {TpmOperation::nv_increment, {{"index", take_index}}, {{"secret", take_secret}}},
        {TpmOperation::nv_extend,
         {{"index", take_index}, {"data", take_data<max_extend_bytes>}},
         {{"secret", take_secret}}},
        {TpmOperation::nv_undefine, {{"index", take_index}}, {}},
        {TpmOperation::seal,
         {{"data", take_data<tpm::max_sealed_bytes>}},
         {{"pcrs", take_pcrs}, {"approver", take_approver}, {"nv", take_condition}, {"recovery", take_flag}}},
        {TpmOperation::unseal,
         {{"sealed", take_sealed}},
         {{"approval", take_approval},
          {"recovery",
           [](std::string_view name, const value &value, TpmRequest &request) {
               return keep(request.recovery, parse_hex(name, value, digest_bytes, digest_bytes));
           }}}},
    };
    return *std::ranges::find(shapes, operation, &Shape::operation);
}

// What no single member shows.
Result<void> check_whole(TpmOperation operation, const TpmRequest &request) {
    if (operation == TpmOperation::nv_define && (request.kind == tpm::NvKind::data) != (request.size != 0)) {
        return fail(Code::usage, request.size == 0 ? "size is missing"
                                                   : "only an index of the kind data has a size of its own");
    }
    if (operation == TpmOperation::seal && request.pcrs.empty() && (!request.condition || request.approver)) {
        return fail(Code::usage, "pcrs is missing: without it, or nv, nothing is sealed to any state");
    }
    if (operation == TpmOperation::unseal && request.approval && !request.recovery.empty()) {
        return fail(Code::usage, "an approval or the recovery secret opens it, not both");
    }
    return {};
}

} // namespace

std::string_view name(tpm::NvKind kind) {
    return std::ranges::find(kinds, kind, &std::pair<std::string_view, tpm::NvKind>::second)->first;
}

Result<TpmRequest> parse_tpm_request(std::string_view body, TpmOperation operation) {
    const auto object = parse_object(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    const Shape &shape = shape_of(operation);
    for (const auto &member : shape.needed) {
        if (!object->contains(member.name)) {
            return fail(Code::usage, std::format("{} is missing", member.name));
        }
    }
    TpmRequest request;
    for (const auto &[key, value] : *object) {
        const std::string_view name(key);
        auto known = std::ranges::find(shape.needed, name, &Member::name);
        if (known == shape.needed.end()) {
            known = std::ranges::find(shape.possible, name, &Member::name);
            if (known == shape.possible.end()) {
                return fail(Code::usage, std::format("there is no member {}", name));
            }
        }
        if (auto taken = known->take(name, value, request); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
    if (auto right = check_whole(operation, request); !right) {
        return std::unexpected(std::move(right.error()));
    }
    return request;
}

} // namespace dsmil::api
