// SPDX-License-Identifier: Apache-2.0
// What a machine should be: reference values, a TOML file (docs/verify.md).
#pragma once

#include "attest/hash.hpp"
#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::attest {

inline constexpr std::size_t max_reference_bytes = 64UZ << 20U;

// What is empty is not compared; of a PCR without a value, and of files, none is allowed.
struct Reference {
    std::vector<Bytes> ak_names; // TPM2B_NAME without its size: an algorithm and a hash
    std::vector<Bytes> ek_names;
    std::vector<std::uint64_t> firmware_versions;
    std::map<unsigned, std::set<Bytes>> pcrs;                  // of the SHA-256 bank: any of these
    std::map<unsigned, std::set<Bytes>> events;                // the only digests that may be extended
    std::map<std::string, std::set<Bytes>, std::less<>> files; // of IMA: the path's digests
    bool has_files = false;                                    // without it IMA's list is only replayed
    bool violations = false;                                   // of IMA, are allowed
};

// reference_invalid with the line for what is no TOML, a key that is not known, a value of a wrong
// form, and an empty list where it would mean "any".
[[nodiscard]] Result<Reference> parse_reference(std::string_view text);

} // namespace dsmil::attest
