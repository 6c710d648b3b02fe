// SPDX-License-Identifier: Apache-2.0
#include "tpm/keys.hpp"

#include "base/file.hpp"
#include "tpm/object_name.hpp"
#include "tpm/public_key.hpp"
#include "tpm/storage_root.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>
#include <unistd.h>

namespace dsmil::tpm {
namespace {

constexpr std::size_t max_blob_bytes = sizeof(TPM2B_PRIVATE) + sizeof(TPM2B_PUBLIC);
constexpr ESYS_TR none = ESYS_TR_NONE;

// Of the owner's range, outside of what the TCG reserves. A key that persists
// needs no place among the loaded ones (most TPMs have three), and the kernel's
// resource manager need not swap it in and out around each command.
constexpr TPM2_HANDLE attestation_handle = 0x8100D501;
constexpr TPM2_HANDLE checkpoint_handle = 0x8100D502;
constexpr TPM2_HANDLE grant_handle = 0x8100D503;

struct Kept {
    Blobs blobs;
    bool made = false;
};

Result<Kept> read_or_create(const Parent &parent, Purpose purpose, const std::string &stem,
                            const Secrets &secrets) {
    auto kept = read_blobs(stem);
    if (!kept) {
        return std::unexpected(std::move(kept.error()));
    }
    if (const auto &blobs = *kept) {
        return Kept{*blobs, false};
    }
    const auto &info = about(purpose);
    auto made = create_key(parent, key_template(Algorithm::p256, info.use), secrets.find(info.secret));
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    if (auto written = write_blobs(stem, *made); !written) {
        return std::unexpected(std::move(written.error()).in("keeping a new key"));
    }
    return Kept{*made, true};
}

// What is at our handle and is a key as we make them was ours, before somebody moved its files away.
bool was_ours(Context &context, const Object &object, const TPM2B_PUBLIC &like) {
    const auto area = public_area(context, object.handle());
    return area && fits(*area, like);
}

// Loaded from its files, and left in the TPM if it has a place there that nobody else took.
Result<Object> load(const Parent &parent, const Blobs &blobs, const Bytes &name, TPM2_HANDLE handle) {
    auto found = find_persistent(parent.context, handle);
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    auto &there = *found;
    if (there && computed_name(parent.context, there->handle()) == name) {
        return std::move(*there);
    }
    if (there && was_ours(parent.context, *there, blobs.public_area)) {
        if (auto gone = evict(parent.context, *there, handle, parent.session.handle()); !gone) {
            return std::unexpected(std::move(gone.error()));
        }
        there.reset();
    }
    auto loaded = load_key(parent, blobs);
    if (!loaded || there) {
        return loaded;
    }
    auto kept = persist(parent.context, loaded->handle(), handle, parent.session.handle());
    return kept ? std::move(kept) : std::move(loaded); // No room in the TPM: the loaded one will do.
}

} // namespace

const PurposeInfo &about(Purpose purpose) {
    static constexpr std::array all = {
        PurposeInfo{"attestation-key", Use::attest, attestation_handle, "attestation-key"},
        PurposeInfo{"checkpoint-key", Use::sign, checkpoint_handle, "checkpoint-key"},
        PurposeInfo{"grant-key", Use::sign, grant_handle, "grant-key"},
    };
    return all.at(static_cast<std::size_t>(purpose));
}

Result<std::optional<Blobs>> read_blobs(const std::string &stem) {
    // The public part is written last: it says that both are there.
    const auto public_part = read_file(stem + ".pub", max_blob_bytes);
    if (!public_part && public_part.error().code == Code::not_found) {
        return std::nullopt;
    }
    const auto private_part = read_file(stem + ".priv", max_blob_bytes);
    if (public_part && !private_part && private_part.error().code == Code::not_found) {
        return fail(Code::tpm_failed,
                    std::format("{0}.priv is missing, and {0}.pub is there: put it back, or "
                                "move the other away, too, for another key",
                                stem));
    }
    for (const auto *part : {&public_part, &private_part}) {
        if (!*part) {
            return std::unexpected(part->error());
        }
    }
    Blobs blobs;
    const auto bytes_public = as_bytes(*public_part);
    const auto bytes_private = as_bytes(*private_part);
    std::size_t at_public = 0;
    std::size_t at_private = 0;
    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes_public.data(), bytes_public.size(), &at_public,
                                       &blobs.public_area) != 0 ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(bytes_private.data(), bytes_private.size(), &at_private,
                                        &blobs.private_area) != 0 ||
        at_public != bytes_public.size() || at_private != bytes_private.size()) {
        return fail(Code::tpm_failed, std::format("{}.pub and .priv are damaged", stem));
    }
    return blobs;
}

Result<void> write_blobs(const std::string &stem, const Blobs &blobs) {
    Bytes public_part(sizeof(TPM2B_PUBLIC));
    Bytes private_part(sizeof(TPM2B_PRIVATE));
    std::size_t public_size = 0;
    std::size_t private_size = 0;
    if (Tss2_MU_TPM2B_PUBLIC_Marshal(&blobs.public_area, public_part.data(), public_part.size(),
                                     &public_size) != 0 ||
        Tss2_MU_TPM2B_PRIVATE_Marshal(&blobs.private_area, private_part.data(), private_part.size(),
                                      &private_size) != 0) {
        return fail(Code::internal, "a new key could not be encoded");
    }
    public_part.resize(public_size);
    private_part.resize(private_size);
    return write_file(stem + ".priv", private_part, 0600).and_then([&] {
        return write_file(stem + ".pub", public_part, 0640);
    });
}

Result<Blobs> create_key(const Parent &parent, const TPM2B_PUBLIC &wanted, ByteView secret,
                         ByteView content) {
    TPM2B_SENSITIVE_CREATE sensitive{};
    auto &[auth, data] = sensitive.sensitive;
    if (secret.size() > max_secret_bytes || content.size() > sizeof(data.buffer)) {
        return fail(Code::usage, std::format("a secret of more than {} bytes", max_secret_bytes));
    }
    auth.size = static_cast<UINT16>(secret.size());
    std::ranges::copy(secret, auth.buffer);
    data.size = static_cast<UINT16>(content.size());
    std::ranges::copy(content, data.buffer);
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION pcrs{};
    TPM2B_PRIVATE *private_part = nullptr;
    TPM2B_PUBLIC *public_part = nullptr;
    auto made = parent.context.run(
        "Create", "making a key",
        [&](ESYS_CONTEXT *esys) {
            return Esys_Create_Async(esys, parent.handle, parent.session.handle(Protect::both), none, none,
                                     &sensitive, &wanted, &outside, &pcrs);
        },
        [&](ESYS_CONTEXT *esys) {
            return Esys_Create_Finish(esys, &private_part, &public_part, nullptr, nullptr, nullptr);
        });
    const EsysPtr<TPM2B_PRIVATE> owned_private(private_part);
    const EsysPtr<TPM2B_PUBLIC> owned_public(public_part);
    OPENSSL_cleanse(&sensitive, sizeof(sensitive));
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return Blobs{*public_part, *private_part};
}

Result<Object> load_key(const Parent &parent, const Blobs &blobs) {
    ESYS_TR handle = none;
    auto loaded = parent.context.run(
        "Load", "loading a key",
        [&](ESYS_CONTEXT *esys) {
            return Esys_Load_Async(esys, parent.handle, parent.session.handle(Protect::both), none, none,
                                   &blobs.private_area, &blobs.public_area);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_Load_Finish(esys, &handle); });
    if (!loaded) {
        return std::unexpected(std::move(loaded.error()));
    }
    return Object(parent.context, handle);
}

void set_secret(Context &context, ESYS_TR object, ByteView secret) {
    TPM2B_AUTH value{};
    value.size = static_cast<UINT16>(std::min(secret.size(), max_secret_bytes));
    std::ranges::copy(secret.first(value.size), value.buffer);
    static_cast<void>(
        context.local([&](ESYS_CONTEXT *esys) { return Esys_TR_SetAuth(esys, object, &value); }));
    OPENSSL_cleanse(&value, sizeof(value));
}

Result<Key> Key::load_or_create(const Parent &parent, Purpose purpose, const std::string &state_dir,
                                const Secrets &secrets) {
    const auto &info = about(purpose);
    const std::string stem = std::format("{}/{}", state_dir, info.stem);
    const auto kept = read_or_create(parent, purpose, stem, secrets);
    if (!kept) {
        return std::unexpected(kept.error());
    }
    const Blobs *blobs = &kept->blobs;
    // The TPM vouches that it made the key; that it made it for this purpose shows in the attributes.
    if (!fits(blobs->public_area, key_template(Algorithm::p256, info.use))) {
        return fail(Code::tpm_failed, std::format("{}.pub is a key for another purpose", stem));
    }
    auto name = name_of(blobs->public_area.publicArea);
    auto spki = spki_of(blobs->public_area);
    if (!name || !spki) {
        return std::unexpected(std::move(!name ? name.error() : spki.error()));
    }
    auto object = load(parent, *blobs, *name, info.handle);
    if (!object) {
        return std::unexpected(std::move(object.error()).in(std::format("loading the key {}", stem)));
    }
    set_secret(parent.context, object->handle(), secrets.find(info.secret));
    return Key(std::move(*object), blobs->public_area, std::move(*spki), std::move(*name), kept->made);
}

bool is_made(Purpose purpose, const std::string &state_dir) {
    return ::access(std::format("{}/{}.pub", state_dir, about(purpose).stem).c_str(), F_OK) == 0;
}

} // namespace dsmil::tpm
