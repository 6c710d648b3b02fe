// SPDX-License-Identifier: Apache-2.0
// The TPM's own memory.
#include "api_answer.hpp"
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"
#include "tpm_call.hpp"

#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using boost::json::object;
using dsmil::Result;

constexpr std::size_t max_index_bytes = 2'048;
constexpr std::size_t max_extend_bytes = 512;

// A request about INDEX, with its secret.
Result<object> about_index(const Call &call) {
    const auto index = parse_nv_index(call.argument("INDEX"));
    if (!index) {
        return std::unexpected(index.error());
    }
    object request = {{"index", *index}};
    if (auto added = add_secret(call, request); !added) {
        return std::unexpected(std::move(added.error()));
    }
    return request;
}

// What an index is and holds, in JSON or as hexadecimal digits; a counter as its number.
Result<int> show(const Call &call, Output &out, const object &answer) {
    const auto index = string_member(answer, "index");
    const auto kind = string_member(answer, "kind");
    const auto size = number_member(answer, "size");
    const auto label = string_member(answer, "name");
    const auto *held = answer.if_contains("data");
    if (!index || !kind || !size || !label || held == nullptr) {
        return dsmil::fail(dsmil::Code::failed, "the answer of dsmild is about no NV index");
    }
    const auto data = held->is_null() ? Result<dsmil::Bytes>(dsmil::Bytes{}) : hex_member(answer, "data");
    if (!data) {
        return std::unexpected(data.error());
    }
    if (call.json) {
        object shown = {{"schema", call.command->schema},
                        {"index", *index},
                        {"kind", *kind},
                        {"size", *size},
                        {"name", *label},
                        {"data", nullptr}};
        if (!held->is_null()) {
            shown["data"] = dsmil::to_hex(*data);
        }
        out.object(shown);
        return 0;
    }
    if (held->is_null()) {
        out.line("never written");
    } else if (*kind == "counter") {
        std::uint64_t count = 0;
        for (const auto byte : *data) {
            count = count << 8U | byte;
        }
        out.line(std::to_string(count));
    } else {
        out.line(dsmil::to_hex(*data));
    }
    return 0;
}

Result<int> ask_and_show(const Call &call, Output &out, std::string_view operation,
                         const Result<object> &request) {
    return request.and_then([&](const object &asked) { return ask_tpm(call, operation, asked); })
        .and_then([&](const object &answer) { return show(call, out, answer); });
}

Result<int> say_done(const Call &call, Output &out, const Result<object> &answer) {
    const auto index = answer.and_then([](const object &members) { return string_member(members, "index"); });
    if (!index) {
        return std::unexpected(index.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"index", *index}});
    }
    return 0;
}

Result<object> with_data(const Call &call, const Result<dsmil::Bytes> &data) {
    auto request = about_index(call);
    if (!request || !data) {
        return std::unexpected(!request ? request.error() : data.error());
    }
    (*request)["data"] = dsmil::to_hex(*data);
    return request;
}

} // namespace

dsmil::Result<int> run_tpm_nv_define(const Call &call, Output &out) {
    auto request = about_index(call);
    if (request) {
        (*request)["kind"] = call.option("--kind").value_or("data");
        if (const auto size = call.option("--size")) {
            const auto bytes = parse_number("--size", *size, max_index_bytes);
            if (!bytes) {
                return std::unexpected(bytes.error());
            }
            (*request)["size"] = *bytes;
        }
    }
    return say_done(call, out,
                    request.and_then([&](const object &asked) { return ask_tpm(call, "nv/define", asked); }));
}

dsmil::Result<int> run_tpm_nv_read(const Call &call, Output &out) {
    return ask_and_show(call, out, "nv/read", about_index(call));
}

dsmil::Result<int> run_tpm_nv_write(const Call &call, Output &out) {
    return ask_and_show(call, out, "nv/write",
                        with_data(call, file_bytes(call.argument("FILE"), max_index_bytes)));
}

dsmil::Result<int> run_tpm_nv_increment(const Call &call, Output &out) {
    return ask_and_show(call, out, "nv/increment", about_index(call));
}

dsmil::Result<int> run_tpm_nv_extend(const Call &call, Output &out) {
    return ask_and_show(call, out, "nv/extend",
                        with_data(call, parse_hex("DATA", call.argument("DATA"), 1, max_extend_bytes)));
}

dsmil::Result<int> run_tpm_nv_undefine(const Call &call, Output &out) {
    return say_done(call, out, about_index(call).and_then([&](const object &asked) {
        return ask_tpm(call, "nv/undefine", asked);
    }));
}

} // namespace dsmilctl
