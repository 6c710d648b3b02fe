// SPDX-License-Identifier: Apache-2.0
// The storage root key: parent of the daemon's keys, and what its sessions are
// salted to. ECC P-256 of the owner hierarchy (TCG template), which the TPM
// derives again from its seed. Inner header of tpm/.
#pragma once

#include "base/bytes.hpp"
#include "tpm/context.hpp"
#include "tpm/origin.hpp"
#include "tpm/session.hpp"

#include <string>
#include <vector>

namespace dsmil::tpm {

// Where the TCG's provisioning guidance has it.
inline constexpr TPM2_HANDLE storage_root_handle = 0x81000001;

// Whose certificates are believed, and whether one must be there.
struct Belief {
    std::vector<std::string> folders; // of roots
    bool demanded = false;
};

class StorageRoot {
  public:
    // Takes the one at storage_root_handle if it is ours, else derives it and
    // leaves it there when the place is free. Its Name is kept in
    // `state_dir`/srk.name the first time; tpm_changed when it is another one
    // later: the TPM was replaced or cleared, or somebody answers in its place.
    // The first time it is learnt over a session with the TPM that its maker
    // certified, if there is such a certificate; tpm_untrusted when it is another
    // that answers. Else it is believed, which origin() says, or, when `belief`
    // demands the certificate, it is the error that origin() would have.
    [[nodiscard]] static Result<StorageRoot> open(Context &context, const std::string &state_dir,
                                                  const Belief &belief);

    [[nodiscard]] ESYS_TR handle() const { return object_.handle(); }
    [[nodiscard]] const Bytes &name() const { return origin_.root_name; }
    [[nodiscard]] const Origin &origin() const { return origin_; }
    [[nodiscard]] bool pinned_now() const { return pinned_now_; }

    // Later: looks for a certificate, and whether the root that was believed is the one of the TPM that
    // the maker certified. tpm_changed when it is not; tpm_untrusted as above. origin() has the outcome.
    [[nodiscard]] Result<void> certify(Context &context, const Session &session, const std::string &state_dir,
                                       const Belief &belief);

  private:
    [[nodiscard]] static Result<StorageRoot> find(Context &context, const std::string &state_dir,
                                                  const Bytes &pinned);
    [[nodiscard]] static Result<StorageRoot> pin(Context &context, const std::string &state_dir,
                                                 const Belief &belief);
    StorageRoot(Object object, Origin origin, bool pinned_now)
        : object_(std::move(object)), origin_(std::move(origin)), pinned_now_(pinned_now) {}
    Object object_;
    Origin origin_;
    bool pinned_now_;
};

// Leaves a loaded object in the TPM's own memory. `session` authorises it as the owner.
[[nodiscard]] Result<Object> persist(Context &context, ESYS_TR object, TPM2_HANDLE handle, ESYS_TR session);
// Takes it out again.
[[nodiscard]] Result<void> evict(Context &context, const Object &object, TPM2_HANDLE handle, ESYS_TR session);

} // namespace dsmil::tpm
