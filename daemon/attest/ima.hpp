// SPDX-License-Identifier: Apache-2.0
// The kernel's list of measured files: ascii_runtime_measurements and
// binary_runtime_measurements of IMA (Documentation/security/IMA-templates.rst
// of Linux). The bytes may be hostile: an entry is true only as part of a prefix
// that leads to a value that a TPM signed.
#pragma once

#include "attest/hash.hpp"
#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <optional>
#include <string>
#include <vector>

namespace dsmil::attest {

inline constexpr std::size_t max_ima_bytes = 256UZ << 20U;
inline constexpr std::size_t max_ima_entries = 4'000'000;
inline constexpr unsigned ima_pcr = 10; // by default; a policy of the kernel can name another

struct ImaEntry {
    unsigned pcr = ima_pcr;
    bool violation = false; // the file was open for writing: its digest says nothing
    Digest extended;        // into the SHA-256 bank; of a violation all ones
    HashAlg file_hash = HashAlg::sha1;
    Digest file_digest;
    std::string path; // as measured: IMA writes '_' for a blank; empty for what is not text
    std::string template_name;
};

// Either form: the bytes tell which. malformed, with the number of the entry (from 1), for what is
// cut or damaged, another template than ima, ima-ng, ima-sig or ima-buf, too many entries.
// attestation_failed if the hash that is given for an entry is not the one of its content.
[[nodiscard]] Result<std::vector<ImaEntry>> parse_ima_list(ByteView list);

// How many entries of the list had been measured when PCR `pcr` had `value`: the list goes on
// growing while a quote is made. The smallest number that fits; nothing if none does.
[[nodiscard]] std::optional<std::size_t> quoted_prefix(const std::vector<ImaEntry> &list, unsigned pcr,
                                                       ByteView value);

} // namespace dsmil::attest
