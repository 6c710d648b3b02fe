// SPDX-License-Identifier: Apache-2.0
#include "sinks/loki.hpp"

#include "base/bytes.hpp"
#include "sinks/record_text.hpp"
#include "sinks/sink.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <chrono>
#include <format>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace dsmil::sinks {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr std::chrono::seconds patience{5}; // for each step
constexpr std::uint64_t max_answer_bytes = 64U << 10U;
constexpr std::uint32_t max_header_bytes = 8U << 10U;

// What Loki answers when it will never take this, whoever asks: not a matter of time or of rights.
bool never(unsigned status) {
    constexpr std::array<unsigned, 5> other = {401, 403, 404, 408, 429};
    return status >= 400 && status < 500 && !std::ranges::contains(other, status);
}

// One request a connection. Its operations are asynchronous, because only those have a deadline.
class Push {
  public:
    Push(asio::io_context &context, const std::atomic<bool> &stopping, const LokiUrl &url)
        : context_(context), stopping_(stopping), url_(url), stream_(context) {}

    Result<unsigned> run(std::string body) {
        tcp::resolver resolver(context_);
        // Shared with a resolver that may answer when nobody listens any more.
        const auto found = std::make_shared<tcp::resolver::results_type>();
        auto failure = step([&](const auto &done) {
            resolver.async_resolve(url_.host, url_.port,
                                   [found, done](const Failure &why, tcp::resolver::results_type results) {
                                       *found = std::move(results);
                                       done(why);
                                   });
        });
        if (!failure) {
            failure = step([&](const auto &done) {
                stream_.async_connect(*found,
                                      [done](const Failure &why, const tcp::endpoint &) { done(why); });
            });
        }
        if (failure) {
            return error("cannot be reached", failure);
        }
        http::request<http::string_body> request(http::verb::post, url_.path, 11);
        request.set(http::field::host, url_.host);
        request.set(http::field::user_agent, "dsmild/" DSMIL_VERSION);
        request.set(http::field::connection, "close");
        request.set(http::field::content_type, "application/json");
        request.body() = std::move(body);
        request.prepare_payload();
        failure = step([&](const auto &done) {
            http::async_write(stream_, request, [done](const Failure &why, std::size_t) { done(why); });
        });
        http::response_parser<http::string_body> parser;
        parser.header_limit(max_header_bytes);
        parser.body_limit(max_answer_bytes);
        beast::flat_buffer buffer;
        if (!failure) {
            failure = step([&](const auto &done) {
                http::async_read(stream_, buffer, parser,
                                 [done](const Failure &why, std::size_t) { done(why); });
            });
        }
        if (failure) {
            return error("does not answer", failure);
        }
        text_ = printable(parser.get().body().substr(0, 200));
        return parser.get().result_int();
    }
    [[nodiscard]] const std::string &text() const { return text_; } // of the answer

  private:
    std::unexpected<Error> error(std::string_view what, const Failure &failure) const {
        const bool slow = failure == beast::error::timeout || failure == asio::error::operation_aborted;
        return fail(slow ? Code::try_again : Code::failed,
                    std::format("Loki at {}:{} {}", url_.host, url_.port, what), {failure.message()});
    }

    template <typename Operation>
    Failure step(Operation operation) {
        const auto result = std::make_shared<std::optional<Failure>>();
        context_.restart();
        stream_.expires_after(patience);
        operation([&context = context_, result](const Failure &failure) {
            *result = failure;
            context.stop();
        });
        if (!stopping_) {
            context_.run_for(patience);
        }
        if (const auto &done = *result) {
            return *done;
        }
        stream_.close(); // It must not outlive what it works on.
        context_.restart();
        context_.run_for(patience);
        return beast::error::timeout;
    }

    asio::io_context &context_;
    const std::atomic<bool> &stopping_;
    const LokiUrl &url_;
    beast::tcp_stream stream_;
    std::string text_;
};

class Loki final : public Sink {
  public:
    Loki(LokiUrl url, std::string origin) : url_(std::move(url)), origin_(std::move(origin)) {}

    Result<Delivery> send(std::span<const ledger::Record> records) override {
        Push push(context_, stopping_, url_);
        const auto status = push.run(loki_body(records, origin_));
        if (!status) {
            return std::unexpected(status.error());
        }
        if (*status / 100 == 2) {
            return Delivery{.next = records.back().sequence + 1, .refused = 0};
        }
        if (never(*status) && records.size() > 1) { // Perhaps it is one of them.
            return one_by_one(records);
        }
        if (never(*status)) {
            return Delivery{.next = records.back().sequence + 1, .refused = 1};
        }
        return fail(*status == 429 || *status == 503 ? Code::try_again : Code::failed,
                    std::format("Loki at {}:{} answers {}", url_.host, url_.port, *status), {push.text()});
    }

    void cancel() override {
        stopping_ = true;
        context_.stop();
    }

  private:
    Result<Delivery> one_by_one(std::span<const ledger::Record> records) {
        Delivery all;
        for (const auto &record : records) {
            const auto sent = send({&record, 1});
            if (!sent) {
                return sent;
            }
            all.next = sent->next;
            all.refused += sent->refused;
        }
        return all;
    }

    LokiUrl url_;
    std::string origin_;
    asio::io_context context_{1};
    std::atomic<bool> stopping_ = false;
};

} // namespace

Result<LokiUrl> parse_loki_url(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    const auto bad = [&] {
        return fail(
            Code::config_invalid,
            std::format("\"{}\" is no http://HOST[:PORT]/PATH; for TLS, push to an agent on this machine",
                        printable(text)));
    };
    if (!text.starts_with(scheme) || !std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; })) {
        return bad();
    }
    const auto rest = text.substr(scheme.size());
    const auto slash = std::min(rest.find('/'), rest.size());
    auto host = rest.substr(0, slash);
    LokiUrl url{.host = {},
                .port = "3100",
                .path = slash < rest.size() ? std::string(rest.substr(slash)) : "/loki/api/v1/push"};
    const auto bracket = host.starts_with('[') ? host.find(']') : 0;
    const auto colon = bracket == std::string_view::npos ? std::string_view::npos : host.find(':', bracket);
    if (colon != std::string_view::npos) {
        const auto port = host.substr(colon + 1);
        std::uint16_t number = 0;
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (error != std::errc{} || end != port.data() + port.size() || number == 0) {
            return bad();
        }
        url.port = port;
        host = host.substr(0, colon);
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    if (host.empty() || host.find_first_of("@[]") != std::string_view::npos || url.path.contains('#')) {
        return bad();
    }
    url.host = host;
    return url;
}

std::string loki_body(std::span<const ledger::Record> records, const std::string &origin) {
    std::map<std::pair<std::string, std::string>, boost::json::array> streams;
    for (const auto &record : records) {
        streams[{record.source, record.outcome}].push_back(
            boost::json::array{std::to_string(record.realtime_ns), json_text(record)});
    }
    boost::json::array all;
    for (auto &[labels, values] : streams) {
        all.push_back(boost::json::object{
            {"stream",
             {{"job", "dsmil"}, {"origin", origin}, {"source", labels.first}, {"outcome", labels.second}}},
            {"values", std::move(values)}});
    }
    return boost::json::serialize(boost::json::object{{"streams", std::move(all)}});
}

Result<std::unique_ptr<Sink>> loki_sink(const std::string &url, std::string origin) {
    return parse_loki_url(url).transform([&](LokiUrl parsed) -> std::unique_ptr<Sink> {
        return std::make_unique<Loki>(std::move(parsed), std::move(origin));
    });
}

} // namespace dsmil::sinks
