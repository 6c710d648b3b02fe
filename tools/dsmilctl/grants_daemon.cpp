// SPDX-License-Identifier: Apache-2.0
// dsmilctl grants request, list, sign, revoke, key: grants that dsmild issues.
#include "api_answer.hpp"
#include "api_client.hpp"
#include "base/bytes.hpp"
#include "command.hpp"
#include "grant_client.hpp"
#include "grants/grant.hpp"
#include "output.hpp"
#include "signing_key.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>
#include <format>
#include <iostream>
#include <pwd.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace dsmilctl {
namespace {

constexpr std::chrono::seconds patience{30};

void show(const Call &call, Output &out, const GrantView &view, std::string_view text) {
    if (call.json) {
        auto object = to_json(view);
        object["schema"] = call.command->schema;
        out.object(object);
    } else {
        out.line(text);
    }
}

// What is written and by whom: the account's name too, as this machine has it. It is not
// part of what is signed, so it stands in brackets.
std::string describe(const GrantView &view) {
    constexpr std::size_t room = 1 << 16;
    std::vector<char> buffer(room);
    passwd entry{};
    passwd *found = nullptr;
    const bool known =
        ::getpwuid_r(view.body.uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr;
    return std::format("{} ({})", dsmil::grants::describe(view.body),
                       known ? printable(found->pw_name) : "no account here");
}

// The person at the terminal says yes; without a terminal --yes says it.
dsmil::Result<void> confirm(const Call &call, const GrantView &view) {
    if (call.has("--yes")) {
        return {};
    }
    if (::isatty(STDIN_FILENO) != 1) {
        return dsmil::fail(dsmil::Code::usage,
                           "nobody can be asked here: look at 'dsmilctl grants list', then "
                           "give --yes");
    }
    std::cerr << std::format("You sign, for {} s: {}.\nSign it? [y/N] ", seconds_left(view), describe(view));
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "Y" && answer != "yes") {
        return dsmil::fail(dsmil::Code::failed, "not signed");
    }
    return {};
}

} // namespace

dsmil::Result<int> run_grants_request(const Call &call, Output &out) {
    const auto view = request_grant(call);
    if (!view) {
        return std::unexpected(view.error());
    }
    const std::string id = printable(view->id);
    show(call, out, *view,
         view->approver.empty()
             ? std::format("{}: approved; dsmilctl write ... --granted {}", id, id)
             : std::format("{}: waits for {}: dsmilctl grants sign {} --key KEY; then dsmilctl write ... "
                           "--granted {}",
                           id, printable(view->approver), id, id));
    return 0;
}

dsmil::Result<int> run_grants_list(const Call &call, Output &out) {
    const auto body = ApiClient(call.socket).get("/v1/grants", patience);
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto views = decode_grants(*body);
    if (!views) {
        return std::unexpected(views.error());
    }
    if (call.json) {
        boost::json::array array;
        for (const auto &view : *views) {
            array.push_back(to_json(view));
        }
        out.object({{"schema", call.command->schema}, {"grants", std::move(array)}});
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"ID", "STATE", "LEFT", "APPROVER", "RULE", "WRITE"}};
    for (const auto &view : *views) {
        rows.push_back({printable(view.id), printable(view.state), std::format("{} s", seconds_left(view)),
                        view.approver.empty() ? "-" : printable(view.approver), printable(view.rule),
                        describe(view)});
    }
    out.table(rows);
    return 0;
}

dsmil::Result<int> run_grants_sign(const Call &call, Output &out) {
    const auto view = find_grant(call, call.argument("ID"));
    if (!view) {
        return std::unexpected(view.error());
    }
    if (view->state != "waiting") {
        return dsmil::fail(dsmil::Code::conflict, std::format("grant {} is {}: there is nothing to sign",
                                                              printable(view->id), printable(view->state)));
    }
    if (auto confirmed = confirm(call, *view); !confirmed) {
        return std::unexpected(confirmed.error());
    }
    const auto key = SigningKey::open(call.argument("--key"));
    if (!key) {
        return std::unexpected(key.error());
    }
    const auto signature = key->sign(view->message);
    if (!signature) {
        return std::unexpected(signature.error());
    }
    const auto approved = call_grant(
        call, "approve", {{"id", view->id}, {"signature", dsmil::to_base64(dsmil::as_bytes(*signature))}});
    if (!approved) {
        return std::unexpected(approved.error());
    }
    show(call, out, *approved,
         std::format("{}: signed; {} may have it for {} s", printable(view->id),
                     std::format("user {}", std::uint32_t{view->body.uid}), seconds_left(*view)));
    return 0;
}

dsmil::Result<int> run_grants_revoke(const Call &call, Output &out) {
    const auto view = call_grant(call, "revoke", {{"id", call.argument("ID")}});
    if (!view) {
        return std::unexpected(view.error());
    }
    show(call, out, *view, std::format("{}: revoked; it is not given out any more", printable(view->id)));
    return 0;
}

dsmil::Result<int> run_grants_key(const Call &call, Output &out) {
    const auto body = ApiClient(call.socket).get("/v1/grants/key", patience);
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto answer = decode_object("dsmild", *body);
    if (!answer) {
        return std::unexpected(answer.error());
    }
    const auto pem = string_member(*answer, "public_key_pem");
    const auto owner = string_member(*answer, "owner");
    const auto id = string_member(*answer, "id");
    for (const auto *const member : {&pem, &owner, &id}) {
        if (!*member) {
            return std::unexpected(member->error());
        }
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"owner", printable(*owner)},
                    {"id", printable(*id)},
                    {"public_key_pem", *pem}});
    } else {
        out.line(pem->substr(0, pem->find_last_not_of('\n') + 1));
    }
    return 0;
}

} // namespace dsmilctl
