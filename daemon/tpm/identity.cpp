// SPDX-License-Identifier: Apache-2.0
#include "tpm/identity.hpp"

#include "attest/ek_certificate.hpp"
#include "tpm/object_name.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <format>

namespace dsmil::tpm {
namespace {

constexpr std::string_view device_secret = "device-key";

// The id in the name of the public part of a device's key; nothing in another.
std::optional<std::uint16_t> device_of(std::string_view file) {
    constexpr std::string_view before = "device-";
    constexpr std::string_view after = "-key.pub";
    constexpr std::size_t digits = 4;
    if (file.size() != before.size() + digits + after.size() || !file.starts_with(before) ||
        !file.ends_with(after)) {
        return std::nullopt;
    }
    const auto hex = file.substr(before.size(), digits);
    std::uint16_t id = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), id, 16);
    return error == std::errc{} && end == hex.data() + hex.size() ? std::optional(id) : std::nullopt;
}

// The devices that have a key, ascending.
std::vector<std::uint16_t> devices_with_key(const std::string &state_dir) {
    std::vector<std::uint16_t> devices;
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(state_dir, error)) {
        if (const auto id = device_of(entry.path().filename().string())) {
            devices.push_back(*id);
        }
    }
    std::ranges::sort(devices);
    return devices;
}

} // namespace

Result<PublicIdentity> public_identity(const TPM2B_PUBLIC &area) {
    auto encoded = marshal(area);
    auto name = name_of(area.publicArea);
    if (!encoded || !name) {
        return std::unexpected(std::move(!encoded ? encoded.error() : name.error()));
    }
    return PublicIdentity{std::move(*encoded), std::move(*name)};
}

Result<Certificates> read_certificates(Tpm &tpm) {
    auto certificates = read_ek_certificates(tpm.context(), &tpm.session());
    const auto chain =
        certificates ? read_ek_chain(tpm.context(), &tpm.session()) : std::unexpected(certificates.error());
    if (!chain) {
        return std::unexpected(chain.error());
    }
    return Certificates{std::move(*certificates), attest::split_certificates(*chain)};
}

Result<EkIdentity> read_ek(Tpm &tpm, const std::optional<EkCertificate> &certificate) {
    auto algorithm = certificate ? certificate->algorithm : EkAlgorithm::p256;
    const auto *known = certificate ? &*certificate : nullptr;
    auto ek = EndorsementKey::open(tpm.context(), &tpm.session(), algorithm, known);
    if (!ek && !known && ek.error().code == Code::tpm_unsupported) {
        algorithm = EkAlgorithm::rsa2048;
        ek = EndorsementKey::open(tpm.context(), &tpm.session(), algorithm, nullptr);
    }
    if (!ek) {
        return std::unexpected(std::move(ek.error()));
    }
    return public_identity(ek->public_area()).transform([&](PublicIdentity key) {
        return EkIdentity{algorithm, std::move(key), certificate};
    });
}

Result<EndorsementKey> open_ek(Tpm &tpm, EkAlgorithm algorithm) {
    const auto certificates = read_ek_certificates(tpm.context(), &tpm.session());
    if (!certificates) {
        return std::unexpected(certificates.error());
    }
    const auto found = std::ranges::find(*certificates, algorithm, &EkCertificate::algorithm);
    return EndorsementKey::open(tpm.context(), &tpm.session(), algorithm,
                                found != certificates->end() ? &*found : nullptr);
}

Result<std::vector<OwnKey>> own_keys(Tpm &tpm, const std::string &state_dir) {
    std::vector<OwnKey> keys;
    for (const auto purpose : {Purpose::checkpoint, Purpose::grant}) {
        auto key = public_identity(tpm.key(purpose).public_area());
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        keys.push_back({std::string(about(purpose).stem), purpose, {}, std::move(*key)});
    }
    for (const auto id : devices_with_key(state_dir)) {
        const auto stem = std::format("device-{:04x}-key", id);
        auto blobs = read_blobs(std::format("{}/{}", state_dir, stem));
        if (!blobs) {
            return std::unexpected(std::move(blobs.error()));
        }
        if (const auto &there = *blobs) {
            auto key = public_identity(there->public_area);
            if (!key) {
                return std::unexpected(std::move(key.error()));
            }
            keys.push_back({stem, std::nullopt, *there, std::move(*key)});
        }
    }
    return keys;
}

Result<Statement> certify_own(Tpm &tpm, const OwnKey &key) {
    if (key.daemons) {
        return certify_key(tpm, tpm.key(*key.daemons).handle(), {});
    }
    const auto object = load_key(tpm.parent(), key.blobs);
    if (!object) {
        return std::unexpected(object.error());
    }
    set_secret(tpm.context(), object->handle(), tpm.secrets().find(device_secret));
    return certify_key(tpm, object->handle(), {});
}

} // namespace dsmil::tpm
