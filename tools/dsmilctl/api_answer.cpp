// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::fail;
using dsmil::Result;

constexpr std::size_t max_depth = 16;
constexpr std::size_t max_causes = 32;

std::string text_or(const boost::json::object &object, std::string_view name, std::string fallback) {
    const auto *member = object.if_contains(name);
    return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::move(fallback);
}

} // namespace

dsmil::Error decode_error(unsigned status, std::string_view body) {
    const auto answer = decode_object("dsmild", body);
    const auto *inner = answer ? answer->if_contains("error") : nullptr;
    if (inner == nullptr || !inner->is_object()) {
        return {Code::failed, std::format("dsmild answered with HTTP status {} and no reason", status), {}};
    }
    const auto &object = inner->get_object();
    dsmil::Error error{
        dsmil::code_from_name(text_or(object, "code", "failed")), text_or(object, "detail", ""), {}};
    const auto *causes = object.if_contains("causes");
    if (causes != nullptr && causes->is_array()) {
        for (const auto &cause : causes->get_array()) {
            if (cause.is_string() && error.causes.size() < max_causes) {
                error.causes.emplace_back(cause.get_string());
            }
        }
    }
    return error;
}

Result<boost::json::object> decode_object(std::string_view what, std::string_view body) {
    boost::json::parse_options options;
    options.max_depth = max_depth;
    boost::system::error_code error;
    auto value = boost::json::parse(body, error, {}, options);
    if (error) {
        return fail(Code::failed, std::format("the answer of {} is not JSON", what), {error.message()});
    }
    if (!value.is_object()) {
        return fail(Code::failed, std::format("the answer of {} is no JSON object", what));
    }
    return std::move(value.get_object());
}

Result<std::string> string_member(const boost::json::object &object, std::string_view name) {
    const auto *member = object.if_contains(name);
    if (member == nullptr || !member->is_string()) {
        return fail(Code::failed, std::format("the answer of dsmild has no string '{}'", name));
    }
    return std::string(member->get_string());
}

Result<std::uint64_t> number_member(const boost::json::object &object, std::string_view name) {
    const auto *member = object.if_contains(name);
    boost::system::error_code error;
    const auto number = member != nullptr ? member->to_number<std::uint64_t>(error) : 0;
    if (member == nullptr || error || member->is_double()) {
        return fail(Code::failed, std::format("the answer of dsmild has no number '{}'", name));
    }
    return number;
}

} // namespace dsmilctl
