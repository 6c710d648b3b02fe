// SPDX-License-Identifier: Apache-2.0
// Netlink attributes to the structs of the ABI. Pure, for any bytes: what is
// unknown is skipped, what is missing or of a wrong size stays zero.
#pragma once

#include "dsmil/netlink.hpp"

#include <cstddef>
#include <linux/dsmil.h>
#include <vector>

struct nlattr;

namespace dsmil {

// The attributes of one DSMIL_CMD_DEVICE_GET answer.
[[nodiscard]] dsmil_device decode_device(const nlattr *attributes, int length);

// The attributes of one DSMIL_CMD_QUARANTINE_GET answer.
[[nodiscard]] Quarantined decode_quarantined(const nlattr *attributes, int length);

// The attributes of one DSMIL_CMD_GRANT_KEY_GET answer.
[[nodiscard]] GrantKey decode_grant_key(const nlattr *attributes, int length);

// Appends the DSMIL_CMD_EVENT messages of `family` among those in data (aligned to NLMSG_ALIGNTO).
void decode_events(const void *data, std::size_t size, int family, std::vector<dsmil_event> &events);

} // namespace dsmil
