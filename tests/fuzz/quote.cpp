// SPDX-License-Identifier: Apache-2.0
// A quote and its signature, one after the other, the first with a 16-bit length.
#include "attest/quote.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const dsmil::ByteView rest(data + 2, size - 2);
    const auto length = std::min<std::size_t>(rest.size(), static_cast<std::size_t>(data[0]) << 8U | data[1]);
    dsmil::attest::QuoteBundle bundle;
    bundle.quoted.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length));
    bundle.signature.assign(rest.begin() + static_cast<std::ptrdiff_t>(length), rest.end());
    bundle.ak_public_pem = "-----BEGIN PUBLIC KEY-----\n"
                           "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr\n"
                           "kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==\n"
                           "-----END PUBLIC KEY-----\n";
    bundle.pcrs = {{0, dsmil::Bytes(32, 0)}};
    const std::array<unsigned, 1> pcrs = {0};
    // Nobody here has the key.
    if (dsmil::attest::verify_quote(bundle, dsmil::Bytes(8, 0), pcrs)) {
        std::abort();
    }
    return 0;
}
