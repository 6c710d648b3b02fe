// SPDX-License-Identifier: Apache-2.0
#include "verify_files.hpp"

#include "new_file.hpp"

#include <format>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using dsmil::Bytes;
using dsmil::Code;
using dsmil::Result;

std::unexpected<dsmil::Error> in_file(dsmil::Error error, const Call &call, std::string_view name) {
    return std::unexpected(std::move(error).in(std::format("reading {}", call.argument(name))));
}

} // namespace

Result<Bytes> read_named(const Call &call, std::string_view name, std::size_t limit) {
    const auto text = read_file(call.argument(name), limit);
    if (!text) {
        return std::unexpected(text.error());
    }
    const auto view = dsmil::as_bytes(*text);
    return Bytes(view.begin(), view.end());
}

Result<attest::PublicKey> read_key(const Call &call, std::string_view name) {
    const auto file = read_named(call, name);
    if (!file) {
        return std::unexpected(file.error());
    }
    auto key = attest::PublicKey::read(*file);
    if (!key) {
        return in_file(std::move(key.error()), call, name);
    }
    return key;
}

Result<attest::HashAlg> hash_option(const Call &call, std::string_view name) {
    const auto text = call.option(name).value_or("sha256");
    const auto alg = attest::hash_alg(std::string_view(text));
    if (!alg) {
        return dsmil::fail(Code::usage, std::format("{} must be sha1, sha256, sha384 or sha512", name));
    }
    return *alg;
}

Result<Logs> read_logs(const Call &call, std::string_view log_name, std::string_view ima_name) {
    Logs logs;
    if (call.has("--policy")) {
        const auto text = read_file(call.argument("--policy"), attest::max_reference_bytes);
        if (!text) {
            return std::unexpected(text.error());
        }
        auto reference = attest::parse_reference(*text);
        if (!reference) {
            return in_file(std::move(reference.error()), call, "--policy");
        }
        logs.reference = std::move(*reference);
        logs.has_reference = true;
    }
    if (call.has(log_name)) {
        auto bytes = read_named(call, log_name, attest::max_log_bytes);
        if (!bytes) {
            return std::unexpected(std::move(bytes.error()));
        }
        logs.log_bytes = std::move(*bytes); // Moved once: the views stay.
        auto log = attest::parse_event_log(logs.log_bytes, attest::HashAlg::sha256);
        if (!log) {
            return in_file(std::move(log.error()), call, log_name);
        }
        logs.log = std::move(*log);
    }
    if (call.has(ima_name)) {
        const auto bytes = read_named(call, ima_name, attest::max_ima_bytes);
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        auto list = attest::parse_ima_list(*bytes);
        if (!list) {
            return in_file(std::move(list.error()), call, ima_name);
        }
        logs.ima = std::move(*list);
    }
    return logs;
}

} // namespace dsmilctl
