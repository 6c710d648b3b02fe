// SPDX-License-Identifier: Apache-2.0
#include "netlink_decode.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <linux/dsmil_netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string>
#include <string_view>

namespace dsmil {
namespace {

// An integer attribute of exactly that size, or zero.
template <typename Wire, typename Field>
void set(Field &field, const nlattr *attribute) {
    Wire value{};
    if (nla_len(attribute) == static_cast<int>(sizeof(value))) {
        std::memcpy(&value, nla_data(attribute), sizeof(value));
    }
    field = static_cast<Field>(value);
}

template <typename Field>
void set32(Field &field, const nlattr *attribute) {
    set<std::uint32_t>(field, attribute);
}

// A binary attribute of exactly that size; of any other, nothing.
template <typename Field>
void set_bytes(Field &field, const nlattr *attribute) {
    if (nla_len(attribute) == static_cast<int>(sizeof(field))) {
        std::memcpy(&field, nla_data(attribute), sizeof(field));
    }
}

// A string attribute up to its NUL, if it has one.
std::string text(const nlattr *attribute) {
    const std::string_view all(static_cast<const char *>(nla_data(attribute)),
                               static_cast<std::size_t>(nla_len(attribute)));
    return std::string(all.substr(0, all.find('\0')));
}

// A string attribute, cut to the field, which keeps its NUL.
template <std::size_t N>
void set_text(char (&field)[N], const nlattr *attribute) {
    const auto size = std::min(static_cast<std::size_t>(nla_len(attribute)), N - 1);
    std::memcpy(field, nla_data(attribute), size);
}

void set_device(dsmil_device &device, const nlattr *attribute, std::size_t &risks, std::size_t &reasons) {
    switch (nla_type(attribute)) {
    case DSMIL_A_DEVICE_ID:
        return set32(device.id, attribute);
    case DSMIL_A_DEVICE_NUMBER:
        return set32(device.number, attribute);
    case DSMIL_A_DEVICE_TOKEN_BASE:
        return set32(device.token_base, attribute);
    case DSMIL_A_DEVICE_NAME:
        return set_text(device.name, attribute);
    case DSMIL_A_DEVICE_GROUP:
        return set32(device.group, attribute);
    case DSMIL_A_DEVICE_GROUP_NAME:
        return set_text(device.group_name, attribute);
    case DSMIL_A_DEVICE_RISK:
        return set32(device.risk, attribute);
    case DSMIL_A_DEVICE_PRESENT:
        return set32(device.present, attribute);
    case DSMIL_A_DEVICE_LAYER:
        return set32(device.layer, attribute);
    case DSMIL_A_DEVICE_LAYER_NAME:
        return set_text(device.layer_name, attribute);
    case DSMIL_A_DEVICE_SERVICE_NAME:
        return set_text(device.service_name, attribute);
    case DSMIL_A_DEVICE_CLEARANCE:
        return set32(device.clearance, attribute);
    case DSMIL_A_DEVICE_REGISTER_RISK:
        if (risks < DSMIL_REGISTER_COUNT) {
            set32(device.register_risk[risks++], attribute);
        }
        return;
    case DSMIL_A_DEVICE_REGISTER_REASON:
        if (reasons < DSMIL_REGISTER_COUNT) {
            set32(device.register_reason[reasons++], attribute);
        }
        return;
    default:
        return;
    }
}

void set_event(dsmil_event &event, const nlattr *attribute) {
    switch (nla_type(attribute)) {
    case DSMIL_A_EVENT_TYPE:
        return set32(event.type, attribute);
    case DSMIL_A_EVENT_DEVICE_ID:
        return set32(event.device_id, attribute);
    case DSMIL_A_EVENT_SEQUENCE:
        return set<std::uint64_t>(event.sequence, attribute);
    case DSMIL_A_EVENT_BOOTTIME_NS:
        return set<std::uint64_t>(event.boottime_ns, attribute);
    case DSMIL_A_EVENT_REALTIME_NS:
        return set<std::uint64_t>(event.realtime_ns, attribute);
    case DSMIL_A_EVENT_LOAD_ID:
        return set_bytes(event.load_id, attribute);
    case DSMIL_A_EVENT_TOKEN:
        return set32(event.token, attribute);
    case DSMIL_A_EVENT_RULE_TOKEN:
        return set32(event.rule_token, attribute);
    case DSMIL_A_EVENT_REG:
        return set32(event.reg, attribute);
    case DSMIL_A_EVENT_RISK:
        return set32(event.risk, attribute);
    case DSMIL_A_EVENT_REASON:
        return set32(event.reason, attribute);
    case DSMIL_A_EVENT_FIRMWARE_KIND:
        return set32(event.firmware_kind, attribute);
    case DSMIL_A_EVENT_VALUE:
        return set32(event.value, attribute);
    case DSMIL_A_EVENT_RESULT:
        return set<std::int32_t>(event.result, attribute);
    case DSMIL_A_EVENT_COUNT:
        return set<std::uint64_t>(event.count, attribute);
    case DSMIL_A_EVENT_FIRST_NS:
        return set<std::uint64_t>(event.first_ns, attribute);
    case DSMIL_A_EVENT_UID:
        return set32(event.uid, attribute);
    case DSMIL_A_EVENT_PID:
        return set32(event.pid, attribute);
    case DSMIL_A_EVENT_COMM:
        return set_text(event.comm, attribute);
    case DSMIL_A_EVENT_CGROUP_ID:
        return set<std::uint64_t>(event.cgroup_id, attribute);
    case DSMIL_A_EVENT_DETAIL:
        return set_bytes(event.detail, attribute);
    default:
        return;
    }
}

} // namespace

dsmil_device decode_device(const nlattr *attributes, int length) {
    dsmil_device device{};
    device.size = sizeof(device);
    std::size_t risks = 0;
    std::size_t reasons = 0;
    // nla_ok takes a negative rest, which an unaligned last attribute leaves, for a huge one.
    for (int left = length; left > 0 && nla_ok(attributes, left) != 0;
         attributes = nla_next(attributes, &left)) {
        set_device(device, attributes, risks, reasons);
    }
    return device;
}

Quarantined decode_quarantined(const nlattr *attributes, int length) {
    Quarantined device{};
    std::uint32_t added = 0;
    for (int left = length; left > 0 && nla_ok(attributes, left) != 0;
         attributes = nla_next(attributes, &left)) {
        switch (nla_type(attributes)) {
        case DSMIL_A_QUARANTINE_DEVICE_ID:
            set32(device.id, attributes);
            break;
        case DSMIL_A_QUARANTINE_NAME:
            device.name = text(attributes);
            break;
        case DSMIL_A_QUARANTINE_ADDED:
            set32(added, attributes);
            break;
        default:
            break;
        }
    }
    device.added = added != 0;
    return device;
}

GrantKey decode_grant_key(const nlattr *attributes, int length) {
    GrantKey key{};
    for (int left = length; left > 0 && nla_ok(attributes, left) != 0;
         attributes = nla_next(attributes, &left)) {
        if (nla_type(attributes) == DSMIL_A_GRANT_KEY_ID) {
            set_bytes(key.id, attributes);
        } else if (nla_type(attributes) == DSMIL_A_GRANT_KEY_OWNER) {
            key.owner = text(attributes);
        }
    }
    return key;
}

void decode_events(const void *data, std::size_t size, int family, std::vector<dsmil_event> &events) {
    int left = static_cast<int>(size);
    // libnl's walkers take no const, and change nothing.
    for (auto *message = const_cast<nlmsghdr *>(static_cast<const nlmsghdr *>(data));
         nlmsg_ok(message, left) != 0; message = nlmsg_next(message, &left)) {
        if (message->nlmsg_type != family || genlmsg_valid_hdr(message, 0) == 0) {
            continue;
        }
        auto *header = genlmsg_hdr(message);
        if (header->cmd != DSMIL_CMD_EVENT) {
            continue;
        }
        dsmil_event event{};
        event.size = sizeof(event);
        auto *attributes = genlmsg_attrdata(header, 0);
        int length = genlmsg_attrlen(header, 0);
        for (auto *attribute = attributes; length > 0 && nla_ok(attribute, length) != 0;
             attribute = nla_next(attribute, &length)) {
            set_event(event, attribute);
        }
        events.push_back(event);
    }
}

} // namespace dsmil
