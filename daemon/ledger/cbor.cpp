// SPDX-License-Identifier: Apache-2.0
#include "ledger/cbor.hpp"

#include <format>
#include <limits>
#include <utility>

namespace dsmil::cbor {
namespace {

constexpr unsigned short_form = 24; // arguments below are in the head's own byte
constexpr unsigned last_form = 27;  // of 8 bytes

enum Major : unsigned {
    major_number = 0,
    major_negative = 1,
    major_bytes = 2,
    major_text = 3,
    major_map = 5
};

} // namespace

Cursor::Kind Cursor::next() const {
    if (!ok() || at_end()) {
        return Kind::none;
    }
    switch (input_[position_] >> 5U) {
    case major_number:
        return Kind::number;
    case major_negative:
        return Kind::negative;
    case major_bytes:
        return Kind::bytes;
    case major_text:
        return Kind::text;
    case major_map:
        return Kind::map;
    default:
        return Kind::none;
    }
}

bool Cursor::take(std::uint64_t small) {
    const bool is_it = ok() && !at_end() && input_[position_] == small;
    position_ += is_it ? 1 : 0;
    return is_it;
}

void Cursor::refuse(std::string why) {
    if (ok()) {
        bad_at_ = position_;
        why_ = std::move(why);
    }
}

std::unexpected<Error> Cursor::error() const {
    return fail(Code::failed, std::format("not a record: {} (byte {})", why_, bad_at_));
}

std::optional<std::uint64_t> Cursor::head(unsigned major) {
    if (!ok()) {
        return std::nullopt;
    }
    if (at_end()) {
        refuse("it ends too early");
        return std::nullopt;
    }
    const unsigned first = input_[position_];
    if (first >> 5U != major) {
        refuse("an item of another type than it must have");
        return std::nullopt;
    }
    const unsigned detail = first & 31U;
    if (detail < short_form) {
        position_++;
        return detail;
    }
    if (detail > last_form) {
        refuse("an indefinite length");
        return std::nullopt;
    }
    const std::size_t width = std::size_t{1} << (detail - short_form);
    if (input_.size() - position_ - 1 < width) {
        refuse("it ends too early");
        return std::nullopt;
    }
    std::uint64_t argument = 0;
    for (std::size_t i = 1; i <= width; i++) {
        argument = argument << 8U | input_[position_ + i];
    }
    const std::uint64_t smallest = width == 1 ? short_form : std::uint64_t{1} << (width * 4);
    if (argument < smallest) {
        refuse("a number in a longer form than it needs");
        return std::nullopt;
    }
    position_ += width + 1;
    return argument;
}

std::uint64_t Cursor::number() {
    return head(major_number).value_or(0);
}

std::int64_t Cursor::negative() {
    const auto argument = head(major_negative);
    if (argument > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        refuse("a negative number is too large");
        return 0;
    }
    return argument ? -1 - static_cast<std::int64_t>(*argument) : 0;
}

ByteView Cursor::string(unsigned major) {
    const auto length = head(major);
    if (!length) {
        return {};
    }
    if (*length > input_.size() - position_) {
        refuse("it ends too early");
        return {};
    }
    position_ += *length;
    return since(position_ - *length);
}

ByteView Cursor::bytes() {
    return string(major_bytes);
}

std::string_view Cursor::text() {
    const auto content = as_text(string(major_text));
    if (!is_utf8(content)) {
        refuse("text that is not UTF-8");
        return {};
    }
    return content;
}

std::uint64_t Cursor::map() {
    const auto entries = head(major_map).value_or(0);
    if (entries > input_.size() - position_) {
        refuse("it ends too early");
        return 0;
    }
    return entries;
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

} // namespace dsmil::cbor
