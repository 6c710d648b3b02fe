// SPDX-License-Identifier: Apache-2.0
#include "interposer.hpp"

#include "dsmil/fd.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace dsmil::test {

struct Interposer::Connection {
    TSS2_TCTI_CONTEXT_COMMON_V2 common{}; // first: tpm2-tss sees only this
    Interposer *owner = nullptr;
    tpm::Tcti beneath{nullptr, nullptr};
    Fd timer; // readable when the answer may be seen
    TPM2_CC command = 0;
    bool busy = false; // the command went nowhere
};

namespace {

constexpr std::size_t code_at = 6; // in a command's header
constexpr std::array<std::uint8_t, 10> retry = {0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x09, 0x22}; // TPM_RC_RETRY

Interposer::Connection &of(TSS2_TCTI_CONTEXT *context) {
    return *reinterpret_cast<Interposer::Connection *>(context);
}

void arm(const Fd &timer, std::chrono::nanoseconds duration) {
    const auto shown = std::max<std::chrono::nanoseconds>(duration, std::chrono::nanoseconds(1));
    itimerspec when{};
    when.it_value.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(shown).count();
    when.it_value.tv_nsec = (shown % std::chrono::seconds(1)).count();
    ::timerfd_settime(timer.get(), 0, &when, nullptr);
}

void disarm(const Fd &timer) {
    const itimerspec never{};
    ::timerfd_settime(timer.get(), 0, &never, nullptr);
}

bool may_be_seen(const Fd &timer, std::int32_t timeout) {
    pollfd waiting{timer.get(), POLLIN, 0};
    return ::poll(&waiting, 1, timeout) == 1;
}

TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, std::size_t size, const std::uint8_t *command) {
    return of(context).owner->transmit(of(context), size, command);
}

TSS2_RC receive(TSS2_TCTI_CONTEXT *context, std::size_t *size, std::uint8_t *answer, std::int32_t timeout) {
    return of(context).owner->receive(of(context), *size, answer, timeout);
}

void finalize(TSS2_TCTI_CONTEXT * /*context*/) {} // The deleter of the Tcti does it.

TSS2_RC cancel(TSS2_TCTI_CONTEXT * /*context*/) {
    return TSS2_TCTI_RC_NOT_IMPLEMENTED; // as the kernel's node
}

TSS2_RC poll_handles(TSS2_TCTI_CONTEXT *context, TSS2_TCTI_POLL_HANDLE *handles, std::size_t *count) {
    *count = 1;
    if (handles != nullptr) {
        handles->fd = of(context).timer.get();
        handles->events = POLLIN | POLLOUT; // as tpm2-tss does for the kernel's node
    }
    return TSS2_RC_SUCCESS;
}

TSS2_RC locality(TSS2_TCTI_CONTEXT * /*context*/, std::uint8_t /*number*/) {
    return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

} // namespace

void Interposer::delay(TPM2_CC command, std::chrono::nanoseconds duration) {
    const std::scoped_lock lock(mutex_);
    delays_[command] = duration;
}

void Interposer::hold(TPM2_CC command) {
    const std::scoped_lock lock(mutex_);
    holds_[command] = true;
}

void Interposer::release() {
    const std::scoped_lock lock(mutex_);
    holds_.clear();
    if (held_ != nullptr) {
        arm(std::exchange(held_, nullptr)->timer, {});
    }
}

void Interposer::busy(TPM2_CC command, unsigned times) {
    const std::scoped_lock lock(mutex_);
    busy_[command] = times;
}

void Interposer::change(TPM2_CC command, Alter alter) {
    const std::scoped_lock lock(mutex_);
    changes_[command].push_back(std::move(alter));
}

std::vector<TPM2_CC> Interposer::commands() const {
    const std::scoped_lock lock(mutex_);
    return commands_;
}

bool Interposer::saw(TPM2_CC command) const {
    return std::ranges::contains(commands(), command);
}

Bytes Interposer::take_traffic() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(traffic_, {});
}

tpm::TctiOpener Interposer::opener(tpm::TctiOpener beneath) {
    return [this, beneath = std::move(beneath)](const std::string &tcti) -> Result<tpm::Tcti> {
        auto opened = beneath(tcti);
        if (!opened) {
            return opened;
        }
        auto connection = std::make_unique<Connection>();
        auto &common = connection->common;
        common.v1 = {.magic = 0x64736d696c2d7473,
                     .version = 2,
                     .transmit = test::transmit,
                     .receive = test::receive,
                     .finalize = finalize,
                     .cancel = cancel,
                     .getPollHandles = poll_handles,
                     .setLocality = locality};
        connection->owner = this;
        connection->beneath = std::move(*opened);
        connection->timer = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
        return tpm::Tcti(reinterpret_cast<TSS2_TCTI_CONTEXT *>(connection.release()),
                         [](TSS2_TCTI_CONTEXT *context) {
                             auto &gone = of(context);
                             const std::scoped_lock lock(gone.owner->mutex_);
                             if (gone.owner->held_ == &gone) {
                                 gone.owner->held_ = nullptr;
                             }
                             delete &gone; // NOLINT(cppcoreguidelines-owning-memory)
                         });
    };
}

TSS2_RC Interposer::transmit(Connection &connection, std::size_t size, const std::uint8_t *command) {
    const std::scoped_lock lock(mutex_);
    traffic_.insert(traffic_.end(), command, command + size);
    TPM2_CC code = 0;
    for (std::size_t i = 0; i < sizeof(code); i++) {
        code = code << 8U | command[code_at + i];
    }
    commands_.push_back(code);
    connection.command = code;
    if (holds_.erase(code) != 0) {
        disarm(connection.timer);
        held_ = &connection;
    } else {
        const auto slow = delays_.find(code);
        arm(connection.timer, slow != delays_.end() ? slow->second : std::chrono::nanoseconds(0));
    }
    connection.busy = busy_[code] > 0;
    if (connection.busy) {
        busy_[code]--;
        return TSS2_RC_SUCCESS;
    }
    return Tss2_Tcti_Transmit(connection.beneath.get(), size, command);
}

TSS2_RC Interposer::receive(Connection &connection, std::size_t &size, std::uint8_t *answer,
                            std::int32_t timeout) {
    if (!may_be_seen(connection.timer, timeout)) {
        return TSS2_TCTI_RC_TRY_AGAIN;
    }
    if (connection.busy) {
        size = retry.size();
        if (answer != nullptr) {
            std::ranges::copy(retry, answer);
        }
        return TSS2_RC_SUCCESS;
    }
    if (answer == nullptr) { // asks only for the size
        return Tss2_Tcti_Receive(connection.beneath.get(), &size, nullptr, TSS2_TCTI_TIMEOUT_BLOCK);
    }
    const std::size_t capacity = size;
    const TSS2_RC code = Tss2_Tcti_Receive(connection.beneath.get(), &size, answer, TSS2_TCTI_TIMEOUT_BLOCK);
    if (code != TSS2_RC_SUCCESS) {
        return code;
    }
    const std::scoped_lock lock(mutex_);
    Bytes bytes(answer, answer + size);
    if (auto &changes = changes_[connection.command]; !changes.empty()) {
        changes.front()(bytes);
        changes.pop_front();
        std::fill_n(answer, size, 0); // tpm2-tss would find the old one there
    }
    size = std::min(bytes.size(), capacity);
    std::copy_n(bytes.begin(), size, answer);
    traffic_.insert(traffic_.end(), bytes.begin(), bytes.end());
    return TSS2_RC_SUCCESS;
}

} // namespace dsmil::test
