// SPDX-License-Identifier: Apache-2.0
// A private key of whoever runs the command: a PEM file, or a PKCS#11 token by its URI.
#pragma once

#include "dsmil/error.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace dsmilctl {

class SigningKey {
  public:
    // A path, or "pkcs11:..." (RFC 7512; needs OpenSSL's pkcs11 provider). A passphrase or
    // PIN is asked for on the terminal. not_found, permission, usage (no P-256 key),
    // failed (no provider).
    [[nodiscard]] static dsmil::Result<SigningKey> open(const std::string &where);
    SigningKey(SigningKey &&) noexcept;
    SigningKey &operator=(SigningKey &&) = delete;
    ~SigningKey();

    // ECDSA with SHA-256, as DER.
    [[nodiscard]] dsmil::Result<std::string> sign(std::string_view message) const;

  private:
    struct Impl;
    explicit SigningKey(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

} // namespace dsmilctl
