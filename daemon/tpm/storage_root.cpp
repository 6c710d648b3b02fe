// SPDX-License-Identifier: Apache-2.0
#include "tpm/storage_root.hpp"

#include "base/file.hpp"
#include "tpm/object_name.hpp"
#include "tpm/session.hpp"
#include "tpm/templates.hpp"

#include <format>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;
constexpr std::size_t max_name_text = 256;

Result<std::optional<Bytes>> pinned_name(const std::string &path) {
    const auto text = read_file(path, max_name_text);
    if (!text) {
        return text.error().code == Code::not_found ? Result<std::optional<Bytes>>(std::nullopt)
                                                    : std::unexpected(text.error());
    }
    const std::string_view line(*text);
    auto name = line.ends_with('\n') ? from_hex(line.substr(0, line.size() - 1)) : std::nullopt;
    if (!name) {
        return fail(Code::tpm_changed, std::format("{} is damaged", path));
    }
    return name;
}

Result<Object> derive(Context &context, ESYS_TR authorisation) {
    const TPM2B_SENSITIVE_CREATE sensitive{};
    const TPM2B_PUBLIC wanted = storage_root_template();
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION pcrs{};
    ESYS_TR handle = none;
    auto made = context.run(
        "CreatePrimary", "making the storage root key",
        [&](ESYS_CONTEXT *esys) {
            return Esys_CreatePrimary_Async(esys, ESYS_TR_RH_OWNER, authorisation, none, none, &sensitive,
                                            &wanted, &outside, &pcrs);
        },
        [&](ESYS_CONTEXT *esys) {
            return Esys_CreatePrimary_Finish(esys, &handle, nullptr, nullptr, nullptr, nullptr);
        });
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return Object(context, handle);
}

std::unexpected<Error> another(const Bytes &is, const Bytes &pinned) {
    return fail(Code::tpm_changed, "the storage root key is another one",
                {std::format("its Name is {}, pinned was {}", to_hex(is), to_hex(pinned)),
                 "this is another TPM, or the TPM was cleared since the keys were made"});
}

// When there is no room, or the place is somebody else's, the loaded one will do.
Object keep_in_tpm(Context &context, Object root, ESYS_TR authorisation) {
    auto occupied = find_persistent(context, storage_root_handle);
    if (!occupied || *occupied) {
        return root;
    }
    auto kept = persist(context, root.handle(), storage_root_handle, authorisation);
    return kept ? std::move(*kept) : std::move(root);
}

} // namespace

Result<Object> persist(Context &context, ESYS_TR object, TPM2_HANDLE handle, ESYS_TR session) {
    ESYS_TR kept = none;
    auto done = context.run(
        "EvictControl", std::format("keeping a key at 0x{:08X}", handle),
        [&](ESYS_CONTEXT *esys) {
            return Esys_EvictControl_Async(esys, ESYS_TR_RH_OWNER, object, session, none, none, handle);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_EvictControl_Finish(esys, &kept); });
    if (!done) {
        return std::unexpected(std::move(done.error()));
    }
    return Object(context, kept, Object::Kind::persistent);
}

Result<void> evict(Context &context, const Object &object, TPM2_HANDLE handle, ESYS_TR session) {
    ESYS_TR kept = none;
    return context.run(
        "EvictControl", std::format("removing the key at 0x{:08X}", handle),
        [&](ESYS_CONTEXT *esys) {
            return Esys_EvictControl_Async(esys, ESYS_TR_RH_OWNER, object.handle(), session, none, none,
                                           handle);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_EvictControl_Finish(esys, &kept); });
}

Result<StorageRoot> StorageRoot::open(Context &context, const std::string &state_dir) {
    const std::string path = state_dir + "/srk.name";
    const auto read = pinned_name(path);
    if (!read) {
        return std::unexpected(read.error());
    }
    auto found = find_persistent(context, storage_root_handle);
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    const auto &pinned = *read;
    auto &there = *found;
    if (there && pinned && computed_name(context, there->handle()) == *pinned) {
        return StorageRoot(std::move(*there), *pinned);
    }
    there.reset();
    // Without a salt, as there is no key yet to salt it to: the owner's password makes its
    // HMAC, and does not itself go over the bus.
    const auto session = Session::start(context, none, Session::Kind::hmac);
    if (!session) {
        return std::unexpected(session.error());
    }
    auto derived = derive(context, session->handle());
    if (!derived) {
        return std::unexpected(std::move(derived.error()));
    }
    const auto name = computed_name(context, derived->handle());
    if (!name) {
        return std::unexpected(name.error());
    }
    if (pinned && *pinned != *name) {
        return another(*name, *pinned);
    }
    const std::string line = to_hex(*name) + "\n";
    if (!pinned) {
        if (auto written = write_file(path, as_bytes(line), 0640); !written) {
            return std::unexpected(std::move(written.error()).in("pinning the storage root key"));
        }
    }
    return StorageRoot(keep_in_tpm(context, std::move(*derived), session->handle()), *name);
}

} // namespace dsmil::tpm
