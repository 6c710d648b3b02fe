// SPDX-License-Identifier: Apache-2.0
// What users type: devices, registers, numbers, lists.
#include "batch_text.hpp"
#include "grants/grant.hpp"
#include "grants/public_key.hpp"
#include "inetd_http.hpp"
#include "module_signature.hpp"
#include "proof_text.hpp"
#include "text.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

// Any value will do, as long as getting it breaks nothing.
void tried(const auto &.../*results*/) {}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    constexpr std::uint64_t limit = 0xFFFFFFFF;
    std::string_view text(reinterpret_cast<const char *>(data), size);
    if (text.ends_with('\n')) { // The seeds are lines.
        text.remove_suffix(1);
    }
    const auto device = dsmilctl::parse_device(text);
    const auto number = dsmilctl::parse_number("VALUE", text, limit);
    // Whatever names a device names one of the catalogue.
    if ((device && dsmil::find_device((*device)->name) != *device) || (number && *number > limit)) {
        std::abort();
    }
    if (const auto batch = dsmilctl::parse_batch(text); batch && batch->empty()) {
        std::abort();
    }
    tried(dsmil::grants::parse_public_key(text), dsmil::grants::assemble(text, {std::string(text)}),
          dsmilctl::key_enrolled(text, "signer"), dsmilctl::parse_register(text), dsmilctl::parse_risk(text),
          dsmilctl::parse_group(text), dsmilctl::parse_hex("nonce", text, 8, 32));
    if (const auto proof = dsmilctl::parse_proof("--proof", text);
        proof && proof->size() > dsmil::ledger::max_proof_hashes) {
        std::abort();
    }
    if (const auto head = dsmilctl::parse_http_head(text); head && !head->path.starts_with('/')) {
        std::abort();
    }
    if (const auto pcrs = dsmilctl::parse_pcrs(text); pcrs && (pcrs->empty() || pcrs->back() > 23)) {
        std::abort();
    }
    return 0;
}
