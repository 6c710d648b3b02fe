// SPDX-License-Identifier: Apache-2.0
#include "dsmil/netlink.hpp"

#include "netlink_decode.hpp"

#include <array>
#include <cerrno>
#include <format>
#include <linux/dsmil_netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

namespace dsmil {
namespace {

// Room for a burst of a few thousand events in the socket.
constexpr int receive_buffer_bytes = 4 << 20;
constexpr std::size_t message_bytes = 65536;
constexpr int dump_attempts = 5;

struct SocketFree {
    void operator()(nl_sock *socket) const { nl_socket_free(socket); }
};
using Socket = std::unique_ptr<nl_sock, SocketFree>;

// A libnl error (negative) as ours.
Error netlink_error(std::string doing, int number) {
    const auto code = [number] {
        switch (-number) {
        case NLE_OBJ_NOTFOUND:
            return Code::module_missing;
        case NLE_PERM:
        case NLE_NOACCESS:
            return Code::permission;
        case NLE_NODEV:
            return Code::firmware_missing;
        case NLE_OPNOTSUPP:
            return Code::abi_mismatch;
        default:
            return Code::failed;
        }
    }();
    return {code, std::move(doing), {nl_geterror(number)}};
}

Result<Socket> connect() {
    Socket socket(nl_socket_alloc());
    if (!socket) {
        return fail(Code::failed, "out of memory for a netlink socket");
    }
    if (const int number = genl_connect(socket.get()); number < 0) {
        return std::unexpected(netlink_error("opening a netlink socket", number));
    }
    return socket;
}

// Adds what Decode makes of an answer to the vector at `to`.
template <auto Decode, typename T>
int keep(nl_msg *message, void *to) {
    const auto *header = static_cast<const genlmsghdr *>(nlmsg_data(nlmsg_hdr(message)));
    static_cast<std::vector<T> *>(to)->push_back(
        Decode(genlmsg_attrdata(header, 0), genlmsg_attrlen(header, 0)));
    return NL_OK;
}

// A dump; one that a change spoils while it is made is begun again.
template <auto Decode>
auto dump(nl_sock *socket, int family, std::uint8_t command) {
    using T = decltype(Decode(nullptr, 0));
    std::vector<T> all;
    int number = -NLE_DUMP_INTR;
    for (int attempt = 0; number == -NLE_DUMP_INTR && attempt < dump_attempts; attempt++) {
        all.clear();
        nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, keep<Decode, T>, &all);
        number = genl_send_simple(socket, family, command, DSMIL_GENL_VERSION, NLM_F_DUMP);
        if (number >= 0) {
            number = nl_recvmsgs_default(socket);
        }
    }
    return number < 0 ? Result<std::vector<T>>(std::unexpected(netlink_error("asking over netlink", number)))
                      : Result<std::vector<T>>(std::move(all));
}

} // namespace

struct Netlink::Impl {
    Socket requests;
    Socket events; // of its own, so that no event comes between a request and its answer
    int family = 0;
};

Netlink::Netlink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Netlink::Netlink(Netlink &&) noexcept = default;
Netlink &Netlink::operator=(Netlink &&) noexcept = default;
Netlink::~Netlink() = default;

Result<Netlink> Netlink::open() {
    auto requests = connect();
    if (!requests) {
        return std::unexpected(std::move(requests.error()));
    }
    auto events = connect();
    if (!events) {
        return std::unexpected(std::move(events.error()));
    }
    auto impl = std::make_unique<Impl>();
    impl->family = genl_ctrl_resolve(requests->get(), DSMIL_GENL_NAME);
    if (impl->family < 0) {
        return std::unexpected(netlink_error("looking for the netlink family dsmil", impl->family));
    }
    impl->requests = std::move(*requests);
    impl->events = std::move(*events);
    return Netlink(std::move(impl));
}

Result<std::vector<dsmil_device>> Netlink::devices() {
    return dump<decode_device>(impl_->requests.get(), impl_->family, DSMIL_CMD_DEVICE_GET);
}

Result<std::vector<Quarantined>> Netlink::quarantine() {
    return dump<decode_quarantined>(impl_->requests.get(), impl_->family, DSMIL_CMD_QUARANTINE_GET);
}

Result<std::vector<GrantKey>> Netlink::grant_keys() {
    return dump<decode_grant_key>(impl_->requests.get(), impl_->family, DSMIL_CMD_GRANT_KEY_GET);
}

Result<void> Netlink::join_events() {
    auto *socket = impl_->events.get();
    const int group = genl_ctrl_resolve_grp(impl_->requests.get(), DSMIL_GENL_NAME, DSMIL_GENL_EVENTS);
    if (group < 0) {
        return std::unexpected(netlink_error("looking for the netlink group events", group));
    }
    // More than the default only if the system allows it.
    (void)nl_socket_set_buffer_size(socket, receive_buffer_bytes, 0);
    if (const int number = nl_socket_add_membership(socket, group); number < 0) {
        return std::unexpected(netlink_error("joining the netlink group events needs CAP_SYS_ADMIN", number));
    }
    return {};
}

int Netlink::fd() const {
    return nl_socket_get_fd(impl_->events.get());
}

Result<std::vector<dsmil_event>> Netlink::receive() {
    alignas(NLMSG_ALIGNTO) std::array<char, message_bytes> buffer;
    std::vector<dsmil_event> events;
    for (int flags = 0;; flags = MSG_DONTWAIT) {
        sockaddr_nl sender{};
        socklen_t sender_size = sizeof(sender);
        const auto got = ::recvfrom(fd(), buffer.data(), buffer.size(), flags,
                                    reinterpret_cast<sockaddr *>(&sender), &sender_size);
        if (got < 0 && errno == ENOBUFS) {
            dsmil_event gap{};
            gap.size = sizeof(gap);
            gap.type = DSMIL_EVENT_GAP;
            gap.device_id = DSMIL_NO_DEVICE;
            events.push_back(gap);
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return events;
        }
        if (got < 0) {
            return fail_errno(Code::failed, "receiving from netlink", errno);
        }
        if (sender.nl_pid == 0) { // Only the kernel has this address; others may write to us too.
            decode_events(buffer.data(), static_cast<std::size_t>(got), impl_->family, events);
        }
    }
}

} // namespace dsmil
