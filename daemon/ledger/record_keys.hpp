// SPDX-License-Identifier: Apache-2.0
// The keys of a record's maps. Inner header of ledger/.
#pragma once

#include <cstdint>

namespace dsmil::ledger {

// The keys of the map, as in the CDDL.
enum Key : std::uint64_t {
    key_schema = 0,
    key_sequence = 1,
    key_boottime = 2,
    key_realtime = 3,
    key_boot_id = 4,
    key_source = 5,
    key_load_id = 6,
    key_ring_sequence = 7,
    key_device = 8,
    key_register = 9,
    key_token = 10,
    key_actor = 11,
    key_action = 12,
    key_outcome = 13,
    key_values = 14,
    key_context = 15,
};

enum ActorKey : std::uint64_t { actor_uid = 0, actor_pid = 1, actor_comm = 2, actor_cgroup = 3 };

} // namespace dsmil::ledger
