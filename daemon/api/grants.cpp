// SPDX-License-Identifier: Apache-2.0
// The operations on grants.
#include "api/api.hpp"
#include "api/grant_request.hpp"
#include "api/recorded.hpp"
#include "base/bytes.hpp"
#include "dsmil/catalog.hpp"
#include "grants/grant.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmil::api {
namespace {

grants::Caller caller_of(const Peer &peer) {
    return {.uid = peer.uid, .pid = peer.pid, .groups = peer.groups, .comm = peer.comm};
}

boost::json::object entry_json(const grants::Entry &entry) {
    const auto &body = entry.body;
    boost::json::object object = {
        {"id", entry.id},
        {"state", grants::name(entry.state)},
        {"rule", entry.rule},
        {"approver", nullptr},
        {"device", std::format("0x{:04X}", std::uint16_t{body.device_id})},
        {"register", name(Register{body.reg})},
        {"value", std::uint32_t{body.value}},
        {"mask", std::uint32_t{body.mask}},
        {"old_value", nullptr},
        {"uid", entry.uid},
        {"expires_boottime_ns", std::uint64_t{body.expires_boottime_ns}},
        {"message", to_base64(as_bytes(grants::message_of(body)))},
    };
    if (!entry.approver.empty()) {
        object["approver"] = entry.approver;
    }
    if ((body.flags & DSMIL_GRANT_EXPECT_OLD) != 0) {
        object["old_value"] = std::uint32_t{body.old_value};
    }
    return object;
}

Then<Result<grants::Entry>> answer_entry(Then<Result<Response>> then) {
    return [then = std::move(then)](Result<grants::Entry> entry) mutable {
        then(entry.transform([](const grants::Entry &made) { return json_response(entry_json(made)); }));
    };
}

} // namespace

void Api::grants_list(const Request & /*request*/, Then<Result<Response>> then) {
    boost::json::array list;
    for (const auto &entry : grants_.list()) {
        list.push_back(entry_json(entry));
    }
    then(json_response({{"grants", std::move(list)}}));
}

void Api::grants_item(const Request &request, Then<Result<Response>> then) {
    const auto id = request.target.parameters.find("id");
    if (id == request.target.parameters.end()) {
        then(fail(Code::usage, "the parameter id is missing"));
        return;
    }
    answer_entry(std::move(then))(grants_.find(id->second));
}

void Api::grants_key(const Request & /*request*/, Then<Result<Response>> then) {
    then(grants_.own_key().and_then([](const grants::P256Point &key) {
        return grants::encode_public_key(key).transform([&](const std::string &pem) {
            return json_response(
                {{"owner", grants::daemon_owner}, {"id", to_hex(key.id())}, {"public_key_pem", pem}});
        });
    }));
}

void Api::grants_request(const Request &request, Then<Result<Response>> then) {
    auto terms = parse_grant_request(request.body);
    if (!terms) {
        then(std::unexpected(std::move(terms.error())));
        return;
    }
    grants_.request(caller_of(request.peer), std::move(*terms), answer_entry(std::move(then)));
}

void Api::grants_approve(const Request &request, Then<Result<Response>> then) {
    auto call = parse_grant_call(request.body, WithSignature::yes);
    if (!call) {
        then(std::unexpected(std::move(call.error())));
        return;
    }
    grants_.approve(caller_of(request.peer), call->id, std::move(call->signature),
                    answer_entry(std::move(then)));
}

void Api::grants_issue(const Request &request, Then<Result<Response>> then) {
    auto call = parse_grant_call(request.body, WithSignature::no);
    if (!call) {
        then(std::unexpected(std::move(call.error())));
        return;
    }
    grants_.issue(caller_of(request.peer), call->id,
                  [then = std::move(then)](Result<grants::Service::Issued> issued) mutable {
                      then(issued.transform([](const grants::Service::Issued &made) {
                          auto object = entry_json(made.entry);
                          object["state"] = grants::name(grants::State::issued);
                          object["grant"] = to_base64(as_bytes(made.grant));
                          return json_response(object);
                      }));
                  });
}

void Api::grants_revoke(const Request &request, Then<Result<Response>> then) {
    auto call = parse_grant_call(request.body, WithSignature::no);
    if (!call) {
        then(std::unexpected(std::move(call.error())));
        return;
    }
    grants_.revoke(caller_of(request.peer), call->id, roles_.of(request.peer) == Role::admin,
                   answer_entry(std::move(then)));
}

} // namespace dsmil::api
