// SPDX-License-Identifier: Apache-2.0
#include "tpm/tpm.hpp"

#include "tpm/leftovers.hpp"
#include "tpm/quote.hpp"

#include <array>
#include <cctype>
#include <format>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;

// Four characters in a number, as TPM_PT_MANUFACTURER has them.
std::string characters(std::uint32_t value) {
    std::string text;
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        const auto c = static_cast<char>(value >> (shift - 8) & 0xFFU);
        if (std::isgraph(static_cast<unsigned char>(c)) != 0) {
            text += c;
        }
    }
    return text;
}

} // namespace

Result<std::unique_ptr<Tpm>> Tpm::open(const TpmOptions &options, Timings &timings) {
    auto context = Context::open(options.context, timings);
    if (!context) {
        return std::unexpected(std::move(context.error()));
    }
    std::unique_ptr<Tpm> tpm(new Tpm(std::move(*context), options)); // The constructor is private.
    // A real TPM that nobody started was reset behind the system's back: it stays as it is.
    if (is_simulator(options.context.tcti)) {
        if (auto started = tpm->context_.start_up(); !started) {
            return std::unexpected(std::move(started.error()));
        }
    }
    if (auto known = tpm->read_identity(); !known) {
        return std::unexpected(std::move(known.error()));
    }
    if (auto flushed = flush_leftovers(tpm->context_, options.context.tcti); !flushed) {
        return std::unexpected(std::move(flushed.error()));
    }
    set_secret(tpm->context_, ESYS_TR_RH_OWNER, tpm->secrets_.find("owner"));
    set_secret(tpm->context_, ESYS_TR_RH_ENDORSEMENT, tpm->secrets_.find("endorsement"));
    if (auto loaded = tpm->load(); !loaded) {
        return std::unexpected(std::move(loaded.error()));
    }
    return tpm;
}

Result<void> Tpm::load() {
    auto root = StorageRoot::open(context_, state_dir_, belief_);
    if (!root) {
        return std::unexpected(std::move(root.error()));
    }
    root_ = std::make_unique<StorageRoot>(std::move(*root));
    auto session = Session::start(context_, root_->handle(), Session::Kind::hmac);
    if (!session) {
        return std::unexpected(std::move(session.error()));
    }
    session_ = std::make_unique<Session>(std::move(*session));
    for (const auto purpose : {Purpose::attestation, Purpose::checkpoint, Purpose::grant}) {
        auto key = Key::load_or_create(parent(), purpose, state_dir_, secrets_);
        if (!key) {
            return std::unexpected(std::move(key.error()));
        }
        if (key->made()) {
            made_anew_.emplace_back(about(purpose).stem);
        }
        keys_.emplace(purpose, std::move(*key));
    }
    if (made_anew_.size() == keys_.size()) { // the first time: there were no others
        made_anew_.clear();
    }
    return check_keys();
}

// Each is another key, and the secret is the right one: said now, not when it is needed. A
// quote of nothing shows it, which every key that signs can make.
Result<void> Tpm::check_keys() {
    const auto &checkpoint = key(Purpose::checkpoint);
    if (checkpoint.name() == key(Purpose::grant).name()) {
        return fail(Code::tpm_failed,
                    "grant-key.pub and checkpoint-key.pub are one key: one was copied over the other");
    }
    for (const auto &[purpose, key] : keys_) {
        const auto &info = about(purpose);
        if (auto usable = try_key(*this, key); !usable) {
            Error error = std::move(usable.error());
            if (error.code == Code::tpm_auth) {
                error.causes.push_back(std::format(
                    "the key's secret is the one of the credential dsmil.{} when it was made, or none "
                    "if there was none; now dsmild has {}",
                    info.secret, secrets_.find(info.secret).empty() ? "none" : "one that is wrong"));
            }
            return std::unexpected(std::move(error).in(std::format("trying the {}", info.stem)));
        }
    }
    return {};
}

Result<void> Tpm::read_identity() {
    TPMS_CAPABILITY_DATA *data = nullptr;
    auto asked = context_.run(
        "GetCapability", "asking the TPM who it is",
        [&](ESYS_CONTEXT *esys) {
            return Esys_GetCapability_Async(esys, none, none, none, TPM2_CAP_TPM_PROPERTIES,
                                            TPM2_PT_MANUFACTURER,
                                            TPM2_PT_FIRMWARE_VERSION_2 - TPM2_PT_MANUFACTURER + 1);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_GetCapability_Finish(esys, nullptr, &data); });
    const EsysPtr<TPMS_CAPABILITY_DATA> owned(data);
    if (!asked) {
        return asked;
    }
    std::uint32_t high = 0;
    std::uint32_t low = 0;
    const auto &properties = data->data.tpmProperties;
    for (std::uint32_t i = 0; i < properties.count; i++) {
        const auto &[name, value] = properties.tpmProperty[i];
        if (name == TPM2_PT_MANUFACTURER) {
            identity_.manufacturer = characters(value);
        } else if (name == TPM2_PT_FIRMWARE_VERSION_1) {
            high = value;
        } else if (name == TPM2_PT_FIRMWARE_VERSION_2) {
            low = value;
        }
    }
    identity_.firmware_version =
        std::format("{}.{}.{}.{}", high >> 16U, high & 0xFFFFU, low >> 16U, low & 0xFFFFU);
    return {};
}

} // namespace dsmil::tpm
