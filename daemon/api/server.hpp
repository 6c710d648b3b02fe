// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 on a Unix socket. Everything is bounded; who connects beyond a bound
// waits or is turned away.
#pragma once

#include "api/api.hpp"
#include "base/reactor.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace dsmil::api {

inline constexpr std::size_t max_connections = 64;        // more wait in the kernel's queue
inline constexpr std::size_t max_connections_user = 16;   // of one user; more are hung up on
inline constexpr std::uint32_t max_header_bytes = 8'192;  // of a request
inline constexpr std::uint64_t max_body_bytes = 65'536;   // of a request
inline constexpr std::chrono::seconds read_timeout{60};   // for a whole request, and between two
inline constexpr std::chrono::seconds write_timeout{300}; // for a whole answer; exports are large

struct ServerOptions {
    std::string path;
    std::string group;                                              // empty: left as it is
    std::function<Result<Peer>(int socket)> peer_of = api::peer_of; // tests say who it is
};

class Server {
  public:
    Server(Reactor &reactor, const Log &log, Api &api);
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    // Listens. conflict when somebody listens there; permission, not_found, failed.
    [[nodiscard]] Result<void> start(ServerOptions options);
    // Takes no more requests and hangs up on who has none under way; calls back when the
    // others are answered and every connection is closed.
    void stop(Task then);

  private:
    struct State;
    // Shared with the connections, which may outlive the server until the reactor ends.
    std::shared_ptr<State> state_;
};

} // namespace dsmil::api
