// SPDX-License-Identifier: Apache-2.0
// The certificate with which a TPM's vendor vouches for its endorsement key (TCG
// EK Credential Profile). Never a download: roots are files that somebody chose.
#pragma once

#include "attest/public_key.hpp"
#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <memory>
#include <openssl/types.h>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dsmil::attest {

inline constexpr std::size_t max_certificate_bytes = 65536;
inline constexpr std::size_t max_roots = 4096;

struct CertificateDeleter {
    void operator()(X509 *certificate) const;
};
using CertificatePointer = std::unique_ptr<X509, CertificateDeleter>;

// DER (also with the padding of an NV index behind it) or PEM, which may have many. malformed, also if
// one of many is damaged.
[[nodiscard]] Result<std::vector<CertificatePointer>> read_certificates(ByteView file);

// One behind the other, as TPMs keep the chain of an EK certificate in their memory: each as DER. Ends
// where something else begins, padding for example.
[[nodiscard]] std::vector<Bytes> split_certificates(ByteView chain);

// Certificates (DER each) as a file of PEM.
[[nodiscard]] std::string to_pem(std::span<const Bytes> certificates);

// The key that is certified; malformed when it is of a kind that nobody has for an EK.
[[nodiscard]] Result<PublicKey> certified_key(const CertificatePointer &certificate);

// What there is to say of a certificate before it is verified; printable.
struct CertificateFacts {
    std::string subject;
    std::string issuer;
    std::string serial;     // hexadecimal
    std::string not_before; // "2031-06-01T00:00:00Z"
    std::string not_after;
    Bytes sha256; // of its DER: what is called its fingerprint
};
[[nodiscard]] CertificateFacts certificate_facts(const CertificatePointer &certificate);

struct EkCertificate {
    std::string manufacturer; // "STM", or "id:53544D20" if it is no text
    std::string model;
    std::string version; // as the certificate has it: "id:00010102"
    std::string issuer;
    std::string serial;    // hexadecimal
    std::string not_after; // "2031-06-01T00:00:00Z"
    KeyKind key_kind = KeyKind::rsa;
    std::vector<std::string> chain; // the subjects, the root last
    Bytes root_sha256;              // of the root's DER: its fingerprint
};

// certificate_refused with the check that failed ("chain: ...") and what to do, unless all of this
// does: a chain to a certificate of `known` that signs itself, at `now` (UTC seconds since 1970), with
// keys and hashes of 112 bits' strength (RSA from 2048 bits, no SHA-1); no CA; key usage (key encipherment
// for RSA, key agreement for ECC); the extended key usage of EKs (2.23.133.8.1); the TPM's manufacturer,
// model and version in the alternative name; and, with `ek`, that key. Certificates of `known` and of the
// file itself may lie between.
[[nodiscard]] Result<EkCertificate> verify_ek_certificate(const std::vector<CertificatePointer> &file,
                                                          const std::vector<CertificatePointer> &known,
                                                          const PublicKey *ek, std::int64_t now);

} // namespace dsmil::attest
