// SPDX-License-Identifier: Apache-2.0
// dsmilctl grants draft, assemble: a grant by hand. Between the two, its signers sign.
#include "command.hpp"
#include "grants/grant.hpp"
#include "grants/public_key.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "text.hpp"

#include <algorithm>
#include <bit>
#include <ctime>
#include <format>
#include <limits>
#include <span>
#include <sys/random.h>
#include <unistd.h>

namespace dsmilctl {
namespace {

static_assert(std::endian::native == std::endian::little, "the body of a grant is little-endian");

constexpr std::size_t file_bytes_max = 16384;
constexpr std::uint64_t limit32 = std::numeric_limits<std::uint32_t>::max();

// A number of the command line, or what it is without the option.
dsmil::Result<std::uint32_t> number_option(const Call &call, std::string_view name, std::uint32_t without,
                                           std::uint64_t limit = limit32) {
    const auto text = call.option(name);
    if (!text) {
        return without;
    }
    return parse_number(name, *text, limit).transform([](std::uint64_t n) {
        return static_cast<std::uint32_t>(n);
    });
}

dsmil::Result<void> add_signers(const Call &call, dsmil_grant_body &body) {
    for (const auto *const name : {"--signer", "--second-signer"}) {
        const auto path = call.option(name);
        if (!path) {
            continue;
        }
        const auto pem = read_file(*path, file_bytes_max);
        if (!pem) {
            return std::unexpected(pem.error());
        }
        auto point = dsmil::grants::parse_public_key(*pem);
        if (!point) {
            return std::unexpected(std::move(point.error()).in(*path));
        }
        std::ranges::copy(point->id(), body.signer[body.signer_count++]);
    }
    return {};
}

// What the user says of the write.
dsmil::Result<void> add_terms(const Call &call, dsmil_grant_body &body) {
    const auto device = parse_device(call.argument("DEVICE"));
    if (!device) {
        return std::unexpected(device.error());
    }
    const auto reg = parse_register(call.argument("REGISTER"));
    if (!reg) {
        return std::unexpected(reg.error());
    }
    const auto value = parse_number("VALUE", call.argument("VALUE"), limit32);
    const auto mask = number_option(call, "--mask", limit32);
    const auto old = number_option(call, "--old", 0);
    const auto uid = number_option(call, "--uid", ::geteuid());
    for (const auto *const wrong : {&mask, &old, &uid}) {
        if (!*wrong) {
            return std::unexpected(wrong->error());
        }
    }
    if (!value) {
        return std::unexpected(value.error());
    }
    body.device_id = (*device)->id;
    body.reg = static_cast<std::uint8_t>(*reg);
    body.value = static_cast<std::uint32_t>(*value);
    body.mask = *mask;
    body.old_value = *old;
    body.flags = call.has("--old") ? DSMIL_GRANT_EXPECT_OLD : 0;
    body.uid = *uid;
    return {};
}

// What only this machine knows: which load of the module, when it ends, a nonce.
dsmil::Result<void> add_circumstances(const Call &call, dsmil_grant_body &body) {
    const auto seconds = number_option(call, "--seconds", DSMIL_GRANT_LIFE_MAX_S, DSMIL_GRANT_LIFE_MAX_S);
    if (!seconds) {
        return std::unexpected(seconds.error());
    }
    const auto control = dsmil::Control::open(call.paths);
    if (!control) {
        return std::unexpected(control.error());
    }
    const auto info = control->info();
    if (!info) {
        return std::unexpected(info.error());
    }
    std::ranges::copy(info->load_id, body.load_id);
    body.firmware_kind = static_cast<std::uint8_t>(info->firmware_kind);
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    body.expires_boottime_ns = (static_cast<std::uint64_t>(now.tv_sec) + *seconds) * 1'000'000'000U +
                               static_cast<std::uint64_t>(now.tv_nsec);
    if (::getrandom(body.nonce, sizeof(body.nonce), 0) != static_cast<ssize_t>(sizeof(body.nonce))) {
        return dsmil::fail(dsmil::Code::failed, "there are no random bytes");
    }
    return {};
}

dsmil::Result<void> publish(const std::string &path, std::string_view bytes) {
    auto file = NewFile::make(path);
    if (!file) {
        return std::unexpected(file.error());
    }
    return file->write(bytes).and_then([&] { return file->publish(); });
}

} // namespace

dsmil::Result<int> run_grants_draft(const Call &call, Output &out) {
    dsmil_grant_body body{};
    for (const auto add : {add_terms, add_signers, add_circumstances}) {
        if (auto added = add(call, body); !added) {
            return std::unexpected(added.error());
        }
    }
    const auto &path = call.argument("--out");
    if (auto done = publish(path, dsmil::grants::message_of(body)); !done) {
        return std::unexpected(done.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"out", path},
                    {"signers", body.signer_count},
                    {"expires_boottime_ns", body.expires_boottime_ns}});
    } else {
        out.line(std::format("{}: to be signed by {}, then dsmilctl grants assemble", path,
                             body.signer_count == 2 ? "both signers" : "the signer"));
    }
    return 0;
}

dsmil::Result<int> run_grants_assemble(const Call &call, Output &out) {
    const auto message = read_file(call.argument("DRAFT"), file_bytes_max);
    if (!message) {
        return std::unexpected(message.error());
    }
    std::vector<std::string> signatures;
    for (const auto &path : call.values.find("SIGNATURE")->second) {
        auto der = read_file(path, file_bytes_max);
        if (!der) {
            return std::unexpected(der.error());
        }
        signatures.push_back(std::move(*der));
    }
    const auto grant = dsmil::grants::assemble(*message, signatures);
    if (!grant) {
        return std::unexpected(grant.error());
    }
    const auto &path = call.argument("--out");
    if (auto done = publish(path, *grant); !done) {
        return std::unexpected(done.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"out", path}});
    } else {
        out.line(std::format("{}: for dsmilctl write --grant", path));
    }
    return 0;
}

} // namespace dsmilctl
