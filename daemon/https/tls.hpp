// SPDX-License-Identifier: Apache-2.0
// TLS 1.3 with certificates on both sides. The key agreement is SecP384r1MLKEM1024
// where the other side has it, so that what is recorded today stays closed to a
// quantum computer of later.
#pragma once

#include "dsmil/error.hpp"

#include <memory>
#include <openssl/types.h>
#include <string>
#include <string_view>

namespace dsmil::https {

// PEM files.
struct TlsFiles {
    std::string certificate; // with its chain behind it
    std::string key;         // without a password
    std::string authorities; // who vouches for the other side
    std::string revoked;     // lists of revoked certificates of these; empty: none
};

// Whom the certificate of the other side names.
struct Identity {
    std::string name;        // the subject's common name; the only one it has
    std::string fingerprint; // SHA-256 of the certificate, hexadecimal
};

enum class Side : std::uint8_t { server, client };

class TlsContext {
  public:
    // config_invalid with the file that does not do.
    [[nodiscard]] static Result<TlsContext> make(Side side, const TlsFiles &files);
    // Shared: OpenSSL counts who uses it.
    [[nodiscard]] SSL_CTX *get() const { return context_.get(); }

  private:
    struct Deleter {
        void operator()(SSL_CTX *context) const;
    };
    explicit TlsContext(SSL_CTX *context) : context_(context) {}
    std::unique_ptr<SSL_CTX, Deleter> context_;
};

// Of a connection whose handshake is done. tls_failed if the certificate has no common name, more
// than one, or one that is no UTF-8.
[[nodiscard]] Result<Identity> peer_identity(const SSL *connection);

// What OpenSSL says of the last failure in this thread; empty if nothing.
[[nodiscard]] std::string openssl_reason();

} // namespace dsmil::https
