// SPDX-License-Identifier: Apache-2.0
#include "api/grant_request.hpp"

#include "api/json_members.hpp"
#include "dsmil/catalog.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <format>
#include <limits>
#include <linux/dsmil.h>

namespace dsmil::api {
namespace {

constexpr std::size_t id_digits = 16;
constexpr std::size_t max_name = 31;
constexpr std::size_t max_der = 72;

Result<std::uint32_t> number_of(std::string_view name, const boost::json::value &value, std::uint32_t low,
                                std::uint32_t high) {
    const auto *number = value.if_int64();
    if (number == nullptr || *number < std::int64_t{low} || *number > std::int64_t{high}) {
        return fail(Code::usage, std::format("{} must be a whole number from {} to {}", name, low, high));
    }
    return static_cast<std::uint32_t>(*number);
}

Result<void> take_device(const boost::json::value &value, grants::Terms &terms) {
    const auto *text = value.if_string();
    const auto *device = text != nullptr ? find_device(*text) : nullptr;
    if (device == nullptr) {
        return fail(Code::device_unknown, "device must be an id, a number or a name, as a string");
    }
    terms.device_id = device->id;
    return {};
}

Result<void> take_register(const boost::json::value &value, grants::Terms &terms) {
    const auto *text = value.if_string();
    const auto reg = text != nullptr ? find_register(*text) : std::nullopt;
    if (!reg) {
        return fail(Code::register_unknown, "register must be STATUS, CONFIG or DATA");
    }
    terms.reg = *reg;
    return {};
}

Result<void> take_approver(const boost::json::value &value, grants::Terms &terms) {
    const auto *text = value.if_string();
    if (text == nullptr || text->empty() || text->size() > max_name) {
        return fail(Code::usage, std::format("approver must be a name of 1 to {} bytes", max_name));
    }
    terms.approver = *text;
    return {};
}

Result<void> take_member(std::string_view name, const boost::json::value &value, grants::Terms &terms) {
    constexpr auto limit = std::numeric_limits<std::uint32_t>::max();
    const auto set = [&](auto &place, std::uint32_t low, std::uint32_t high) {
        return number_of(name, value, low, high).transform([&](std::uint32_t number) { place = number; });
    };
    if (name == "device") {
        return take_device(value, terms);
    }
    if (name == "register") {
        return take_register(value, terms);
    }
    if (name == "approver") {
        return take_approver(value, terms);
    }
    if (name == "value") {
        return set(terms.value, 0, limit);
    }
    if (name == "mask") {
        return set(terms.mask, 1, limit);
    }
    if (name == "old_value") {
        return set(terms.old_value, 0, limit);
    }
    if (name == "seconds") {
        return set(terms.seconds, 1, DSMIL_GRANT_LIFE_MAX_S);
    }
    return fail(Code::usage, std::format("there is no member {}", name));
}

bool is_id(std::string_view text) {
    return text.size() == id_digits && from_hex(text).has_value();
}

} // namespace

Result<grants::Terms> parse_grant_request(std::string_view body) {
    const auto object = parse_object(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    grants::Terms terms;
    for (const auto &[name, value] : *object) {
        if (auto taken = take_member(name, value, terms); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
    for (const auto *const needed : {"device", "register", "value"}) {
        if (!object->contains(needed)) {
            return fail(Code::usage, std::format("{} is missing", needed));
        }
    }
    return terms;
}

Result<GrantCall> parse_grant_call(std::string_view body, WithSignature with) {
    const auto object = parse_object(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    GrantCall call;
    for (const auto &[name, value] : *object) {
        const auto *text = value.if_string();
        if (name == "id" && text != nullptr && is_id(*text)) {
            call.id = *text;
        } else if (name == "id") {
            return fail(Code::usage, std::format("id must be {} hexadecimal digits", id_digits));
        } else if (name == "signature" && with == WithSignature::yes) {
            const auto der = text != nullptr ? from_base64(*text) : std::nullopt;
            if (!der || der->empty() || der->size() > max_der) {
                return fail(Code::usage, "signature must be an ECDSA P-256 signature, DER in base64");
            }
            call.signature = as_text(*der);
        } else {
            return fail(Code::usage, std::format("there is no member {}", std::string_view(name)));
        }
    }
    if (call.id.empty() || (with == WithSignature::yes && call.signature.empty())) {
        return fail(Code::usage, call.id.empty() ? "id is missing" : "signature is missing");
    }
    return call;
}

} // namespace dsmil::api
