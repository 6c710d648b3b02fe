// SPDX-License-Identifier: Apache-2.0
#include "tpm/device_key.hpp"

#include "tpm/public_key.hpp"
#include "tpm/sign.hpp"

#include <format>

namespace dsmil::tpm {
namespace {

constexpr std::string_view secret_name = "device-key";

struct Found {
    Blobs blobs;
    bool made;
};

Result<Found> find_or_make(Tpm &tpm, const std::string &stem) {
    auto kept = read_blobs(stem);
    if (!kept) {
        return std::unexpected(std::move(kept.error()));
    }
    if (const auto &blobs = *kept) {
        return Found{*blobs, false};
    }
    auto made =
        create_key(tpm.parent(), key_template(Algorithm::p256, Use::sign), tpm.secrets().find(secret_name));
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    if (auto written = write_blobs(stem, *made); !written) {
        return std::unexpected(std::move(written.error()).in("keeping a new key"));
    }
    return Found{*made, true};
}

std::string stem_of(const std::string &state_dir, std::uint16_t id) {
    return std::format("{}/device-{:04x}-key", state_dir, id);
}

Result<Object> load(Tpm &tpm, const std::string &stem, const Blobs &blobs) {
    if (!fits(blobs.public_area, key_template(Algorithm::p256, Use::sign))) {
        return fail(Code::tpm_failed, std::format("{}.pub is a key for another purpose", stem));
    }
    auto object = load_key(tpm.parent(), blobs);
    if (object) {
        set_secret(tpm.context(), object->handle(), tpm.secrets().find(secret_name));
    }
    return object;
}

} // namespace

Result<DeviceKey> provision_device_key(Tpm &tpm, const std::string &state_dir, std::uint16_t id,
                                       ByteView nonce) {
    const std::string stem = stem_of(state_dir, id);
    const auto found = find_or_make(tpm, stem);
    if (!found) {
        return std::unexpected(found.error());
    }
    const auto object = load(tpm, stem, found->blobs);
    const auto spki = spki_of(found->blobs.public_area);
    const auto key = public_identity(found->blobs.public_area);
    const auto ak = public_identity(tpm.key(Purpose::attestation).public_area());
    if (!object || !spki || !key || !ak) {
        return std::unexpected(!object ? object.error()
                               : !spki ? spki.error()
                               : !key  ? key.error()
                                       : ak.error());
    }
    return certify_key(tpm, object->handle(), nonce).transform([&](Statement certificate) {
        return DeviceKey{found->made,
                         spki_to_pem(*spki),
                         *key,
                         std::move(certificate),
                         spki_to_pem(tpm.key(Purpose::attestation).spki()),
                         *ak};
    });
}

Result<DeviceSignature> sign_for_device(Tpm &tpm, const std::string &state_dir, std::uint16_t id,
                                        const Hash &digest) {
    const std::string stem = stem_of(state_dir, id);
    const auto kept = read_blobs(stem);
    if (!kept) {
        return std::unexpected(kept.error());
    }
    const std::optional<Blobs> &blobs = *kept;
    if (!blobs) {
        return fail(
            Code::not_found,
            std::format("device 0x{0:04X} has no key yet: dsmilctl device provision 0x{0:04X} makes it", id));
    }
    const auto object = load(tpm, stem, *blobs);
    const auto spki = spki_of(blobs->public_area);
    if (!object || !spki) {
        return std::unexpected(!object ? object.error() : spki.error());
    }
    return sign_with(tpm, object->handle(), digest).and_then(signature_bytes).transform([&](Bytes signature) {
        return DeviceSignature{std::move(signature), spki_to_pem(*spki)};
    });
}

} // namespace dsmil::tpm
