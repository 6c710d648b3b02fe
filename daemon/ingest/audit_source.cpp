// SPDX-License-Identifier: Apache-2.0
#include "ingest/audit_source.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <format>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace dsmil::ingest {
namespace {

constexpr std::chrono::milliseconds first_pause{1'000};
constexpr std::chrono::milliseconds last_pause{60'000};
constexpr std::size_t reads_at_once = 64; // then others have their turn
constexpr std::uint64_t minute_ns = 60'000'000'000;

} // namespace

AuditSource::AuditSource(Reactor &reactor, const Log &log, const Clock &clock, ledger::Service &ledger)
    : reactor_(reactor), log_(log), clock_(clock), ledger_(ledger), retry_timer_(reactor) {}

void AuditSource::follow_socket(std::string path) {
    path_ = std::move(path);
    connect();
}

void AuditSource::follow_kernel(Fd socket) {
    fd_ = std::move(socket);
    watch_.emplace(reactor_, fd_.get());
    watch();
}

void AuditSource::stop() {
    retry_timer_.cancel();
    watch_.reset();
    fd_ = Fd();
    for (const auto &event : events_.flush()) {
        keep(event);
    }
    append();
}

void AuditSource::connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) {
        retry({Code::failed, std::format("{} is too long for a socket", path_), {}});
        return;
    }
    path_.copy(static_cast<char *>(address.sun_path), path_.size());
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0) {
        retry(fail_errno(errno == EACCES ? Code::permission : Code::failed,
                         std::format("auditd's plugin at {}", path_), errno)
                  .error());
        return;
    }
    fd_ = std::move(socket);
    rest_.clear();
    skipping_ = false;
    pause_ = {};
    log_.write({.level = LogLevel::info,
                .event_type = "audit_connected",
                .message = "following the kernel's audit",
                .context = {{"socket", path_}}});
    watch_.emplace(reactor_, fd_.get());
    watch();
}

void AuditSource::retry(const Error &why) {
    watch_.reset();
    fd_ = Fd();
    if (pause_.count() == 0) {
        log_.write_error(LogLevel::warning, "audit_disconnected", why);
    }
    pause_ = std::clamp(pause_ * 2, first_pause, last_pause);
    retry_timer_.start(pause_, [this] { connect(); });
}

void AuditSource::watch() {
    if (watch_) {
        watch_->start([this] { path_.empty() ? read_kernel() : read_socket(); });
    }
}

void AuditSource::read_socket() {
    std::array<char, 16'384> buffer{};
    for (std::size_t i = 0; i < reads_at_once; i++) {
        const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (got <= 0) {
            append();
            retry({Code::failed, std::format("auditd's plugin at {} has ended", path_), {}});
            return;
        }
        std::string_view text(buffer.data(), static_cast<std::size_t>(got));
        while (!text.empty()) {
            const auto end = text.find('\n');
            if (!skipping_) {
                rest_ += text.substr(0, end);
            }
            if (rest_.size() > max_audit_line_bytes) {
                rest_.clear();
                skipping_ = true;
            }
            if (end == std::string_view::npos) {
                break;
            }
            hear(skipping_ ? std::nullopt : parse_audit_line(rest_));
            rest_.clear();
            skipping_ = false;
            text.remove_prefix(end + 1);
        }
    }
    append();
    watch();
}

void AuditSource::read_kernel() {
    alignas(nlmsghdr) std::array<char, max_audit_line_bytes> buffer{};
    for (std::size_t i = 0; i < reads_at_once; i++) {
        const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && errno == ENOBUFS) { // The kernel does not say how many.
            lose(1);
            continue;
        }
        if (got < 0) {
            break;
        }
        nlmsghdr header{};
        const auto size = static_cast<std::size_t>(got);
        if (size < sizeof(header)) {
            hear(std::nullopt);
            continue;
        }
        std::copy_n(buffer.data(), sizeof(header), reinterpret_cast<char *>(&header));
        // The length in the header of audit's messages does not count the header in old kernels:
        // a datagram has one message, up to its end.
        std::string_view text(buffer.data() + sizeof(header), size - sizeof(header));
        text = text.substr(0, text.find('\0'));
        hear(parse_audit_message(header.nlmsg_type, text));
    }
    append();
    watch();
}

void AuditSource::hear(std::optional<AuditLine> line) {
    counts_.lines++;
    if (!line) {
        counts_.malformed++;
        return;
    }
    for (const auto &event : events_.take(std::move(*line))) {
        keep(event);
    }
}

void AuditSource::keep(const std::vector<AuditLine> &event) {
    auto record = audit_record(event);
    if (!record) {
        return;
    }
    const std::uint64_t minute = clock_.boottime_ns() / minute_ns;
    this_minute_ = minute == std::exchange(minute_, minute) ? this_minute_ : 0;
    if (waiting_.size() >= max_waiting || this_minute_ >= max_per_minute) {
        lose(1);
        return;
    }
    this_minute_++;
    const auto own = ledger_.own_record({}, {});
    record->boot_id = own.boot_id;
    record->boottime_ns = own.boottime_ns;
    waiting_.push_back(std::move(*record));
}

void AuditSource::lose(std::uint64_t count) {
    counts_.lost += count;
    lost_ += count;
}

void AuditSource::append() {
    if (appending_ || (waiting_.empty() && lost_ == 0)) {
        return;
    }
    auto records = std::exchange(waiting_, {});
    if (const auto lost = std::exchange(lost_, 0); lost > 0) {
        auto gap = ledger_.own_record("gap", "lost");
        gap.source = "audit";
        gap.values = {{"count", lost}};
        records.push_back(std::move(gap));
    }
    appending_ = true;
    const std::uint64_t count = records.size();
    ledger_.append(std::move(records), [this, count](const Result<ledger::Appended> &kept) {
        appending_ = false;
        if (kept) {
            counts_.records += count;
        } else {
            lose(count);
            log_.write_error(LogLevel::error, "ledger_append_failed", kept.error());
            return; // with the next line
        }
        append();
    });
}

} // namespace dsmil::ingest
