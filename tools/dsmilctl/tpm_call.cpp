// SPDX-License-Identifier: Apache-2.0
#include "tpm_call.hpp"

#include "api_answer.hpp"
#include "api_client.hpp"
#include "new_file.hpp"
#include "text.hpp"

#include <boost/json/serialize.hpp>
#include <format>
#include <limits>

namespace dsmilctl {
namespace {

constexpr std::chrono::seconds patience{120}; // others may wait for the TPM, too
constexpr std::size_t max_secret_bytes = 32;

} // namespace

dsmil::Result<boost::json::object> ask_tpm(const Call &call, std::string_view operation,
                                           const boost::json::object &request) {
    return ApiClient(call.socket)
        .post(std::format("/v1/tpm/{}", operation), boost::json::serialize(request), patience)
        .and_then([](const std::string &text) { return decode_object("dsmild", text); });
}

dsmil::Result<std::string> parse_nv_index(std::string_view text) {
    return parse_number("INDEX", text, std::numeric_limits<std::uint32_t>::max())
        .transform([](std::uint64_t index) { return std::format("0x{:08X}", index); });
}

dsmil::Result<dsmil::Bytes> file_bytes(const std::string &path, std::size_t max) {
    const auto content = read_file(path, max + 1);
    if (!content) {
        return std::unexpected(content.error());
    }
    if (content->empty() || content->size() > max) {
        return dsmil::fail(dsmil::Code::usage, std::format("{} must have 1 to {} bytes", path, max));
    }
    const auto bytes = dsmil::as_bytes(*content);
    return dsmil::Bytes(bytes.begin(), bytes.end());
}

dsmil::Result<void> add_secret(const Call &call, boost::json::object &request) {
    const auto path = call.option("--secret");
    if (!path) {
        return {};
    }
    return file_bytes(*path, max_secret_bytes).transform([&](const dsmil::Bytes &secret) {
        request["secret"] = dsmil::to_hex(secret);
    });
}

dsmil::Result<dsmil::Bytes> hex_member(const boost::json::object &answer, std::string_view name) {
    const auto text = string_member(answer, name);
    if (!text) {
        return std::unexpected(text.error());
    }
    auto bytes = dsmil::from_hex(*text);
    if (!bytes) {
        return dsmil::fail(dsmil::Code::failed, std::format("{} in the answer of dsmild is no bytes", name));
    }
    return std::move(*bytes);
}

} // namespace dsmilctl
