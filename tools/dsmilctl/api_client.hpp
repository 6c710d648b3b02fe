// SPDX-License-Identifier: Apache-2.0
// dsmild's API over its Unix socket: one request a connection, blocking, with
// bounds on time and size. Boost.Beast is hidden in the .cpp.
#pragma once

#include "dsmil/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace dsmilctl {

class ApiClient {
  public:
    // `stop_fd`: a descriptor that becomes readable when the user has enough; -1 for none.
    explicit ApiClient(std::string socket, int stop_fd = -1)
        : socket_(std::move(socket)), stop_fd_(stop_fd) {}

    // The body of an answer of status 2xx. Else daemon_missing (nobody there or
    // no answer in time), permission (the socket is closed to the caller), the
    // error that dsmild answered, or failed (an answer that is none, or larger
    // than max_answer_bytes). try_again with detail "stopped" after stop_fd.
    [[nodiscard]] dsmil::Result<std::string> get(std::string_view target,
                                                 std::chrono::seconds patience) const;
    [[nodiscard]] dsmil::Result<std::string> post(std::string_view target, std::string body,
                                                  std::chrono::seconds patience) const;

    // Like get, but the body goes to the file descriptor; its bytes.
    // disk_full or failed when it does not take them.
    [[nodiscard]] dsmil::Result<std::uint64_t> download(std::string_view target, int fd,
                                                        std::chrono::seconds patience) const;

    static constexpr std::size_t max_answer_bytes = std::size_t{16} << 20U;
    static constexpr std::uint64_t max_download_bytes = std::uint64_t{1} << 40U;

  private:
    std::string socket_;
    int stop_fd_;
};

} // namespace dsmilctl
