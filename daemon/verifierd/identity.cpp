// SPDX-License-Identifier: Apache-2.0
#include "verifierd/identity.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace dsmil::verifierd {
namespace {

namespace json = boost::json;

std::unexpected<Error> malformed() {
    return fail(Code::malformed, "what dsmild says of its keys cannot be read; both must be of one release");
}

// A member, or null.
json::value member(const json::object &object, std::string_view name) {
    const auto *value = object.if_contains(name);
    return value != nullptr ? *value : json::value(nullptr);
}

} // namespace

Result<IdentityChoice> choose_identity(std::string_view body) {
    boost::system::error_code error;
    const auto parsed = json::parse(body, error);
    const auto *object = error ? nullptr : parsed.if_object();
    const auto *eks = object != nullptr && object->contains("ek") ? object->at("ek").if_array() : nullptr;
    const auto *ak = object != nullptr && object->contains("ak") ? object->at("ak").if_object() : nullptr;
    if (eks == nullptr || ak == nullptr) {
        return malformed();
    }
    const json::object *chosen = nullptr;
    for (const auto &ek : *eks) {
        const auto *candidate = ek.if_object();
        if (candidate == nullptr || !member(*candidate, "type").is_string()) {
            return malformed();
        }
        const bool certified = member(*candidate, "certificate").is_string();
        if (chosen == nullptr || (certified && !member(*chosen, "certificate").is_string())) {
            chosen = candidate;
        }
    }
    if (chosen == nullptr) {
        return fail(Code::not_found, "the machine shows no endorsement key");
    }
    const json::object enrolment{{"ek",
                                  {{"public", member(*chosen, "public")},
                                   {"certificate", member(*chosen, "certificate")},
                                   {"chain", member(*chosen, "chain")}}},
                                 {"ak", {{"public", member(*ak, "public")}}}};
    return IdentityChoice{.ek_type = std::string(chosen->at("type").get_string()),
                          .enrolment = json::serialize(enrolment)};
}

} // namespace dsmil::verifierd
