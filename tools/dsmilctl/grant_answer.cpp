// SPDX-License-Identifier: Apache-2.0
#include "grant_answer.hpp"

#include "api_answer.hpp"
#include "base/bytes.hpp"
#include "dsmil/catalog.hpp"
#include "grants/grant.hpp"
#include "output.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

Result<std::string> bytes_member(const boost::json::object &object, std::string_view name) {
    const auto text = string_member(object, name);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto bytes = dsmil::from_base64(*text);
    if (!bytes) {
        return dsmil::fail(Code::failed, std::format("dsmild's {} is no base64", name));
    }
    return std::string(dsmil::as_text(*bytes));
}

} // namespace

Result<GrantView> decode_grant(const boost::json::object &answer) {
    GrantView view;
    for (const auto &[name, place] :
         {std::pair(std::string_view("id"), &view.id), std::pair(std::string_view("state"), &view.state),
          std::pair(std::string_view("rule"), &view.rule)}) {
        auto text = string_member(answer, name);
        if (!text) {
            return std::unexpected(std::move(text.error()));
        }
        *place = std::move(*text);
    }
    if (const auto *approver = answer.if_contains("approver"); approver != nullptr && approver->is_string()) {
        view.approver = approver->get_string();
    }
    auto message = bytes_member(answer, "message");
    if (!message) {
        return std::unexpected(std::move(message.error()));
    }
    const auto body = dsmil::grants::body_of(*message);
    if (!body || body->reg >= DSMIL_REGISTER_COUNT) {
        return dsmil::fail(Code::failed, "dsmild's message is no draft of a grant");
    }
    view.message = std::move(*message);
    view.body = *body;
    if (answer.contains("grant")) {
        auto grant = bytes_member(answer, "grant");
        if (!grant) {
            return std::unexpected(std::move(grant.error()));
        }
        view.grant = std::move(*grant);
    }
    return view;
}

Result<GrantView> decode_grant(std::string_view body) {
    return decode_object("dsmild", body).and_then([](const boost::json::object &answer) {
        return decode_grant(answer);
    });
}

Result<std::vector<GrantView>> decode_grants(std::string_view body) {
    const auto answer = decode_object("dsmild", body);
    if (!answer) {
        return std::unexpected(answer.error());
    }
    const auto *list = answer->if_contains("grants");
    if (list == nullptr || !list->is_array()) {
        return dsmil::fail(Code::failed, "dsmild's answer has no grants");
    }
    std::vector<GrantView> views;
    for (const auto &item : list->get_array()) {
        if (!item.is_object()) {
            return dsmil::fail(Code::failed, "a grant in dsmild's answer is no object");
        }
        auto view = decode_grant(item.get_object());
        if (!view) {
            return std::unexpected(std::move(view.error()));
        }
        views.push_back(std::move(*view));
    }
    return views;
}

boost::json::object to_json(const GrantView &view) {
    const auto &body = view.body;
    boost::json::object object = {
        {"id", printable(view.id)},
        {"state", printable(view.state)},
        {"rule", printable(view.rule)},
        {"approver", nullptr},
        {"device", hex16(body.device_id)},
        {"register", dsmil::name(dsmil::Register{body.reg})},
        {"value", hex32(body.value)},
        {"mask", hex32(body.mask)},
        {"old_value", nullptr},
        {"uid", std::uint32_t{body.uid}},
        {"expires_boottime_ns", std::uint64_t{body.expires_boottime_ns}},
    };
    if (!view.approver.empty()) {
        object["approver"] = printable(view.approver);
    }
    if ((body.flags & DSMIL_GRANT_EXPECT_OLD) != 0) {
        object["old_value"] = hex32(body.old_value);
    }
    return object;
}

} // namespace dsmilctl
