// SPDX-License-Identifier: Apache-2.0
// Keys under the storage root: made once, kept as encrypted blobs that only this
// TPM can load. Inner header of tpm/.
#pragma once

#include "base/bytes.hpp"
#include "tpm/context.hpp"
#include "tpm/secrets.hpp"
#include "tpm/session.hpp"
#include "tpm/templates.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace dsmil::tpm {

// The daemon's own keys. Each has one purpose and its own secret; all are P-256.
enum class Purpose : std::uint8_t {
    attestation, // restricted: signs only what the TPM itself made
    checkpoint,  // digests of the ledger's checkpoints
    grant,       // digests of grants for the kernel module
};

struct PurposeInfo {
    std::string_view stem; // of its files
    Use use;
    TPM2_HANDLE handle; // where it persists in the TPM
    std::string_view secret;
};
[[nodiscard]] const PurposeInfo &about(Purpose purpose);

// What TPM2_Create gave; the formats of tpm2_load when written.
struct Blobs {
    TPM2B_PUBLIC public_area{};
    TPM2B_PRIVATE private_area{};
};

// `stem`.pub and .priv. Nothing when there is no .pub; tpm_failed when .priv alone is missing or they
// are damaged.
[[nodiscard]] Result<std::optional<Blobs>> read_blobs(const std::string &stem);
[[nodiscard]] Result<void> write_blobs(const std::string &stem, const Blobs &blobs);

// What the keys' commands share: who is the parent, and what authorises.
struct Parent {
    Context &context;
    ESYS_TR handle;
    const Session &session;
};

// `content` is what a sealed object holds; the TPM makes keys itself.
[[nodiscard]] Result<Blobs> create_key(const Parent &parent, const TPM2B_PUBLIC &wanted, ByteView secret,
                                       ByteView content = {});
[[nodiscard]] Result<Object> load_key(const Parent &parent, const Blobs &blobs);
// The secret that ESYS uses when the object authorises a command.
void set_secret(Context &context, ESYS_TR object, ByteView secret);

class Key {
  public:
    // Loads it from `state_dir`, or makes it when it is not there. tpm_failed
    // also when the files hold a key that is not what the purpose demands.
    [[nodiscard]] static Result<Key> load_or_create(const Parent &parent, Purpose purpose,
                                                    const std::string &state_dir, const Secrets &secrets);

    [[nodiscard]] ESYS_TR handle() const { return object_.handle(); }
    [[nodiscard]] bool persistent() const { return object_.kind() == Object::Kind::persistent; }
    [[nodiscard]] const TPM2B_PUBLIC &public_area() const { return public_area_; }
    [[nodiscard]] bool made() const { return made_; }         // just now
    [[nodiscard]] const Bytes &spki() const { return spki_; } // DER
    [[nodiscard]] const Bytes &name() const { return name_; }

  private:
    Key(Object object, const TPM2B_PUBLIC &public_area, Bytes spki, Bytes name, bool made)
        : object_(std::move(object)), public_area_(public_area), spki_(std::move(spki)),
          name_(std::move(name)), made_(made) {}
    Object object_;
    TPM2B_PUBLIC public_area_;
    Bytes spki_;
    Bytes name_;
    bool made_;
};

// Whether the key was ever made here.
[[nodiscard]] bool is_made(Purpose purpose, const std::string &state_dir);

} // namespace dsmil::tpm
