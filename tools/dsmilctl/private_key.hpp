// SPDX-License-Identifier: Apache-2.0
// Private keys of whoever runs the command, as OpenSSL opens them.
#pragma once

#include "dsmil/error.hpp"

#include <memory>
#include <openssl/types.h>
#include <string>
#include <vector>

namespace dsmilctl {

struct PrivateKeyDeleter {
    void operator()(EVP_PKEY *key) const;
};
using PrivateKey = std::unique_ptr<EVP_PKEY, PrivateKeyDeleter>;

// What OpenSSL says last is what is nearest to the cause. Forgets it.
[[nodiscard]] std::vector<std::string> openssl_causes();

// not_found or permission for a path that cannot be read.
[[nodiscard]] dsmil::Result<void> check_readable(const std::string &path);

// The first private key that is there: of a file, or of a URI whose provider is loaded. A
// passphrase or PIN is asked for on the terminal. usage when there is none.
[[nodiscard]] dsmil::Result<PrivateKey> load_private_key(const std::string &where);

} // namespace dsmilctl
