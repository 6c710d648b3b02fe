// SPDX-License-Identifier: Apache-2.0
#include "sinks/datagrams.hpp"
#include "sinks/record_text.hpp"
#include "sinks/sink.hpp"

#include <cerrno>
#include <sys/uio.h>
#include <vector>
// The journal then takes our fields and not this file's place in the source.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

namespace dsmil::sinks {
namespace {

constexpr auto journal_socket = "/run/systemd/journal/socket";

// sd_journal_sendv(3) sends a large record as a file, which only the library should know how to do.
// But it waits for ever for room, and takes a record for sent when nobody is there: a socket of our
// own looks first.
class Journald final : public Sink {
  public:
    Journald() : socket_(journal_socket) {}

    Result<Delivery> send(std::span<const ledger::Record> records) override {
        socket_.disconnect(); // There may be another journal by now.
        for (const auto &record : records) {
            auto sent = socket_.connect().and_then([this] { return socket_.await_room(); }).and_then([&] {
                return put(record);
            });
            if (!sent) {
                return std::unexpected(std::move(sent.error()));
            }
        }
        return Delivery{.next = records.back().sequence + 1, .refused = 0};
    }

    void cancel() override { socket_.cancel(); }

  private:
    static Result<void> put(const ledger::Record &record) {
        auto fields = journal_fields(record);
        std::vector<iovec> vectors;
        vectors.reserve(fields.size());
        for (auto &field : fields) {
            vectors.push_back({.iov_base = field.data(), .iov_len = field.size()});
        }
        const int sent = ::sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));
        if (sent < 0) {
            return fail_errno(sent == -EAGAIN || sent == -ENOBUFS ? Code::try_again : Code::failed,
                              "the journal does not take a record", -sent);
        }
        return {};
    }

    Datagrams socket_;
};

} // namespace

std::unique_ptr<Sink> journald_sink() {
    return std::make_unique<Journald>();
}

} // namespace dsmil::sinks
