// SPDX-License-Identifier: Apache-2.0
// Whose word it is that the storage root is this TPM's: its maker's, whose
// certificate of the endorsement key verified, or nobody's, because it was
// believed at first sight. Pure. Inner header of tpm/.
#pragma once

#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dsmil::tpm {

struct Origin {
    Bytes root_name;              // of the storage root
    std::optional<Error> trouble; // why it is not certified; nothing: it is
    // What certified it.
    std::string ek; // "ecc-p384"
    Bytes ek_certificate_sha256;
    Bytes maker_sha256; // of the root's certificate that vouches
    std::string maker;  // its subject
    bool operator==(const Origin &other) const;
};

// As `state_dir`/srk.certified keeps it: only a certified one.
[[nodiscard]] std::string format_origin(const Origin &origin);
// tpm_changed when it is not that.
[[nodiscard]] Result<Origin> parse_origin(std::string_view text);

// Of the storage root with this Name: certified, or the reason why it is not known to be.
[[nodiscard]] Result<Origin> load_origin(const std::string &state_dir, const Bytes &root_name);
[[nodiscard]] Result<void> save_origin(const std::string &state_dir, const Origin &origin);

// What mends it when it is not certified.
inline constexpr std::string_view certify_remedy =
    "put the root certificates of the TPM's maker into /etc/dsmil/tpm-roots.d (docs/tpm-roots.md), then: "
    "dsmilctl tpm certify";

// For ledger and log.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> context_of(const Origin &origin);

} // namespace dsmil::tpm
