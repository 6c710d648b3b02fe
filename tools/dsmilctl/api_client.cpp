// SPDX-License-Identifier: Apache-2.0
#include "api_client.hpp"

#include "api_answer.hpp"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <format>
#include <grp.h>
#include <optional>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace dsmilctl {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using dsmil::Code;
using dsmil::Result;
using Stream = beast::basic_stream<asio::local::stream_protocol>;
using Failure = boost::system::error_code;

constexpr std::uint32_t max_header_bytes = 8192;
constexpr std::size_t chunk_bytes = 65536;

std::string owner_of(const std::string &path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        return {};
    }
    const auto *group = ::getgrgid(status.st_gid);
    return std::format(" belongs to group {} (mode {:04o})",
                       group != nullptr ? std::string(group->gr_name) : std::to_string(status.st_gid),
                       status.st_mode & 07777U);
}

// One request and its answer. Its operations are asynchronous, because only
// those have a deadline; step() runs each to its end.
class Exchange {
  public:
    Exchange(const std::string &socket, int stop_fd, std::chrono::seconds patience)
        : socket_(socket), patience_(patience), stream_(context_) {
        stream_.expires_after(patience_);
        if (stop_fd >= 0) {
            watch_.emplace(context_, stop_fd);
        }
    }
    ~Exchange() {
        if (watch_) {
            watch_->release(); // The descriptor is the caller's.
        }
    }
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    Result<void> send(http::request<http::string_body> request) {
        // Longer paths make the constructor throw.
        if (socket_.size() >= sizeof(sockaddr_un::sun_path)) {
            return dsmil::fail(Code::usage, std::format("the path of the socket is too long: {}", socket_));
        }
        const auto connected = step([this](auto done) {
            stream_.async_connect(asio::local::stream_protocol::endpoint(socket_), done);
        });
        if (connected) {
            return std::unexpected(unreachable(connected));
        }
        request.set(http::field::host, "dsmild");
        request.set(http::field::user_agent, "dsmilctl/" DSMIL_VERSION);
        request.prepare_payload();
        const auto sent = step([this, &request](auto done) {
            http::async_write(stream_, request, [done](Failure failure, std::size_t) { done(failure); });
        });
        if (sent) {
            return std::unexpected(broken(sent));
        }
        parser_.header_limit(max_header_bytes);
        const auto got = step([this](auto done) {
            http::async_read_header(stream_, buffer_, parser_,
                                    [done](Failure failure, std::size_t) { done(failure); });
        });
        if (got) {
            return std::unexpected(broken(got));
        }
        return {};
    }

    [[nodiscard]] unsigned status() const { return parser_.get().result_int(); }
    [[nodiscard]] bool good() const { return status() / 100 == 2; }

    Result<std::string> body() {
        http::response_parser<http::string_body> parser(std::move(parser_));
        parser.body_limit(ApiClient::max_answer_bytes);
        const auto got = step([this, &parser](auto done) {
            http::async_read(stream_, buffer_, parser,
                             [done](Failure failure, std::size_t) { done(failure); });
        });
        if (got) {
            return std::unexpected(broken(got));
        }
        return std::move(parser.get().body());
    }

    Result<std::uint64_t> body_to(int fd) {
        http::response_parser<http::buffer_body> parser(std::move(parser_));
        parser.body_limit(ApiClient::max_download_bytes);
        std::vector<char> chunk(chunk_bytes);
        std::uint64_t total = 0;
        while (!parser.is_done()) {
            stream_.expires_after(patience_); // A long file may take longer; a pause may not.
            parser.get().body().data = chunk.data();
            parser.get().body().size = chunk.size();
            auto got = step([this, &parser](auto done) {
                http::async_read(stream_, buffer_, parser,
                                 [done](Failure failure, std::size_t) { done(failure); });
            });
            if (got && got != http::error::need_buffer) {
                return std::unexpected(broken(got));
            }
            const auto bytes = chunk.size() - parser.get().body().size;
            if (auto kept = keep(fd, {chunk.data(), bytes}); !kept) {
                return std::unexpected(kept.error());
            }
            total += bytes;
        }
        return total;
    }

  private:
    template <typename Operation>
    Failure step(Operation operation) {
        std::optional<Failure> result;
        context_.restart();
        if (watch_) {
            watch_->async_wait(asio::posix::stream_descriptor::wait_read, [this](Failure failure) {
                if (!failure) {
                    stopped_ = true;
                    stream_.cancel();
                }
            });
        }
        operation([this, &result](Failure failure) {
            result = failure;
            if (watch_) {
                watch_->cancel();
            }
        });
        context_.run();
        return result.value_or(asio::error::operation_aborted);
    }

    static Result<void> keep(int fd, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto written = ::write(fd, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) {
                continue;
            }
            if (written < 0) {
                const bool full = errno == ENOSPC || errno == EDQUOT;
                return dsmil::fail_errno(full ? Code::disk_full : Code::failed, "writing the file", errno);
            }
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
    }

    [[nodiscard]] dsmil::Error unreachable(const Failure &failure) const {
        if (failure == boost::system::errc::permission_denied) {
            return {Code::permission, socket_ + owner_of(socket_), {failure.message()}};
        }
        return broken(failure);
    }

    [[nodiscard]] dsmil::Error broken(const Failure &failure) const {
        if (stopped_) {
            return {Code::try_again, "stopped", {}};
        }
        if (failure == http::error::body_limit || failure == http::error::header_limit) {
            return {Code::failed, "the answer of dsmild is too large", {failure.message()}};
        }
        if (failure.category() == http::make_error_code(http::error::bad_version).category() &&
            failure != http::error::end_of_stream) {
            return {
                Code::failed, "the answer of dsmild is not the HTTP that was expected", {failure.message()}};
        }
        const auto *what = failure == beast::error::timeout ? "no answer in time" : "no answer";
        return {Code::daemon_missing, std::format("{}: {}", socket_, what), {failure.message()}};
    }

    const std::string &socket_;
    std::chrono::seconds patience_;
    asio::io_context context_;
    Stream stream_;
    std::optional<asio::posix::stream_descriptor> watch_;
    bool stopped_ = false;
    beast::flat_buffer buffer_;
    http::response_parser<http::empty_body> parser_;
};

http::request<http::string_body> request_for(http::verb verb, std::string_view target) {
    constexpr unsigned http_1_1 = 11;
    http::request<http::string_body> request(verb, target, http_1_1);
    request.set(http::field::connection, "close");
    return request;
}

Result<std::string> answer_of(Exchange &exchange) {
    auto body = exchange.body();
    if (body && !exchange.good()) {
        return std::unexpected(decode_error(exchange.status(), *body));
    }
    return body;
}

} // namespace

Result<std::string> ApiClient::get(std::string_view target, std::chrono::seconds patience) const {
    Exchange exchange(socket_, stop_fd_, patience);
    return exchange.send(request_for(http::verb::get, target)).and_then([&] { return answer_of(exchange); });
}

Result<std::string> ApiClient::post(std::string_view target, std::string body,
                                    std::chrono::seconds patience) const {
    auto request = request_for(http::verb::post, target);
    request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    Exchange exchange(socket_, stop_fd_, patience);
    return exchange.send(std::move(request)).and_then([&] { return answer_of(exchange); });
}

Result<std::uint64_t> ApiClient::download(std::string_view target, int fd,
                                          std::chrono::seconds patience) const {
    Exchange exchange(socket_, stop_fd_, patience);
    if (auto sent = exchange.send(request_for(http::verb::get, target)); !sent) {
        return std::unexpected(std::move(sent.error()));
    }
    if (!exchange.good()) {
        return answer_of(exchange).transform([](const std::string &) { return std::uint64_t{0}; });
    }
    return exchange.body_to(fd);
}

} // namespace dsmilctl
