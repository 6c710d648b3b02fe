// SPDX-License-Identifier: Apache-2.0
// What happened to a device, in the words in which it is signed.
#pragma once

#include "base/sha256.hpp"
#include "dsmil/error.hpp"
#include "ledger/record.hpp"

#include <string>
#include <string_view>

namespace dsmil {

// Lines of text, the same bytes for the same record of the same ledger; docs/tpm.md has
// the format. `leaf` is the record's leaf hash (RFC 6962), so that the words are of this
// record and no other. Whatever is no printable ASCII, and the backslash, is \xNN. usage
// when the record is about no device.
[[nodiscard]] Result<std::string> security_event(const ledger::Record &record, std::string_view origin,
                                                 const Hash &leaf);

} // namespace dsmil
