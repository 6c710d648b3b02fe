// SPDX-License-Identifier: Apache-2.0
// Sessions: what authorises a command, and keeps secrets off the bus between
// processor and TPM. Salted to the storage root, whose Name is pinned, so that
// who sits on the bus cannot compute their keys. Inner header of tpm/.
#pragma once

#include "tpm/context.hpp"

#include <cstdint>

namespace dsmil::tpm {

// Which first parameters of a command are encrypted: only those that are sized
// buffers can be (TPM 2.0 Library, Part 1, 21). A command that has neither such
// parameters nor anything to authorise is only made authentic.
enum class Protect : std::uint8_t { none = 0, request = 1, answer = 2, both = 3, authentic = 4 };

class Session {
  public:
    enum class Kind : std::uint8_t { hmac, policy, trial };

    // One ECDH or RSA operation of the TPM (250 ms on some chips): the HMAC
    // session is therefore long, and made again only when the TPM lost it.
    // `salt_key` may be ESYS_TR_NONE for a trial, which protects nothing.
    [[nodiscard]] static Result<Session> start(Context &context, ESYS_TR salt_key, Kind kind);

    // For the next command.
    [[nodiscard]] ESYS_TR handle(Protect protect = Protect::none) const;

  private:
    Session(Context &context, Object object) : context_(&context), object_(std::move(object)) {}
    Context *context_;
    Object object_;
};

} // namespace dsmil::tpm
