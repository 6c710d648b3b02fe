// SPDX-License-Identifier: Apache-2.0
// The netlink messages that libdsmil decodes.
#include "netlink_decode.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <linux/netlink.h>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    // Aligned as a socket's buffer is, and not a byte longer, so that ASan sees each byte too far.
    std::vector<std::uint32_t> aligned((size + 3) / 4);
    std::memcpy(aligned.data(), data, size);
    std::vector<dsmil_event> events;
    dsmil::decode_events(aligned.data(), size, size > 4 ? data[4] : 0,
                         events); // the type of the first message
    const auto *attributes = reinterpret_cast<const nlattr *>(aligned.data());
    const auto device = dsmil::decode_device(attributes, static_cast<int>(size));
    const auto quarantined = dsmil::decode_quarantined(attributes, static_cast<int>(size));
    const auto key = dsmil::decode_grant_key(attributes, static_cast<int>(size));
    const auto ends = [](const auto &field) { return std::ranges::find(field, '\0') != std::end(field); };
    if (!ends(device.name) || quarantined.name.contains('\0') || key.owner.contains('\0') ||
        !std::ranges::all_of(events, [&](const dsmil_event &e) { return ends(e.comm); })) {
        std::abort();
    }
    return 0;
}
