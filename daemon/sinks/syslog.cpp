// SPDX-License-Identifier: Apache-2.0
#include "sinks/datagrams.hpp"
#include "sinks/record_text.hpp"
#include "sinks/sink.hpp"

namespace dsmil::sinks {
namespace {

class Syslog final : public Sink {
  public:
    explicit Syslog(std::string path) : socket_(std::move(path)) {}

    Result<Delivery> send(std::span<const ledger::Record> records) override {
        Delivery delivery;
        for (const auto &record : records) {
            const auto sent = socket_.connect().and_then([&] { return socket_.send(syslog_line(record)); });
            if (!sent) {
                socket_.disconnect();
                return std::unexpected(sent.error());
            }
            delivery.refused += *sent ? 0 : 1;
        }
        delivery.next = records.back().sequence + 1;
        return delivery;
    }

    void cancel() override { socket_.cancel(); }

  private:
    Datagrams socket_;
};

} // namespace

std::unique_ptr<Sink> syslog_sink(std::string path) {
    return std::make_unique<Syslog>(std::move(path));
}

} // namespace dsmil::sinks
