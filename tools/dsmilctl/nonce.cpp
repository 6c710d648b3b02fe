// SPDX-License-Identifier: Apache-2.0
#include "nonce.hpp"

#include "text.hpp"

#include <cerrno>
#include <sys/random.h>

namespace dsmilctl {
namespace {

// The TPM takes no more than the size of its largest digest; fewer than eight could be guessed.
constexpr std::size_t min_nonce_bytes = 8;
constexpr std::size_t max_nonce_bytes = 32;

} // namespace

dsmil::Result<dsmil::Bytes> nonce_of(const Call &call) {
    if (const auto text = call.option("--nonce")) {
        return parse_hex("--nonce", *text, min_nonce_bytes, max_nonce_bytes);
    }
    dsmil::Bytes nonce(max_nonce_bytes);
    if (::getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
        return dsmil::fail_errno(dsmil::Code::failed, "making a nonce", errno);
    }
    return nonce;
}

} // namespace dsmilctl
