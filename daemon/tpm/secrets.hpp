// SPDX-License-Identifier: Apache-2.0
// The secrets that authorise keys and hierarchies. systemd decrypts them and
// hands them to the unit alone, as files (LoadCredentialEncrypted= and
// ImportCredential= of systemd.exec(5)).
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <array>
#include <map>
#include <string>
#include <string_view>

namespace dsmil::tpm {

// The TPM takes no more than the size of the Name's digest.
inline constexpr std::size_t max_secret_bytes = 32;

// The file of a secret is "dsmil." and its name.
inline constexpr std::array<std::string_view, 7> secret_names = {
    "owner", "endorsement", "attestation-key", "checkpoint-key", "grant-key", "device-key", "anchor",
};

class Secrets {
  public:
    Secrets() = default;
    ~Secrets();
    Secrets(const Secrets &) = default;
    Secrets(Secrets &&) noexcept = default;
    Secrets &operator=(const Secrets &) = default;
    Secrets &operator=(Secrets &&) noexcept = default;

    // Those that are there; none when `directory` is empty. config_invalid with
    // the name of one that is empty, too long or cannot be read.
    [[nodiscard]] static Result<Secrets> read(const std::string &directory);

    void set(std::string_view name, Bytes secret) { secrets_[std::string(name)] = std::move(secret); }
    // Empty when there is none, which is what the TPM takes for no secret.
    [[nodiscard]] ByteView find(std::string_view name) const;

  private:
    std::map<std::string, Bytes, std::less<>> secrets_;
};

} // namespace dsmil::tpm
