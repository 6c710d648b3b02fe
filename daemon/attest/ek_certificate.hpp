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

// What lies in the folder and is a certificate, in the order of names; other files are passed over.
// not_found, usage (more than max_roots files), malformed with the name for a damaged certificate, and
// what reading a file gives.
[[nodiscard]] Result<std::vector<CertificatePointer>> read_roots(const std::string &folder);

struct EkCertificate {
    std::string manufacturer; // "STM", or "id:53544D20" if it is no text
    std::string model;
    std::string version; // as the certificate has it: "id:00010102"
    std::string issuer;
    std::string serial;    // hexadecimal
    std::string not_after; // "2031-06-01T00:00:00Z"
    KeyKind key_kind = KeyKind::rsa;
    std::vector<std::string> chain; // the subjects, the root last
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
