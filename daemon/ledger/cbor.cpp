// SPDX-License-Identifier: Apache-2.0
#include "ledger/cbor.hpp"

#include <algorithm>
#include <format>
#include <limits>

namespace dsmil::cbor {
namespace {

class Decoder {
  public:
    explicit Decoder(ByteView input) : input_(input) {}

    Result<Value> value(unsigned depth) {
        if (depth > max_depth) {
            return bad("it is nested too deeply");
        }
        const auto head = read_head();
        if (!head) {
            return std::unexpected(head.error());
        }
        const auto [major, argument] = *head;
        switch (major) {
        case 0:
            return Value{argument};
        case 1:
            if (argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
                return bad("a negative number is too large");
            }
            return Value{-1 - static_cast<std::int64_t>(argument)};
        case 2:
        case 3:
            return string(major, argument);
        case 4:
            return array(argument, depth);
        case 5:
            return map(argument, depth);
        default:
            return bad("tags, floats and simple values are not used here");
        }
    }

    [[nodiscard]] bool at_end() const { return position_ == input_.size(); }

    std::unexpected<Error> bad(std::string_view why) const {
        return fail(Code::failed, std::format("not a record: {} (byte {})", why, position_));
    }

  private:
    struct Head {
        unsigned major;
        std::uint64_t argument;
    };

    Result<Head> read_head() {
        if (at_end()) {
            return bad("it ends too early");
        }
        const unsigned first = input_[position_];
        const unsigned major = first >> 5U;
        const unsigned detail = first & 31U;
        position_++;
        if (detail < 24) {
            return Head{major, detail};
        }
        if (detail > 27) {
            return bad("an indefinite length");
        }
        const std::size_t width = std::size_t{1} << (detail - 24);
        if (input_.size() - position_ < width) {
            return bad("it ends too early");
        }
        std::uint64_t argument = 0;
        for (std::size_t i = 0; i < width; i++) {
            argument = argument << 8U | input_[position_ + i];
        }
        const std::uint64_t smallest = width == 1 ? 24 : std::uint64_t{1} << (width * 4);
        if (argument < smallest) {
            return bad("a number in a longer form than it needs");
        }
        position_ += width;
        return Head{major, argument};
    }

    Result<Value> string(unsigned major, std::uint64_t length) {
        if (length > input_.size() - position_) {
            return bad("it ends too early");
        }
        const ByteView content = input_.subspan(position_, length);
        if (major == 3 && !is_utf8(as_text(content))) {
            return bad("text that is not UTF-8");
        }
        position_ += length;
        if (major == 3) {
            return Value{std::string(as_text(content))};
        }
        return Value{Bytes(content.begin(), content.end())};
    }

    Result<Value> array(std::uint64_t count, unsigned depth) {
        Array items;
        for (std::uint64_t i = 0; i < count; i++) { // Ends with the input, however large `count` is.
            auto item = value(depth + 1);
            if (!item) {
                return item;
            }
            items.push_back(std::move(*item));
        }
        return Value{std::move(items)};
    }

    Result<Value> map(std::uint64_t count, unsigned depth) {
        Map entries;
        ByteView last;
        for (std::uint64_t i = 0; i < count; i++) {
            const std::size_t start = position_;
            auto key = value(depth + 1);
            if (!key) {
                return key;
            }
            const ByteView spelled = input_.subspan(start, position_ - start);
            if (i > 0 && !std::ranges::lexicographical_compare(last, spelled)) {
                return bad("map keys out of order");
            }
            last = spelled;
            auto content = value(depth + 1);
            if (!content) {
                return content;
            }
            entries.push_back({std::move(*key), std::move(*content)});
        }
        return Value{std::move(entries)};
    }

    ByteView input_;
    std::size_t position_ = 0;
};

} // namespace

const Value *Value::find(std::uint64_t key) const {
    const auto *map = get<Map>();
    if (map == nullptr) {
        return nullptr;
    }
    const auto found = std::ranges::find_if(*map, [key](const Entry &entry) {
        const auto *number = entry.key.get<std::uint64_t>();
        return number != nullptr && *number == key;
    });
    return found == map->end() ? nullptr : &found->value;
}

void Encoder::head(unsigned major, std::uint64_t argument) {
    const auto first = static_cast<std::uint8_t>(major << 5U);
    if (argument < 24) {
        out_.push_back(static_cast<std::uint8_t>(first | argument));
        return;
    }
    const unsigned power = argument < 0x100 ? 0 : argument < 0x10000 ? 1 : argument < 0x1'0000'0000 ? 2 : 3;
    out_.push_back(static_cast<std::uint8_t>(first | (24U + power)));
    for (unsigned shift = 8U << power; shift > 0; shift -= 8) {
        out_.push_back(static_cast<std::uint8_t>(argument >> (shift - 8)));
    }
}

void Encoder::number(std::int64_t value) {
    if (value >= 0) {
        head(0, static_cast<std::uint64_t>(value));
    } else {
        head(1, static_cast<std::uint64_t>(-1 - value));
    }
}

void Encoder::bytes(ByteView value) {
    head(2, value.size());
    out_.insert(out_.end(), value.begin(), value.end());
}

void Encoder::text(std::string_view value) {
    head(3, value.size());
    const auto bytes = as_bytes(value);
    out_.insert(out_.end(), bytes.begin(), bytes.end());
}

Result<Value> decode(ByteView input) {
    Decoder decoder(input);
    auto value = decoder.value(0);
    if (value && !decoder.at_end()) {
        return decoder.bad("something follows it");
    }
    return value;
}

} // namespace dsmil::cbor
