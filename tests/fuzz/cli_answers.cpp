// SPDX-License-Identifier: Apache-2.0
// The decoders of what dsmild answers to dsmilctl, attestations included.
#include "api_answer.hpp"
#include "attest_answer.hpp"
#include "device_key_answer.hpp"
#include "evidence.hpp"
#include "identity_answer.hpp"
#include "ledger_record.hpp"
#include "tpm_answer.hpp"
#include "verifier_answer.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

// Any value will do, as long as getting it breaks nothing.
void tried(const auto &.../*results*/) {}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char *>(data), size);
    tried(dsmilctl::decode_error(500, body), dsmilctl::spki_of(body));
    if (const auto records = dsmilctl::decode_records(body)) {
        for (const auto &record : *records) {
            const auto line = dsmilctl::record_line(record.get_object());
            // Nothing that a terminal would obey.
            if (!std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; })) {
                std::abort();
            }
        }
    }
    if (const auto object = dsmilctl::decode_object("dsmild", body)) {
        tried(dsmilctl::decode_tpm(*object), dsmilctl::decode_identity(*object));
        tried(dsmilctl::decode_device_key(*object, {}));
        tried(dsmilctl::decode_machine(*object), dsmilctl::decode_machines(*object),
              dsmilctl::decode_result(*object), dsmilctl::decode_results(*object),
              dsmilctl::decode_question(*object));
    }
    if (const auto bundle = dsmilctl::decode_attestation(body)) {
        const std::array<std::uint8_t, 8> nonce{};
        const std::array<unsigned, 1> pcrs{};
        tried(dsmil::attest::verify_quote(*bundle, nonce, pcrs));
    }
    return 0;
}
