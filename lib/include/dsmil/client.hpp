// SPDX-License-Identifier: Apache-2.0
// The client of the kernel ABI (include/uapi/linux/dsmil.h): the only place of
// the project, tests of the ABI aside, that makes its ioctls. Blocking; an
// object belongs to one thread at a time.
#pragma once

#include "dsmil/catalog.hpp"
#include "dsmil/error.hpp"
#include "dsmil/fd.hpp"

#include <array>
#include <cstdint>
#include <linux/dsmil.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil {

// Where the nodes are; tests point it elsewhere.
struct Paths {
    std::string nodes = "/dev/dsmil";
};

// What came of a batch.
struct BatchOutcome {
    std::uint32_t failed;   // results that are not 0
    std::uint64_t sequence; // of the audit event; 0 if it is only counted, or nothing was asked
};

// /dev/dsmil/ctl: metadata, no registers. Needs read permission on the node
// (root or group dsmil): module_missing or permission otherwise.
class Control {
  public:
    [[nodiscard]] static Result<Control> open(const Paths &paths = {});

    [[nodiscard]] Result<dsmil_info> info() const; // with or without firmware
    // firmware_missing without firmware.
    [[nodiscard]] Result<dsmil_device> device(std::uint16_t id) const;
    [[nodiscard]] Result<std::vector<dsmil_device>> devices() const;

    // Up to DSMIL_BATCH_MAX operations (see Device::reading and ::writing) in
    // order, in one system call and one audit event. Each gets its result: 0 or
    // -errno; the batch itself fails only with nothing done, with audit_full when
    // it has a write that could not be recorded.
    enum class OnFailure : std::uint8_t { go_on, stop };
    [[nodiscard]] Result<BatchOutcome> batch(std::span<dsmil_batch_operation> operations,
                                             OnFailure on_failure = OnFailure::go_on) const;

    [[nodiscard]] const Fd &descriptor() const { return fd_; } // of the node

    // These need CAP_SYS_ADMIN (capability_required) and last until the module is
    // unloaded. Quarantines a device, for good.
    [[nodiscard]] Result<void> add_quarantine(std::uint16_t id) const;
    // Enrols a key whose grants count: X and Y of a P-256 point, big-endian, and who
    // holds it (1 to 31 printable characters). Gives the key's id. conflict: it is
    // enrolled already, the list is sealed or full; usage: no point, no owner;
    // refused_grant_unsupported: this kernel cannot check signatures.
    [[nodiscard]] Result<std::array<std::uint8_t, 32>> add_grant_key(std::span<const std::uint8_t, 64> point,
                                                                     std::string_view owner) const;
    [[nodiscard]] Result<void> seal_grant_keys() const;

  private:
    explicit Control(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

// What came of a write that reached a decision.
struct WriteOutcome {
    std::uint64_t sequence; // of the audit record; 0 if it is only counted
};

// /dev/dsmil/8000 .. 806b: one device's registers.
class Device {
  public:
    enum class Access : std::uint8_t { read, read_write };
    // device_absent when the board lacks it, firmware_missing when there is no firmware.
    [[nodiscard]] static Result<Device> open(std::uint16_t id, Access access, const Paths &paths = {});

    [[nodiscard]] Result<std::uint32_t> read(Register reg) const;
    // A refusal by the guard is an error with one of the refused_ codes or
    // capability_required, whose detail names the token and the rule.
    // With a grant (struct dsmil_grant_body and its signatures) it must hold, and is
    // used up when the firmware is called: refused_grant otherwise.
    [[nodiscard]] Result<WriteOutcome> write(Register reg, std::uint32_t value,
                                             std::span<const std::uint8_t> grant = {}) const;

    // For Control::batch(), as long as this object and the grant's bytes live.
    [[nodiscard]] dsmil_batch_operation reading(Register reg) const;
    [[nodiscard]] dsmil_batch_operation writing(Register reg, std::uint32_t value,
                                                std::span<const std::uint8_t> grant = {}) const;

  private:
    Device(Fd fd, std::uint16_t id, Paths paths) : fd_(std::move(fd)), id_(id), paths_(std::move(paths)) {}
    Fd fd_;
    std::uint16_t id_;
    Paths paths_;
};

// The audit ring: one reader at a time, needs CAP_SYS_ADMIN to open. Records
// come again to the next reader until advance() acknowledged them.
class AuditRing {
  public:
    [[nodiscard]] static Result<AuditRing> open(const Control &control);
    // Takes over a descriptor that another process opened (socket activation).
    [[nodiscard]] static AuditRing adopt(Fd fd);

    [[nodiscard]] int fd() const; // for poll; POLLIN when records wait
    // At most `limit` (1 ..) records; an empty vector when none waits.
    [[nodiscard]] Result<std::vector<dsmil_event>> read(std::size_t limit) const;
    // Acknowledges every record with a sequence below up_to.
    [[nodiscard]] Result<void> advance(std::uint64_t up_to) const;

    // Gives the descriptor away (to a child process).
    [[nodiscard]] Fd release() &&;

  private:
    explicit AuditRing(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

} // namespace dsmil
