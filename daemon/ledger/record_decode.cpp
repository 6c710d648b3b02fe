// SPDX-License-Identifier: Apache-2.0
// Reading records: one walk over the bytes, which keeps what it finds or only looks.
#include "ledger/cbor.hpp"
#include "ledger/record_glance.hpp"
#include "ledger/record_keys.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <limits>
#include <utility>

namespace dsmil::ledger {
namespace {

using Kind = cbor::Cursor::Kind;

constexpr std::uint64_t max16 = std::numeric_limits<std::uint16_t>::max();
constexpr std::uint64_t max32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t max64 = std::numeric_limits<std::uint64_t>::max();

// The keys come in order, so each is asked for once.
class Reader {
  public:
    // `whole` takes all of it; null: only what a glance needs is kept.
    Reader(ByteView body, Record *whole) : in_(body), whole_(whole) {}

    Result<RecordGlance> read() {
        left_ = in_.map();
        if (number(key_schema, max64) != record_schema) {
            in_.refuse("its schema is of another release");
        }
        glance_.sequence = number(key_sequence, max64);
        const auto boottime = number(key_boottime, max64);
        glance_.realtime_ns = number(key_realtime, max64);
        const auto boot_id = id(key_boot_id);
        glance_.source = text(key_source);
        read_ring();
        const auto device = optional_number(key_device, max16);
        const auto reg = optional_number(key_register, std::numeric_limits<std::uint8_t>::max());
        const auto token = optional_number(key_token, max16);
        if (whole_ != nullptr) {
            whole_->boottime_ns = boottime;
            whole_->boot_id = boot_id;
            whole_->device_id = narrow<std::uint16_t>(device);
            whole_->reg = narrow<std::uint8_t>(reg);
            whole_->token = narrow<std::uint16_t>(token);
        }
        if (take(key_actor)) {
            read_actor();
        }
        glance_.action = text(key_action);
        const auto outcome = text(key_outcome);
        if (whole_ != nullptr) {
            whole_->sequence = glance_.sequence;
            whole_->realtime_ns = glance_.realtime_ns;
            whole_->ring = glance_.ring;
            whole_->source = glance_.source;
            whole_->action = glance_.action;
            whole_->outcome = outcome;
        }
        read_fields(key_values, whole_ != nullptr ? &whole_->values : nullptr);
        read_fields(key_context, whole_ != nullptr ? &whole_->context : nullptr);
        if (left_ > 0) {
            in_.refuse("a field of no known meaning");
        } else if (in_.ok() && !in_.at_end()) {
            in_.refuse("something follows it");
        }
        return in_.ok() ? Result<RecordGlance>(glance_) : in_.error();
    }

  private:
    bool take(Key key) {
        const bool is_next = left_ > 0 && in_.take(key);
        left_ -= is_next ? 1 : 0;
        return is_next;
    }

    void must_have(Key key) {
        if (!take(key)) {
            wrong(key);
        }
    }

    void wrong(std::uint64_t key) {
        if (in_.ok()) {
            in_.refuse(std::format("field {} is missing or not what it must be", key));
        }
    }

    std::uint64_t number_up_to(std::uint64_t max, std::uint64_t key) {
        const auto value = in_.number();
        if (value > max) {
            wrong(key);
        }
        return value;
    }

    std::uint64_t number(Key key, std::uint64_t max) {
        must_have(key);
        return number_up_to(max, key);
    }

    std::optional<std::uint64_t> optional_number(Key key, std::uint64_t max) {
        return take(key) ? std::optional(number_up_to(max, key)) : std::nullopt;
    }

    std::string_view text(Key key) {
        must_have(key);
        return in_.text();
    }

    Id128 read_id(Key key) {
        const auto bytes = in_.bytes();
        Id128 id{};
        if (bytes.size() != id.size()) {
            wrong(key);
            return id;
        }
        std::ranges::copy(bytes, id.begin());
        return id;
    }

    Id128 id(Key key) {
        must_have(key);
        return read_id(key);
    }

    void read_ring() {
        if (take(key_load_id)) {
            const auto load_id = read_id(key_load_id);
            glance_.ring = RingPosition{load_id, number(key_ring_sequence, max64)};
        } // A place without a ring comes where nothing takes it.
    }

    // Text, or bytes that are no text.
    std::string_view any(std::uint64_t key) {
        if (in_.next() != Kind::bytes) {
            return in_.text();
        }
        const auto bytes = as_text(in_.bytes());
        if (is_utf8(bytes)) {
            wrong(key);
        }
        return bytes;
    }

    void read_actor() {
        constexpr std::uint64_t least = 3;
        const auto entries = in_.map();
        const auto keyed = [this](std::uint64_t key, std::uint64_t max) {
            if (!in_.take(key)) {
                wrong(key_actor);
            }
            return number_up_to(max, key_actor);
        };
        const auto uid = keyed(actor_uid, max32);
        const auto pid = keyed(actor_pid, max32);
        if (!in_.take(actor_comm)) {
            wrong(key_actor);
        }
        const auto comm = any(key_actor);
        const auto cgroup = entries > least ? keyed(actor_cgroup, max64) : 0;
        if (entries < least || entries > least + 1 || (entries > least && cgroup == 0)) {
            wrong(key_actor);
        }
        if (whole_ != nullptr) {
            whole_->actor = Actor{static_cast<std::uint32_t>(uid), static_cast<std::uint32_t>(pid),
                                  std::string(comm), cgroup};
        }
    }

    void read_fields(Key key, std::vector<Field> *into) {
        if (!take(key)) {
            return;
        }
        const auto entries = in_.map();
        if (entries == 0) {
            wrong(key);
        }
        ByteView last;
        for (std::uint64_t i = 0; i < entries && in_.ok(); i++) {
            const auto start = in_.position();
            const auto name = in_.text();
            const auto spelled = in_.since(start);
            if (i > 0 && !std::ranges::lexicographical_compare(last, spelled)) {
                in_.refuse("map keys out of order");
            }
            last = spelled;
            read_value(key, name, into);
        }
    }

    void read_value(Key key, std::string_view name, std::vector<Field> *into) {
        const auto keep = [&](auto value) {
            if (into != nullptr && in_.ok()) {
                into->push_back({std::string(name), std::move(value)});
            }
        };
        switch (in_.next()) {
        case Kind::number:
            keep(in_.number());
            break;
        case Kind::negative:
            keep(in_.negative());
            break;
        case Kind::text: {
            const auto text = in_.text();
            into != nullptr ? keep(std::string(text)) : void();
            break;
        }
        case Kind::bytes: {
            const auto bytes = in_.bytes();
            into != nullptr ? keep(Bytes(bytes.begin(), bytes.end())) : void();
            break;
        }
        default:
            wrong(key);
        }
    }

    template <typename T>
    static std::optional<T> narrow(std::optional<std::uint64_t> value) {
        return value ? std::optional(static_cast<T>(*value)) : std::nullopt;
    }

    cbor::Cursor in_;
    Record *whole_;
    RecordGlance glance_;
    std::uint64_t left_ = 0; // entries of the record's map
};

Result<RecordGlance> read(ByteView body, Record *whole) {
    if (body.size() > max_record_bytes) {
        return fail(Code::failed, "not a record: it is too large");
    }
    return Reader(body, whole).read();
}

} // namespace

Result<Record> decode_record(ByteView body) {
    Record record;
    const auto read_all = read(body, &record);
    return read_all ? Result<Record>(std::move(record)) : std::unexpected(read_all.error());
}

Result<RecordGlance> glance_at_record(ByteView body) {
    return read(body, nullptr);
}

} // namespace dsmil::ledger
