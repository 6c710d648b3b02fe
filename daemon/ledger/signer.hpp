// SPDX-License-Identifier: Apache-2.0
// Who signs checkpoints: the TPM, or a key in tests. Reactor's thread.
#pragma once

#include "base/bytes.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <functional>
#include <optional>

namespace dsmil {

// What comes of something later, on the reactor's thread.
template <typename T>
using Then = std::move_only_function<void(T)>;

namespace ledger {

class Signer {
  public:
    virtual ~Signer() = default;
    // Of the signing key, DER; nothing as long as there is none.
    [[nodiscard]] virtual std::optional<Bytes> public_key() const = 0;
    // ECDSA P-256 of a SHA-256 digest, as DER.
    virtual void sign(const Hash &digest, Then<Result<Bytes>> then) = 0;
};

} // namespace ledger
} // namespace dsmil
