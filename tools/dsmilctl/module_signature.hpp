// SPDX-License-Identifier: Apache-2.0
// Who signed a module file, and whether the kernel knows that key.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dsmilctl {

// What modinfo says of a module file, compressed or not. Only the kernel
// checks the signature: this is what the file claims.
struct ModuleSignature {
    bool present = false;
    std::string signer; // the common name; empty if modinfo cannot tell
};

// Nothing when the program `modinfo` cannot be run or does not take the file
// for a module.
[[nodiscard]] std::optional<ModuleSignature> module_signature(const std::string &modinfo,
                                                              const std::string &module);

// Whether the text of /proc/keys lists a certificate of that name; nothing
// when it lists no certificate at all, as for a user who may not see them.
[[nodiscard]] std::optional<bool> key_enrolled(std::string_view keys, std::string_view name);

} // namespace dsmilctl
