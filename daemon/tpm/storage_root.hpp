// SPDX-License-Identifier: Apache-2.0
// The storage root key: parent of the daemon's keys, and what its sessions are
// salted to. ECC P-256 of the owner hierarchy (TCG template), which the TPM
// derives again from its seed. Inner header of tpm/.
#pragma once

#include "base/bytes.hpp"
#include "tpm/context.hpp"

#include <string>

namespace dsmil::tpm {

// Where the TCG's provisioning guidance has it.
inline constexpr TPM2_HANDLE storage_root_handle = 0x81000001;

class StorageRoot {
  public:
    // Takes the one at storage_root_handle if it is ours, else derives it and
    // leaves it there when the place is free. Its Name is kept in
    // `state_dir`/srk.name the first time; tpm_changed when it is another one
    // later: the TPM was replaced or cleared, or somebody answers in its place.
    [[nodiscard]] static Result<StorageRoot> open(Context &context, const std::string &state_dir);

    [[nodiscard]] ESYS_TR handle() const { return object_.handle(); }
    [[nodiscard]] const Bytes &name() const { return name_; }

  private:
    StorageRoot(Object object, Bytes name) : object_(std::move(object)), name_(std::move(name)) {}
    Object object_;
    Bytes name_;
};

// Leaves a loaded object in the TPM's own memory. `session` authorises it as the owner.
[[nodiscard]] Result<Object> persist(Context &context, ESYS_TR object, TPM2_HANDLE handle, ESYS_TR session);
// Takes it out again.
[[nodiscard]] Result<void> evict(Context &context, const Object &object, TPM2_HANDLE handle, ESYS_TR session);

} // namespace dsmil::tpm
