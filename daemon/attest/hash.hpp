// SPDX-License-Identifier: Apache-2.0
// The hash algorithms of TPMs, by the numbers of the TCG Algorithm Registry.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace dsmil::attest {

enum class HashAlg : std::uint16_t {
    sha1 = 0x0004,
    sha256 = 0x000B,
    sha384 = 0x000C,
    sha512 = 0x000D,
};

[[nodiscard]] std::optional<HashAlg> hash_alg(std::uint16_t number);
// "sha256", any case.
[[nodiscard]] std::optional<HashAlg> hash_alg(std::string_view name);
[[nodiscard]] std::string_view name_of(HashAlg alg);
[[nodiscard]] std::size_t size_of(HashAlg alg);

// A digest without memory of its own, because verifiers make thousands a second.
class Digest {
  public:
    static constexpr std::size_t max_bytes = 64;
    Digest() = default;
    explicit Digest(std::size_t size) : size_(size) {}             // zeros
    [[nodiscard]] static std::optional<Digest> of(ByteView bytes); // nothing if it is too long

    [[nodiscard]] ByteView view() const { return ByteView(bytes_).first(size_); }
    [[nodiscard]] std::uint8_t *data() { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const { return size_; }
    friend bool operator==(const Digest &left, const Digest &right);
    friend bool operator==(const Digest &left, ByteView right);

  private:
    std::array<std::uint8_t, max_bytes> bytes_{};
    std::size_t size_ = 0;
};

// Of the parts, one after the other.
[[nodiscard]] Digest digest(HashAlg alg, std::initializer_list<ByteView> parts);
[[nodiscard]] Digest digest(HashAlg alg, ByteView bytes);

} // namespace dsmil::attest
