// SPDX-License-Identifier: Apache-2.0
// One HTTPS request a connection, blocking, with bounds on time and size.
#pragma once

#include "https/tls.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace dsmil::https {

// Who must be at the other end.
struct Peer {
    std::string host;
    std::uint16_t port = 0;
    // The common name of its certificate; empty: the certificate must be for `host` (a name or an
    // address among its alternative names).
    std::string common_name;
};

struct Reply {
    unsigned status = 0;
    std::string content_type;
    std::string body;
};

enum class Verb : std::uint8_t { get, post };

struct Call {
    Verb verb = Verb::get;
    std::string target;
    std::string body;
    std::chrono::milliseconds patience{30'000}; // for everything
    std::uint64_t max_reply_bytes = 1U << 20U;
};

// Whatever status the other side answers. unreachable (nobody there, or no answer in time),
// tls_failed (either side does not trust the other), failed (an answer that is none, or too large).
[[nodiscard]] Result<Reply> request(const TlsContext &tls, const Peer &peer, const Call &call);

} // namespace dsmil::https
