// SPDX-License-Identifier: Apache-2.0
#include "tpm/storage_root.hpp"

#include "base/file.hpp"
#include "tpm/maker_session.hpp"
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

// Without a salt, where there is no key yet to salt it to: the owner's password makes its
// HMAC, and does not itself go over the bus.
Result<Session> bare_session(Context &context) {
    return Session::start(context, none, Session::Kind::hmac);
}

std::string path_of(const std::string &state_dir) {
    return state_dir + "/srk.name";
}

Error not_certified(const Error &trouble) {
    return {trouble.code, "the TPM is not certified: " + trouble.detail, {std::string(certify_remedy)}};
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

Result<StorageRoot> StorageRoot::open(Context &context, const std::string &state_dir, const Belief &belief) {
    const auto pinned = pinned_name(path_of(state_dir));
    if (!pinned) {
        return std::unexpected(pinned.error());
    }
    const std::optional<Bytes> &name = *pinned;
    return name ? find(context, state_dir, *name) : pin(context, state_dir, belief);
}

Result<StorageRoot> StorageRoot::find(Context &context, const std::string &state_dir, const Bytes &pinned) {
    auto origin = load_origin(state_dir, pinned);
    auto found = find_persistent(context, storage_root_handle);
    if (!origin || !found) {
        return std::unexpected(std::move(!origin ? origin.error() : found.error()));
    }
    auto &there = *found;
    if (there && computed_name(context, there->handle()) == pinned) {
        return StorageRoot(std::move(*there), std::move(*origin), false);
    }
    there.reset();
    const auto session = bare_session(context);
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
    if (*name != pinned) {
        return another(*name, pinned);
    }
    return StorageRoot(keep_in_tpm(context, std::move(*derived), session->handle()), std::move(*origin),
                       false);
}

Result<StorageRoot> StorageRoot::pin(Context &context, const std::string &state_dir, const Belief &belief) {
    auto maker = start_maker_session(context, nullptr, belief.folders);
    if (!maker) {
        return std::unexpected(std::move(maker.error()));
    }
    auto &origin = maker->origin;
    if (const auto &trouble = origin.trouble; trouble && belief.demanded) {
        return std::unexpected(not_certified(*trouble));
    }
    auto session = std::move(maker->session);
    if (!session) {
        auto bare = bare_session(context);
        if (!bare) {
            return std::unexpected(std::move(bare.error()));
        }
        session = std::move(*bare);
    }
    const bool certified = !origin.trouble;
    auto derived = derive(context, session->handle(certified ? Protect::both : Protect::none));
    if (!derived) {
        return std::unexpected(std::move(derived.error()));
    }
    auto name = computed_name(context, derived->handle());
    if (!name) {
        return std::unexpected(std::move(name.error()));
    }
    origin.root_name = std::move(*name);
    const std::string line = to_hex(origin.root_name) + "\n";
    // The Name is written last: it says that all of it is there.
    auto written = origin.trouble ? Result<void>{} : save_origin(state_dir, origin);
    written = written.and_then([&] { return write_file(path_of(state_dir), as_bytes(line), 0640); });
    if (!written) {
        return std::unexpected(std::move(written.error()).in("pinning the storage root key"));
    }
    return StorageRoot(keep_in_tpm(context, std::move(*derived), session->handle()), std::move(origin), true);
}

Result<void> StorageRoot::certify(Context &context, const Session &session, const std::string &state_dir,
                                  const Belief &belief) {
    auto maker = start_maker_session(context, &session, belief.folders);
    if (!maker) {
        return std::unexpected(std::move(maker.error()));
    }
    auto &origin = maker->origin;
    origin.root_name = name();
    if (const auto &trouble = origin.trouble) {
        if (origin_.trouble) { // What was certified once stays it: the roots may have gone since.
            origin_ = origin;
        }
        return std::unexpected(not_certified(*trouble));
    }
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): without trouble there is a session
    const auto derived = derive(context, maker->session->handle(Protect::both));
    const auto is = derived ? computed_name(context, derived->handle()) : std::unexpected(derived.error());
    if (!is) {
        return std::unexpected(is.error());
    }
    if (*is != name()) {
        return another(*is, name());
    }
    if (auto saved = save_origin(state_dir, origin); !saved) {
        return saved;
    }
    origin_ = std::move(origin);
    return {};
}

} // namespace dsmil::tpm
