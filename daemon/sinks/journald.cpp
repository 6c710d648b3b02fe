// SPDX-License-Identifier: Apache-2.0
#include "sinks/record_text.hpp"
#include "sinks/sink.hpp"

#include <cerrno>
#include <format>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>
// The journal then takes our fields and not this file's place in the source.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

namespace dsmil::sinks {
namespace {

// sd_journal_sendv(3) takes it for sent when nobody is there.
constexpr auto journal_socket = "/run/systemd/journal/socket";

class Journald final : public Sink {
  public:
    Result<Delivery> send(std::span<const ledger::Record> records) override {
        if (::access(journal_socket, W_OK) != 0) {
            return fail_errno(errno == EACCES ? Code::permission : Code::failed,
                              std::format("there is no journal: {}", journal_socket), errno);
        }
        for (const auto &record : records) {
            auto fields = journal_fields(record);
            std::vector<iovec> vectors;
            vectors.reserve(fields.size());
            for (auto &field : fields) {
                vectors.push_back({.iov_base = field.data(), .iov_len = field.size()});
            }
            if (const int sent = ::sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));
                sent < 0) {
                return fail_errno(sent == -EAGAIN || sent == -ENOBUFS ? Code::try_again : Code::failed,
                                  "the journal does not take a record", -sent);
            }
        }
        return Delivery{.next = records.back().sequence + 1, .refused = 0};
    }
};

} // namespace

std::unique_ptr<Sink> journald_sink() {
    return std::make_unique<Journald>();
}

} // namespace dsmil::sinks
