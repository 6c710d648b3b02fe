// SPDX-License-Identifier: Apache-2.0
#include "https/tls.hpp"

#include "base/bytes.hpp"
#include "base/sha256.hpp"

#include <format>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

namespace dsmil::https {
namespace {

// The first that both sides have; a pair of '/' means that a worse one for which the client has
// sent a share already is not taken instead (openssl-SSL_CTX_set1_groups_list(3)).
constexpr auto groups = "SecP384r1MLKEM1024/X25519MLKEM768/P-384:X25519:P-256";
constexpr auto suites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr int max_chain = 4; // certificates between the other side's and its authority

struct Deleter {
    void operator()(X509 *certificate) const { X509_free(certificate); }
    void operator()(unsigned char *text) const { OPENSSL_free(text); }
};

std::unexpected<Error> refused(std::string_view what, const std::string &file) {
    const std::string reason = openssl_reason();
    return fail(Code::config_invalid, std::format("{}: {}", what, file),
                reason.empty() ? std::vector<std::string>{} : std::vector{reason});
}

int no_password(char * /*buffer*/, int /*size*/, int /*writing*/, void * /*data*/) {
    return -1;
}

Result<void> load(SSL_CTX *context, const TlsFiles &files) {
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
        return refused("the certificate cannot be used", files.certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        return refused("the key cannot be used, or is not the certificate's", files.key);
    }
    if (SSL_CTX_load_verify_file(context, files.authorities.c_str()) != 1) {
        return refused("there is no certificate of an authority", files.authorities);
    }
    if (files.revoked.empty()) {
        return {};
    }
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == nullptr || X509_load_crl_file(lookup, files.revoked.c_str(), X509_FILETYPE_PEM) < 1) {
        return refused("there is no list of revoked certificates", files.revoked);
    }
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return {};
}

} // namespace

void TlsContext::Deleter::operator()(SSL_CTX *context) const {
    SSL_CTX_free(context);
}

std::string openssl_reason() {
    const unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    return reason != nullptr ? reason : "";
}

Result<TlsContext> TlsContext::make(Side side, const TlsFiles &files) {
    ERR_clear_error();
    TlsContext context(SSL_CTX_new(side == Side::server ? TLS_server_method() : TLS_client_method()));
    SSL_CTX *const raw = context.get();
    if (raw == nullptr || SSL_CTX_set_min_proto_version(raw, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(raw, suites) != 1 || SSL_CTX_set1_groups_list(raw, groups) != 1) {
        return fail(Code::failed, "OpenSSL cannot do TLS as it is wanted", {openssl_reason()});
    }
    // No tickets: a certificate is looked at in each connection.
    SSL_CTX_set_options(raw, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_num_tickets(raw, 0);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(raw, no_password);
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_set_verify_depth(raw, max_chain);
    if (auto loaded = load(raw, files); !loaded) {
        return std::unexpected(std::move(loaded.error()));
    }
    return context;
}

Result<Identity> peer_identity(const SSL *connection) {
    const std::unique_ptr<X509, Deleter> certificate(SSL_get1_peer_certificate(connection));
    if (!certificate) {
        return fail(Code::tls_failed, "the other side showed no certificate");
    }
    const X509_NAME *subject = X509_get_subject_name(certificate.get());
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
        return fail(Code::tls_failed, "the certificate of the other side must have one common name");
    }
    unsigned char *text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    const std::unique_ptr<unsigned char, Deleter> owned(text);
    unsigned char *der = nullptr;
    const int der_size = i2d_X509(certificate.get(), &der);
    const std::unique_ptr<unsigned char, Deleter> owned_der(der);
    if (size <= 0 || der_size <= 0) {
        return fail(Code::tls_failed, "the certificate of the other side cannot be read");
    }
    return Identity{
        .name = std::string(as_text({text, static_cast<std::size_t>(size)})),
        .fingerprint = to_hex(sha256(ByteView(der, static_cast<std::size_t>(der_size)))),
    };
}

} // namespace dsmil::https
