// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 over TLS, for callers with certificates. Everything is bounded; who
// connects beyond a bound waits or is turned away.
#pragma once

#include "api/message.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "https/tls.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace dsmil::https {

inline constexpr std::size_t max_connections = 512;      // more wait in the kernel's queue
inline constexpr std::size_t max_connections_of_one = 8; // of one certificate
inline constexpr std::uint32_t max_header_bytes = 8'192;
inline constexpr std::uint64_t small_body_bytes = 65'536; // larger ones are counted against the budget
inline constexpr std::chrono::seconds handshake_timeout{10};
inline constexpr std::chrono::seconds read_timeout{60}; // for a whole request, and between two
inline constexpr std::chrono::seconds write_timeout{60};

struct Request {
    api::Method method = api::Method::get;
    api::Target target;
    std::string body;
    Identity client;
};

using Answer = std::move_only_function<void(api::Response)>;

struct ServerOptions {
    std::string address; // an IP address; the port 0 is any that is free
    std::uint16_t port = 0;
    std::string name; // "dsmil-verifierd/0.1.0"
    // How long the body of a request may be, by its path.
    std::function<std::uint64_t(const std::string &path)> body_limit;
    std::uint64_t budget_bytes = 0; // for all bodies beyond small_body_bytes at once
    // Answers, once, on the reactor's thread.
    std::function<void(Request request, Answer answer)> handle;
};

struct ServerNumbers {
    std::size_t connections = 0;
    std::uint64_t handshakes_failed = 0;
    std::uint64_t turned_away = 0; // too many of one certificate, or no room for a body
};

class Server {
  public:
    Server(Reactor &reactor, const Log &log, const TlsContext &tls, ServerOptions options);
    ~Server();
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    // Listens. config_invalid for what is no address; conflict when somebody listens there;
    // permission, failed.
    [[nodiscard]] Result<void> start();
    // Takes no more requests and hangs up on who has none under way; calls back when the others
    // are answered and every connection is closed.
    void stop(Task then);

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] ServerNumbers numbers() const;

  private:
    struct State;
    // Shared with the connections, which may outlive the server until the reactor ends.
    std::shared_ptr<State> state_;
};

} // namespace dsmil::https
