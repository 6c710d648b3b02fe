// SPDX-License-Identifier: Apache-2.0
// What the ledger keeps of one event. The encoding is specified in
// docs/ledger.md (CDDL).
#pragma once

#include "base/bytes.hpp"
#include "base/host.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dsmil::ledger {

inline constexpr std::uint64_t record_schema = 1;
inline constexpr std::size_t max_record_bytes = 65'535; // C2SP tlog-tiles: entries have a 16-bit length

struct Field {
    std::string name; // UTF-8
    std::variant<std::uint64_t, std::int64_t, std::string, Bytes> value;
    bool operator==(const Field &) const = default;
};

// Who did it, as the kernel saw it.
struct Actor {
    std::uint32_t uid = 0;
    std::uint32_t pid = 0;
    std::string comm;            // any bytes
    std::uint64_t cgroup_id = 0; // 0: none
    bool operator==(const Actor &) const = default;
};

// Where in the kernel's audit ring it came from: unique for ever.
struct RingPosition {
    Id128 load_id{};
    std::uint64_t sequence = 0;
    bool operator==(const RingPosition &) const = default;
};

struct Record {
    std::uint64_t sequence = 0; // index of its leaf; the ledger sets it
    std::uint64_t boottime_ns = 0;
    std::uint64_t realtime_ns = 0;
    Id128 boot_id{};
    std::string source; // "kernel", "dsmild"
    std::optional<RingPosition> ring;
    std::optional<std::uint16_t> device_id;
    std::optional<std::uint8_t> reg;
    std::optional<std::uint16_t> token;
    std::optional<Actor> actor;
    std::string action;  // "read", "write", "attest" ...
    std::string outcome; // "ok", "refused", "failed", "lost"
    std::vector<Field> values;
    std::vector<Field> context;
    bool operator==(const Record &) const = default;
};

// Sorts the fields as the encoding demands. usage: it has more than
// max_record_bytes, a text is no UTF-8, or a field's name comes twice.
[[nodiscard]] Result<Bytes> encode(Record record);

// Only what encode() makes; everything else is an error that says why.
[[nodiscard]] Result<Record> decode_record(ByteView body);

} // namespace dsmil::ledger
