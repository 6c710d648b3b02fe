// SPDX-License-Identifier: Apache-2.0
#include "ledger/record.hpp"

#include "ledger/cbor.hpp"

#include <algorithm>
#include <format>
#include <limits>
#include <type_traits>

namespace dsmil::ledger {
namespace {

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

constexpr std::uint64_t mandatory_keys = 8;

std::unexpected<Error> bad(std::string_view why) {
    return fail(Code::failed, std::format("not a record: {}", why));
}

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

// Takes the fields of a decoded map one after the other; the first that does
// not fit is remembered.
class Reader {
  public:
    explicit Reader(const cbor::Value &map) : map_(map) {}

    std::uint64_t number(std::uint64_t key, std::uint64_t max = std::numeric_limits<std::uint64_t>::max()) {
        const auto found = optional_number(key, max);
        return require(found, key).value_or(0);
    }

    std::optional<std::uint64_t> optional_number(std::uint64_t key, std::uint64_t max) {
        const auto *value = take(key);
        if (value == nullptr) {
            return std::nullopt;
        }
        const auto *number = value->get<std::uint64_t>();
        if (number == nullptr || *number > max) {
            return wrong(key);
        }
        return *number;
    }

    std::string text(std::uint64_t key) {
        const auto *value = take(key);
        const auto *content = value != nullptr ? value->get<std::string>() : nullptr;
        if (content == nullptr) {
            wrong(key);
            return {};
        }
        return *content;
    }

    // Text, or bytes that are no text.
    std::string any(std::uint64_t key) {
        const auto *value = take(key);
        auto content = value != nullptr ? any_of(*value) : std::nullopt;
        if (!content) {
            wrong(key);
        }
        return content.value_or("");
    }

    std::optional<Id128> optional_id(std::uint64_t key) {
        const auto *value = take(key);
        if (value == nullptr) {
            return std::nullopt;
        }
        const auto *bytes = value->get<Bytes>();
        Id128 id{};
        if (bytes == nullptr || bytes->size() != id.size()) {
            wrong(key);
            return std::nullopt;
        }
        std::ranges::copy(*bytes, id.begin());
        return id;
    }

    Id128 id(std::uint64_t key) { return require(optional_id(key), key).value_or(Id128{}); }

    const cbor::Value *take(std::uint64_t key) {
        const auto *value = map_.find(key);
        taken_ += value != nullptr ? 1 : 0;
        return value;
    }

    std::vector<Field> fields(std::uint64_t key) {
        std::vector<Field> fields;
        const auto *value = take(key);
        if (value == nullptr) {
            return fields;
        }
        const auto *map = value->get<cbor::Map>();
        if (map == nullptr || map->empty()) {
            wrong(key);
            return fields;
        }
        for (const auto &[name, content] : *map) {
            const auto *text = name.get<std::string>();
            auto field = text != nullptr ? field_of(*text, content) : std::nullopt;
            if (!field) {
                wrong(key);
                return {};
            }
            fields.push_back(std::move(*field));
        }
        return fields;
    }

    std::optional<std::uint64_t> wrong(std::uint64_t key) {
        if (!wrong_) {
            wrong_ = key;
        }
        return std::nullopt;
    }

    [[nodiscard]] Result<void> finish() const {
        if (wrong_) {
            return bad(std::format("field {} is missing or not what it must be", *wrong_));
        }
        const auto *map = map_.get<cbor::Map>();
        if (map == nullptr || map->size() != taken_) {
            return bad("a field of no known meaning");
        }
        return {};
    }

  private:
    template <typename T>
    std::optional<T> require(std::optional<T> value, std::uint64_t key) {
        if (!value) {
            wrong(key);
        }
        return value;
    }

    static std::optional<std::string> any_of(const cbor::Value &value) {
        if (const auto *text = value.get<std::string>()) {
            return *text;
        }
        const auto *bytes = value.get<Bytes>();
        if (bytes == nullptr || is_utf8(as_text(*bytes))) {
            return std::nullopt;
        }
        return std::string(as_text(*bytes));
    }

    static std::optional<Field> field_of(const std::string &name, const cbor::Value &value) {
        if (const auto *number = value.get<std::uint64_t>()) {
            return Field{name, *number};
        }
        if (const auto *negative = value.get<std::int64_t>()) {
            return Field{name, *negative};
        }
        if (const auto *text = value.get<std::string>()) {
            return Field{name, *text};
        }
        if (const auto *bytes = value.get<Bytes>()) {
            return Field{name, *bytes};
        }
        return std::nullopt;
    }

    const cbor::Value &map_;
    std::size_t taken_ = 0;
    std::optional<std::uint64_t> wrong_;
};

Result<std::optional<Actor>> read_actor(const cbor::Value *value) {
    if (value == nullptr) {
        return std::nullopt;
    }
    constexpr auto max32 = std::numeric_limits<std::uint32_t>::max();
    Reader reader(*value);
    Actor actor;
    actor.uid = static_cast<std::uint32_t>(reader.number(actor_uid, max32));
    actor.pid = static_cast<std::uint32_t>(reader.number(actor_pid, max32));
    actor.comm = reader.any(actor_comm);
    if (const auto cgroup = reader.optional_number(actor_cgroup, std::numeric_limits<std::uint64_t>::max())) {
        actor.cgroup_id = *cgroup;
        if (*cgroup == 0) {
            reader.wrong(actor_cgroup);
        }
    }
    if (auto ok = reader.finish(); !ok) {
        return std::unexpected(std::move(ok.error()).in("the actor"));
    }
    return actor;
}

template <typename T>
std::optional<T> narrow(std::optional<std::uint64_t> value) {
    return value ? std::optional(static_cast<T>(*value)) : std::nullopt;
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

Result<Record> decode_record(ByteView body) {
    if (body.size() > max_record_bytes) {
        return bad("it is too large");
    }
    const auto value = cbor::decode(body);
    if (!value) {
        return std::unexpected(value.error());
    }
    Reader reader(*value);
    if (reader.number(key_schema) != record_schema) {
        return bad("its schema is of another release");
    }
    Record record;
    record.sequence = reader.number(key_sequence);
    record.boottime_ns = reader.number(key_boottime);
    record.realtime_ns = reader.number(key_realtime);
    record.boot_id = reader.id(key_boot_id);
    record.source = reader.text(key_source);
    const auto load_id = reader.optional_id(key_load_id);
    const auto ring_sequence =
        reader.optional_number(key_ring_sequence, std::numeric_limits<std::uint64_t>::max());
    if (load_id.has_value() != ring_sequence.has_value()) {
        reader.wrong(key_ring_sequence);
    } else if (load_id) {
        record.ring = RingPosition{*load_id, *ring_sequence};
    }
    record.device_id = narrow<std::uint16_t>(reader.optional_number(key_device, 0xFFFF));
    record.reg = narrow<std::uint8_t>(reader.optional_number(key_register, 0xFF));
    record.token = narrow<std::uint16_t>(reader.optional_number(key_token, 0xFFFF));
    auto actor = read_actor(reader.take(key_actor));
    if (!actor) {
        return std::unexpected(std::move(actor.error()));
    }
    record.actor = std::move(*actor);
    record.action = reader.text(key_action);
    record.outcome = reader.text(key_outcome);
    record.values = reader.fields(key_values);
    record.context = reader.fields(key_context);
    if (auto ok = reader.finish(); !ok) {
        return std::unexpected(std::move(ok.error()));
    }
    return record;
}

} // namespace dsmil::ledger
