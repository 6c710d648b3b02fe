// SPDX-License-Identifier: Apache-2.0
#include "attest/credential.hpp"
#include "command.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "text.hpp"
#include "verify_files.hpp"

#include <format>

namespace dsmilctl {
namespace {

namespace attest = dsmil::attest;
using dsmil::Bytes;
using dsmil::Code;
using dsmil::Result;

constexpr std::size_t max_name_bytes = 66;
constexpr std::size_t max_secret_bytes = 64;

// The key's name, in one of the two ways to give it.
Result<Bytes> name_of_key(const Call &call) {
    if (call.has("--ak") == call.has("--ak-name")) {
        return dsmil::fail(Code::usage, "give either --ak FILE or --ak-name HEX");
    }
    if (const auto text = call.option("--ak-name")) {
        return parse_hex("--ak-name", *text, 2, max_name_bytes);
    }
    auto key = read_key(call, "--ak");
    if (!key) {
        return std::unexpected(std::move(key.error()));
    }
    const auto &area = key->area();
    if (!area) {
        return dsmil::fail(Code::usage,
                           "a key in PEM has no name; give it as the TPM writes it (tpm2_readpublic -o), "
                           "or its name (--ak-name)");
    }
    return area->name;
}

} // namespace

Result<int> run_verify_credential(const Call &call, Output &out) {
    const auto name = name_of_key(call);
    if (!name) {
        return std::unexpected(name.error());
    }
    const auto ek = read_key(call, "--ek");
    if (!ek) {
        return std::unexpected(ek.error());
    }
    const auto secret = read_named(call, "--secret", max_secret_bytes);
    if (!secret) {
        return std::unexpected(secret.error());
    }
    const auto credential = attest::make_credential(*ek, *name, *secret);
    if (!credential) {
        return std::unexpected(credential.error());
    }
    auto file = NewFile::make(call.argument("--out"));
    if (!file) {
        return std::unexpected(std::move(file.error()));
    }
    if (auto written = file->write(dsmil::as_text(*credential)).and_then([&] { return file->publish(); });
        !written) {
        return std::unexpected(std::move(written.error()));
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"out", call.argument("--out")},
                    {"ak_name", dsmil::to_hex(*name)},
                    {"ek", attest::name_of(ek->kind())},
                    {"bytes", credential->size()}});
    } else {
        out.line(std::format("wrote {}: only the TPM with this EK opens it, and only for the key {}",
                             call.argument("--out"), dsmil::to_hex(*name)));
    }
    return 0;
}

} // namespace dsmilctl
