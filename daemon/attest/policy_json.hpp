// SPDX-License-Identifier: Apache-2.0
// Values of tpm2-tss's policy JSON, marshalled as a TPM does. Inner header of attest/.
#pragma once

#include "attest/hash.hpp"

#include <boost/json/object.hpp>
#include <expected>
#include <string>
#include <string_view>

namespace dsmil::attest::policy_json {

// Or what is wrong, in words.
template <typename T>
using Value = std::expected<T, std::string>;

// The JSON with line ends and tabs in strings as escapes, which a strict parser takes.
[[nodiscard]] std::string tolerated(std::string_view json);

// A field, in the spelling of tpm2-tss or in small letters; nothing if it is not there.
[[nodiscard]] const boost::json::value *field(const boost::json::object &object, std::string_view name);

// A number, or a string with one ("0x1f", "31"); at most `limit`.
[[nodiscard]] Value<std::uint64_t> number(const boost::json::value &value, std::uint64_t limit);
// An array of bytes, or hexadecimal digits.
[[nodiscard]] Value<Bytes> bytes(const boost::json::value &value, std::size_t limit);
// The name of a key or an NV index (an algorithm and its digest), or of any entity: then also a handle of
// 4 bytes, as hierarchies and PCRs have it.
enum class NameOf : std::uint8_t { object, entity };
[[nodiscard]] Value<Bytes> name(const boost::json::value &value, NameOf whose);
// "YES", true, 1.
[[nodiscard]] Value<bool> yes_no(const boost::json::value &value);
// Of the names, with or without "TPM2_" and the like, in any case; or a number.
[[nodiscard]] Value<HashAlg> hash(const boost::json::value &value);
[[nodiscard]] Value<std::uint16_t> comparison(const boost::json::value &value);   // TPM_EO
[[nodiscard]] Value<std::uint32_t> command_code(const boost::json::value &value); // TPM_CC
[[nodiscard]] Value<std::uint8_t> locality(const boost::json::value &value);

// TPMT_PUBLIC of an RSA or ECC key; its name.
[[nodiscard]] Value<Bytes> public_area(const boost::json::value &value);
[[nodiscard]] Value<Bytes> name_of_public(const boost::json::value &value);
// The name of a key that is given as PEM, as tpm2-tss makes it: one that only signs.
[[nodiscard]] Value<Bytes> name_of_pem(const boost::json::object &element);
// The name of an NV index, as it is once written.
[[nodiscard]] Value<Bytes> name_of_nv(const boost::json::value &value);

} // namespace dsmil::attest::policy_json
