// SPDX-License-Identifier: Apache-2.0
#include "ledger/record.hpp"

#include "ledger/cbor.hpp"
#include "ledger/record_keys.hpp"

#include <algorithm>
#include <format>
#include <type_traits>

namespace dsmil::ledger {
namespace {

constexpr std::uint64_t mandatory_keys = 8;

// Text where it is UTF-8, bytes where it is not.
void put_any(cbor::Encoder &out, const std::string &text) {
    if (is_utf8(text)) {
        out.text(text);
    } else {
        out.bytes(as_bytes(text));
    }
}

void put_value(cbor::Encoder &out, const Field &field) {
    std::visit(
        [&](const auto &value) {
            using T = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<T, std::string>) {
                put_any(out, value);
            } else if constexpr (std::is_same_v<T, Bytes>) {
                out.bytes(value);
            } else {
                out.number(value);
            }
        },
        field.value);
}

void put_fields(cbor::Encoder &out, Key key, const std::vector<Field> &fields) {
    if (fields.empty()) {
        return;
    }
    out.number(key);
    out.map(fields.size());
    for (const Field &field : fields) {
        out.text(field.name);
        put_value(out, field);
    }
}

// The order of the encoded names: the head holds the length, so the shorter comes first.
bool before(const Field &a, const Field &b) {
    return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
}

Result<void> arrange(std::vector<Field> &fields) {
    std::ranges::sort(fields, before);
    const auto same = [](const Field &a, const Field &b) { return a.name == b.name; };
    if (std::ranges::adjacent_find(fields, same) != fields.end()) {
        return fail(Code::usage, "a record with the same field twice");
    }
    if (!std::ranges::all_of(fields, [](const Field &field) { return is_utf8(field.name); })) {
        return fail(Code::usage, "a record with a field whose name is not UTF-8");
    }
    return {};
}

void put_actor(cbor::Encoder &out, const Actor &actor) {
    out.number(key_actor);
    out.map(actor.cgroup_id != 0 ? 4 : 3);
    out.number(actor_uid);
    out.number(std::uint64_t{actor.uid});
    out.number(actor_pid);
    out.number(std::uint64_t{actor.pid});
    out.number(actor_comm);
    put_any(out, actor.comm);
    if (actor.cgroup_id != 0) {
        out.number(actor_cgroup);
        out.number(actor.cgroup_id);
    }
}

void put_optional(cbor::Encoder &out, Key key, std::optional<std::uint64_t> value) {
    if (value) {
        out.number(key);
        out.number(*value);
    }
}

std::uint64_t count_keys(const Record &record) {
    return mandatory_keys + (record.ring ? 2U : 0U) + (record.device_id ? 1U : 0U) + (record.reg ? 1U : 0U) +
           (record.token ? 1U : 0U) + (record.actor ? 1U : 0U) + (record.values.empty() ? 0U : 1U) +
           (record.context.empty() ? 0U : 1U);
}

} // namespace

Result<Bytes> encode(Record record) {
    for (auto *fields : {&record.values, &record.context}) {
        if (auto arranged = arrange(*fields); !arranged) {
            return std::unexpected(std::move(arranged.error()));
        }
    }
    for (const auto *text : {&record.source, &record.action, &record.outcome}) {
        if (!is_utf8(*text)) {
            return fail(Code::usage, "a record whose source, action or outcome is not UTF-8");
        }
    }
    cbor::Encoder out;
    out.map(count_keys(record));
    put_optional(out, key_schema, record_schema);
    put_optional(out, key_sequence, record.sequence);
    put_optional(out, key_boottime, record.boottime_ns);
    put_optional(out, key_realtime, record.realtime_ns);
    out.number(key_boot_id);
    out.bytes(record.boot_id);
    out.number(key_source);
    out.text(record.source);
    if (record.ring) {
        out.number(key_load_id);
        out.bytes(record.ring->load_id);
        put_optional(out, key_ring_sequence, record.ring->sequence);
    }
    put_optional(out, key_device, record.device_id);
    put_optional(out, key_register, record.reg);
    put_optional(out, key_token, record.token);
    if (record.actor) {
        put_actor(out, *record.actor);
    }
    out.number(key_action);
    out.text(record.action);
    out.number(key_outcome);
    out.text(record.outcome);
    put_fields(out, key_values, record.values);
    put_fields(out, key_context, record.context);
    Bytes body = out.take();
    if (body.size() > max_record_bytes) {
        return fail(Code::usage,
                    std::format("a record of {} bytes; at most {} fit", body.size(), max_record_bytes));
    }
    return body;
}

} // namespace dsmil::ledger
