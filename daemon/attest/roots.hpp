// SPDX-License-Identifier: Apache-2.0
// Whom one believes about endorsement keys: certificates of TPM makers, as files
// that a packager and the administrator chose. Nothing is ever fetched.
#pragma once

#include "attest/ek_certificate.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::attest {

// A package's, then the administrator's own. They need not be there.
inline constexpr std::array<std::string_view, 2> default_root_folders = {"/usr/share/dsmil/tpm-roots.d",
                                                                         "/etc/dsmil/tpm-roots.d"};
[[nodiscard]] std::vector<std::string> default_roots();

struct Root {
    std::string file;
    CertificatePointer certificate;
    CertificateFacts facts;
    bool self_signed = false; // trusted; else it only lies between such a one and an EK's
};

// The certificates in the folders' files *.pem, *.crt, *.cer and *.der, in the order of names; other files
// (README, FINGERPRINTS) are not looked at. A folder of default_root_folders may be missing; another is
// then not_found. malformed with the file's name when one of them is no certificate, or holds something
// else beside; permission when it cannot be read, or when anybody may write it. At most max_roots.
[[nodiscard]] Result<std::vector<Root>> read_roots(std::span<const std::string> folders);

// The same certificate in two files counts once.
[[nodiscard]] std::vector<CertificatePointer> certificates_of(std::span<const Root> roots);

// Of a certificate that verified: the file that vouches for it. Null: none of them.
[[nodiscard]] const Root *find_root(std::span<const Root> roots, ByteView sha256);

} // namespace dsmil::attest
