// SPDX-License-Identifier: Apache-2.0
#include "dsmil/client.hpp"

#include "kernel_error.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <format>
#include <sys/ioctl.h>

namespace dsmil {
namespace {

// A struct of the ABI with its size set.
template <typename T>
T sized() {
    T argument{};
    argument.size = sizeof(T);
    return argument;
}

// 0 or an errno value.
template <typename T>
int call(const Fd &fd, unsigned long command, T &argument) {
    return ::ioctl(fd.get(), command, &argument) < 0 ? errno : 0;
}

Result<Fd> open_node(const std::string &node, int flags) {
    // Nobody opens a node to wait: O_NONBLOCK matters for nothing but FIFOs put in its place.
    Fd fd(::open(node.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) {
        return std::unexpected(open_error(node, errno));
    }
    return fd;
}

std::uint16_t token_of(std::uint16_t id, Register reg) {
    return static_cast<std::uint16_t>(DSMIL_TOKEN_BASE + DSMIL_REGISTER_COUNT * (id - DSMIL_DEVICE_ID_BASE) +
                                      static_cast<int>(reg));
}

// ctl outlives the firmware: ENODEV there means that none is loaded.
std::unexpected<Error> control_error(const std::string &what, int number) {
    auto error = ioctl_error(what, number);
    if (number == ENODEV) {
        error.code = Code::firmware_missing;
    }
    return std::unexpected(std::move(error));
}

// The device does not answer or has no node: is that so for this board, or is
// the whole firmware away? Only ctl can tell, if the caller may open it.
Error absence(Error error, Code without_firmware, std::uint16_t id, const Paths &paths) {
    const auto control = Control::open(paths);
    if (!control) {
        if (control.error().code != Code::permission) {
            error = control.error();
        }
        return error;
    }
    const auto info = control->info();
    if (info && info->firmware_kind == DSMIL_FIRMWARE_NONE) {
        error.code = without_firmware;
    } else if (info) {
        error.code = Code::device_absent;
        error.detail = std::format("this board lacks {}", describe_id(id));
    }
    return error;
}

} // namespace

Result<Control> Control::open(const Paths &paths) {
    auto fd = open_node(paths.nodes + "/ctl", O_RDONLY);
    if (!fd) {
        return std::unexpected(std::move(fd.error()));
    }
    Control control(std::move(*fd));
    const auto info = control.info();
    if (!info) {
        return std::unexpected(info.error());
    }
    if (info->api_version != DSMIL_API_VERSION) {
        return fail(Code::abi_mismatch,
                    std::format("the module speaks version {} of the interface, this program version {}",
                                info->api_version, DSMIL_API_VERSION));
    }
    return control;
}

Result<dsmil_info> Control::info() const {
    auto info = sized<dsmil_info>();
    if (const int number = call(fd_, DSMIL_IOC_INFO, info)) {
        return control_error("asking for the module's state", number);
    }
    return info;
}

Result<dsmil_device> Control::device(std::uint16_t id) const {
    auto device = sized<dsmil_device>();
    device.id = id;
    if (const int number = call(fd_, DSMIL_IOC_DEVICE_GET, device)) {
        return control_error(std::format("asking about {}", describe_id(id)), number);
    }
    return device;
}

Result<std::vector<dsmil_device>> Control::devices() const {
    std::vector<dsmil_device> all;
    std::array<dsmil_device, DSMIL_DEVICE_COUNT> page{};
    for (;;) {
        auto list = sized<dsmil_device_list>();
        list.first = static_cast<std::uint32_t>(all.size());
        list.count = static_cast<std::uint32_t>(page.size());
        list.stride = sizeof(dsmil_device);
        list.devices = reinterpret_cast<std::uintptr_t>(page.data());
        if (const int number = call(fd_, DSMIL_IOC_DEVICE_LIST, list)) {
            return control_error("listing the devices", number);
        }
        const auto count = std::min<std::size_t>(list.count, page.size());
        all.insert(all.end(), page.begin(), page.begin() + static_cast<std::ptrdiff_t>(count));
        if (count == 0 || all.size() >= list.total) {
            return all;
        }
    }
}

Result<BatchOutcome> Control::batch(std::span<dsmil_batch_operation> operations, OnFailure on_failure) const {
    if (operations.empty() || operations.size() > DSMIL_BATCH_MAX) {
        return fail(Code::usage, std::format("a batch has 1 to {} operations, not {}", DSMIL_BATCH_MAX,
                                             operations.size()));
    }
    auto batch = sized<dsmil_reg_batch>();
    batch.flags = on_failure == OnFailure::stop ? DSMIL_BATCH_STOP : 0;
    batch.count = static_cast<std::uint32_t>(operations.size());
    batch.stride = sizeof(dsmil_batch_operation);
    batch.operations = reinterpret_cast<std::uintptr_t>(operations.data());
    switch (const int number = call(fd_, DSMIL_IOC_REG_BATCH, batch)) {
    case 0:
        return BatchOutcome{batch.failed, batch.sequence};
    case EAGAIN:
        return fail_errno(Code::audit_full, "the batch was not begun", number);
    default:
        return control_error("running a batch", number);
    }
}

Result<void> Control::add_quarantine(std::uint16_t id) const {
    auto add = sized<dsmil_quarantine_add>();
    add.device_id = id;
    const auto what = std::format("adding {} to the quarantine", describe_id(id));
    switch (const int number = call(fd_, DSMIL_IOC_QUARANTINE_ADD, add)) {
    case 0:
        return {};
    case EPERM:
        return fail_errno(Code::capability_required, what + " needs CAP_SYS_ADMIN", number);
    case ENODEV:
        return fail_errno(Code::device_unknown, what, number);
    default:
        return std::unexpected(ioctl_error(what, number));
    }
}

Result<std::array<std::uint8_t, 32>> Control::add_grant_key(std::span<const std::uint8_t, 64> point,
                                                            std::string_view owner) const {
    auto add = sized<dsmil_grant_key_add>();
    const auto what = std::format("enrolling a grant key of {}", owner);
    if (owner.size() >= sizeof(add.owner)) {
        return fail(Code::usage,
                    std::format("the owner's name has more than {} characters", sizeof(add.owner) - 1));
    }
    std::ranges::copy(point, add.point);
    std::ranges::copy(owner, add.owner);
    switch (const int number = call(fd_, DSMIL_IOC_GRANT_KEY_ADD, add)) {
    case 0:
        return std::to_array(add.key_id);
    case EPERM:
        return fail_errno(Code::capability_required, what + " needs CAP_SYS_ADMIN", number);
    case EINVAL:
        return fail_errno(Code::usage, what + ": it is no point of P-256, or the name is not printable",
                          number);
    case EEXIST:
        return fail_errno(Code::conflict, what + ": it is enrolled already", number);
    case EROFS:
        return fail_errno(Code::conflict, what + ": the list is sealed until the module is loaded again",
                          number);
    case ENOSPC:
        return fail_errno(Code::conflict, what + ": the list is full", number);
    case EAGAIN:
        return fail_errno(Code::audit_full, what + ": nothing was done", number);
    case EOPNOTSUPP:
        return fail_errno(Code::refused_grant_unsupported, what, number);
    default:
        return std::unexpected(ioctl_error(what, number));
    }
}

Result<void> Control::seal_grant_keys() const {
    auto seal = sized<dsmil_grant_key_seal>();
    switch (const int number = call(fd_, DSMIL_IOC_GRANT_KEY_SEAL, seal)) {
    case 0:
        return {};
    case EPERM:
        return fail_errno(Code::capability_required, "sealing the grant keys needs CAP_SYS_ADMIN", number);
    default:
        return std::unexpected(ioctl_error("sealing the grant keys", number));
    }
}

Result<Device> Device::open(std::uint16_t id, Access access, const Paths &paths) {
    const auto node = std::format("{}/{:04x}", paths.nodes, id);
    auto fd = open_node(node, access == Access::read ? O_RDONLY : O_RDWR);
    if (fd) {
        return Device(std::move(*fd), id, paths);
    }
    auto error = std::move(fd.error());
    if (error.code == Code::module_missing || error.code == Code::firmware_gone) {
        return std::unexpected(absence(std::move(error), Code::firmware_missing, id, paths));
    }
    return std::unexpected(std::move(error));
}

Result<std::uint32_t> Device::read(Register reg) const {
    auto read = sized<dsmil_reg_read>();
    read.reg = static_cast<std::uint32_t>(reg);
    const int number = call(fd_, DSMIL_IOC_REG_READ, read);
    if (number == 0) {
        return read.value;
    }
    auto error = ioctl_error(std::format("reading {}", describe_token(token_of(id_, reg))), number);
    if (number == ENODEV) {
        return std::unexpected(absence(std::move(error), Code::firmware_gone, id_, paths_));
    }
    return std::unexpected(std::move(error));
}

Result<WriteOutcome> Device::write(Register reg, std::uint32_t value,
                                   std::span<const std::uint8_t> grant) const {
    auto write = sized<dsmil_reg_write>();
    write.reg = static_cast<std::uint32_t>(reg);
    write.value = value;
    write.grant = reinterpret_cast<std::uintptr_t>(grant.data());
    write.grant_length = static_cast<std::uint32_t>(grant.size());
    const int number = call(fd_, DSMIL_IOC_REG_WRITE, write);
    if (number == 0) {
        return WriteOutcome{write.sequence};
    }
    auto error = write_error(token_of(id_, reg), write, number);
    if (number == ENODEV) {
        return std::unexpected(absence(std::move(error), Code::firmware_gone, id_, paths_));
    }
    return std::unexpected(std::move(error));
}

dsmil_batch_operation Device::reading(Register reg) const {
    dsmil_batch_operation operation{};
    operation.fd = fd_.get();
    operation.operation = DSMIL_BATCH_READ;
    operation.reg = static_cast<std::uint8_t>(reg);
    return operation;
}

dsmil_batch_operation Device::writing(Register reg, std::uint32_t value,
                                      std::span<const std::uint8_t> grant) const {
    auto operation = reading(reg);
    operation.grant = reinterpret_cast<std::uintptr_t>(grant.data());
    operation.grant_length = static_cast<std::uint32_t>(grant.size());
    operation.operation = DSMIL_BATCH_WRITE;
    operation.value = value;
    return operation;
}

Result<AuditRing> AuditRing::open(const Control &control) {
    auto ring = sized<dsmil_event_ring>();
    ring.kind = DSMIL_RING_AUDIT;
    switch (const int number = call(control.descriptor(), DSMIL_IOC_EVENT_RING, ring)) {
    case 0:
        return adopt(Fd(ring.fd));
    case EPERM:
        return fail_errno(Code::capability_required, "opening the audit ring needs CAP_SYS_ADMIN", number);
    case EBUSY:
        return fail_errno(Code::conflict, "the audit ring has a reader already", number);
    default:
        return std::unexpected(ioctl_error("opening the audit ring", number));
    }
}

AuditRing AuditRing::adopt(Fd fd) {
    // read() promises an empty answer when nothing waits. A descriptor that takes no flags fails there.
    ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    return AuditRing(std::move(fd));
}

int AuditRing::fd() const {
    return fd_.get();
}

Result<std::vector<dsmil_event>> AuditRing::read(std::size_t limit) const {
    std::vector<dsmil_event> events(limit);
    const auto got = ::read(fd_.get(), events.data(), limit * sizeof(dsmil_event));
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return std::vector<dsmil_event>{};
        }
        return std::unexpected(ioctl_error("reading the audit ring", errno));
    }
    const auto bytes = static_cast<std::size_t>(got);
    events.resize(bytes / sizeof(dsmil_event));
    const auto strange = [](const dsmil_event &event) { return event.size != sizeof(dsmil_event); };
    if (bytes % sizeof(dsmil_event) != 0 || std::ranges::any_of(events, strange)) {
        return fail(Code::abi_mismatch,
                    "the module's audit records have a layout that this program does not know");
    }
    return events;
}

Result<void> AuditRing::advance(std::uint64_t up_to) const {
    auto advance = sized<dsmil_ring_advance>();
    advance.up_to = up_to;
    const auto what = std::format("acknowledging the audit records before {}", up_to);
    switch (const int number = call(fd_, DSMIL_IOC_RING_ADVANCE, advance)) {
    case 0:
        return {};
    case ERANGE:
        return fail_errno(Code::conflict, what, number);
    default:
        return std::unexpected(ioctl_error(what, number));
    }
}

Fd AuditRing::release() && {
    return std::move(fd_);
}

} // namespace dsmil
