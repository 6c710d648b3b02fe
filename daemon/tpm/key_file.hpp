// SPDX-License-Identifier: Apache-2.0
// A signing key in a file, for a machine without a TPM whose administrator wants
// a signed ledger all the same. Who can read the file can sign in its place:
// what it signs attests nothing.
#pragma once

#include "base/bytes.hpp"
#include "base/sha256.hpp"
#include "dsmil/error.hpp"

#include <memory>
#include <string>

namespace dsmil::tpm {

class KeyFile {
  public:
    // A P-256 private key, PEM, without a password. config_invalid when it is none,
    // or when others than its owner may read or write it.
    [[nodiscard]] static Result<KeyFile> open(const std::string &path);
    KeyFile(KeyFile &&) noexcept;
    KeyFile &operator=(KeyFile &&) noexcept;
    ~KeyFile();

    [[nodiscard]] const Bytes &spki() const { return spki_; }
    // ECDSA, as DER.
    [[nodiscard]] Result<Bytes> sign(const Hash &digest) const;

  private:
    struct Impl;
    KeyFile(std::unique_ptr<Impl> impl, Bytes spki);
    std::unique_ptr<Impl> impl_;
    Bytes spki_;
};

} // namespace dsmil::tpm
