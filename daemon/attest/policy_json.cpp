// SPDX-License-Identifier: Apache-2.0
#include "attest/policy_json.hpp"

#include "attest/policy_names.hpp"
#include "attest/public_key.hpp"
#include "attest/writer.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <format>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest::policy_json {
namespace {

namespace json = boost::json;

constexpr std::size_t max_key_bytes = 512; // RSA of 4096 bits
constexpr std::size_t max_name_bytes = 2 + Digest::max_bytes;
constexpr std::size_t handle_bytes = 4;

std::unexpected<std::string> wrong(std::string_view what) {
    return std::unexpected(std::string(what));
}

std::optional<std::string_view> text_of(const json::value &value) {
    const auto *const text = value.if_string();
    return text != nullptr ? std::optional(std::string_view(*text)) : std::nullopt;
}

// A constant by its name, or its number.
template <typename T, typename Find>
Value<T> constant(const json::value &value, std::string_view what, Find find) {
    if (const auto text = text_of(value)) {
        if (const auto found = find(*text)) {
            return *found;
        }
    }
    const auto number_of = number(value, std::numeric_limits<T>::max());
    if (!number_of) {
        return std::unexpected(std::format("{} is not known", what));
    }
    return static_cast<T>(*number_of);
}

Value<std::uint16_t> algorithm(const json::value &value) {
    return constant<std::uint16_t>(value, "an algorithm", algorithm_of);
}

// {"fixedTPM": 1, ...}, ["fixedTPM", ...] or a number.
template <typename Find>
Value<std::uint32_t> attributes(const json::value &value, Find find) {
    std::uint32_t bits = 0;
    const auto add = [&](std::string_view name) {
        const auto bit = find(name);
        bits |= bit.value_or(0);
        return bit.has_value();
    };
    if (const auto *const object = value.if_object()) {
        for (const auto &[name, setting] : *object) {
            const auto type = text_of(setting); // "TPM2_NT": "ORDINARY"
            const auto set = yes_no(setting);
            if (type && !set ? !add(*type) : !set || !find(name) || (*set && !add(name))) {
                return std::unexpected(std::format("the attribute {} is not known", std::string_view(name)));
            }
        }
        return bits;
    }
    if (const auto *const list = value.if_array()) {
        for (const auto &item : *list) {
            const auto name = text_of(item);
            if (!name || !add(*name)) {
                return wrong("an attribute is not known");
            }
        }
        return bits;
    }
    return number(value, 0xFFFFFFFF).transform([](std::uint64_t all) {
        return static_cast<std::uint32_t>(all);
    });
}

Value<Bytes> optional_bytes(const json::object &object, std::string_view name, std::size_t limit) {
    const auto *const value = field(object, name);
    return value != nullptr ? bytes(*value, limit) : Value<Bytes>(Bytes{});
}

const json::object *object_in(const json::object &object, std::string_view name) {
    const auto *const value = field(object, name);
    return value != nullptr ? value->if_object() : nullptr;
}

// A TPMT_PUBLIC, also inside of a TPM2B_PUBLIC, where it is a field of that name.
const json::object *area_in(const json::value &value, std::string_view inner) {
    const auto *const outer = value.if_object();
    const auto *const inside = outer != nullptr ? field(*outer, inner) : nullptr;
    return inside != nullptr ? inside->if_object() : outer;
}

Value<void> put_symmetric(const json::object &parameters, Writer &out) {
    const auto *const symmetric = object_in(parameters, "symmetric");
    const auto *const name = symmetric != nullptr ? field(*symmetric, "algorithm") : nullptr;
    const auto number_of = name != nullptr ? algorithm(*name) : Value<std::uint16_t>(TPM2_ALG_NULL);
    if (!number_of) {
        return std::unexpected(number_of.error());
    }
    out.number(*number_of);
    if (*number_of == TPM2_ALG_NULL) {
        return {};
    }
    const auto *const bits = field(*symmetric, "keyBits");
    const auto *const mode = field(*symmetric, "mode");
    const auto key_bits = bits != nullptr ? number(*bits, 0xFFFF) : Value<std::uint64_t>(wrong(""));
    const auto mode_number = mode != nullptr ? algorithm(*mode) : Value<std::uint16_t>(wrong(""));
    if (!key_bits || !mode_number) {
        return wrong("the symmetric algorithm has no keyBits or no mode");
    }
    out.number(static_cast<std::uint16_t>(*key_bits)).number(*mode_number);
    return {};
}

// A scheme of signing, encrypting or deriving: all but RSAES and none have a hash.
Value<void> put_scheme(const json::object *scheme, Writer &out) {
    const auto *const name = scheme != nullptr ? field(*scheme, "scheme") : nullptr;
    const auto number_of = name != nullptr ? algorithm(*name) : Value<std::uint16_t>(TPM2_ALG_NULL);
    if (!number_of) {
        return std::unexpected(number_of.error());
    }
    out.number(*number_of);
    if (*number_of == TPM2_ALG_NULL || *number_of == TPM2_ALG_RSAES) {
        return {};
    }
    const auto *const details = object_in(*scheme, "details");
    const auto *const hash_name = details != nullptr ? field(*details, "hashAlg") : nullptr;
    const auto alg = hash_name != nullptr ? hash(*hash_name) : Value<HashAlg>(wrong(""));
    if (!alg || *number_of == TPM2_ALG_ECDAA) {
        return wrong("a scheme has no details.hashAlg, or is ECDAA, which is not supported");
    }
    out.number(static_cast<std::uint16_t>(*alg));
    return {};
}

Value<void> put_rsa(const json::object &area, const json::object &parameters, Writer &out) {
    const auto *const bits = field(parameters, "keyBits");
    const auto *const exponent = field(parameters, "exponent");
    const auto key_bits = bits != nullptr ? number(*bits, 0xFFFF) : Value<std::uint64_t>(wrong(""));
    const auto exponent_number =
        exponent != nullptr ? number(*exponent, 0xFFFFFFFF) : Value<std::uint64_t>(std::uint64_t{0});
    const auto modulus = optional_bytes(area, "unique", max_key_bytes);
    if (!key_bits || !exponent_number || !modulus) {
        return wrong("the RSA parameters have no keyBits, or an exponent or a modulus that is none");
    }
    out.number(static_cast<std::uint16_t>(*key_bits));
    out.number(static_cast<std::uint32_t>(*exponent_number)).sized(*modulus);
    return {};
}

Value<void> put_ecc(const json::object &area, const json::object &parameters, Writer &out) {
    const auto *const name = field(parameters, "curveID");
    const auto curve = name != nullptr ? constant<std::uint16_t>(*name, "a curve", curve_of)
                                       : Value<std::uint16_t>(wrong("there is no curveID"));
    if (!curve) {
        return std::unexpected(curve.error());
    }
    out.number(*curve);
    if (auto put = put_scheme(object_in(parameters, "kdf"), out); !put) {
        return put;
    }
    const auto *const point = object_in(area, "unique");
    const auto x = point != nullptr ? optional_bytes(*point, "x", max_key_bytes) : Value<Bytes>(Bytes{});
    const auto y = point != nullptr ? optional_bytes(*point, "y", max_key_bytes) : Value<Bytes>(Bytes{});
    if (!x || !y) {
        return wrong("the point of the ECC key is not hexadecimal");
    }
    out.sized(*x).sized(*y);
    return {};
}

Bytes name_with(HashAlg alg, ByteView area) {
    return Writer().number(static_cast<std::uint16_t>(alg)).raw(digest(alg, area).view()).bytes();
}

} // namespace

std::string tolerated(std::string_view text) {
    std::string result;
    bool inside = false;
    for (std::size_t i = 0; i < text.size(); i++) {
        const char letter = text[i];
        if (inside && letter == '\\' && i + 1 < text.size()) {
            result += letter;
            result += text[++i];
            continue;
        }
        if (!inside && text.substr(i).starts_with("//")) { // A quote in a comment is none.
            i = std::min(text.find('\n', i), text.size()) - 1;
            continue;
        }
        inside = inside != (letter == '"');
        if (inside && (letter == '\n' || letter == '\t' || letter == '\r')) {
            result += letter == '\n' ? "\\n" : letter == '\t' ? "\\t" : "\\r";
        } else {
            result += letter;
        }
    }
    return result;
}

const json::value *field(const json::object &object, std::string_view name) {
    if (const auto *const found = object.if_contains(name)) {
        return found;
    }
    std::string small(name);
    std::ranges::transform(small, small.begin(), [](char letter) {
        return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
    });
    return object.if_contains(small);
}

Value<std::uint64_t> number(const json::value &value, std::uint64_t limit) {
    std::uint64_t result = limit;
    bool ok = false;
    if (const auto *const whole = value.if_int64()) {
        ok = *whole >= 0;
        result = ok ? static_cast<std::uint64_t>(*whole) : 0;
    } else if (const auto text = text_of(value)) {
        const bool hex = text->starts_with("0x");
        const auto digits = text->substr(hex ? 2 : 0);
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), result, hex ? 16 : 10);
        ok = error == std::errc{} && end == digits.data() + digits.size();
    }
    if (!ok || result > limit) {
        return std::unexpected(std::format("a number must be from 0 to {}", limit));
    }
    return result;
}

Value<Bytes> bytes(const json::value &value, std::size_t limit) {
    std::optional<Bytes> result;
    if (const auto text = text_of(value)) {
        result = from_hex(text->starts_with("0x") ? text->substr(2) : *text);
    } else if (const auto *const list = value.if_array()) {
        result.emplace();
        for (const auto &item : *list) {
            const auto byte = number(item, 0xFF);
            if (!byte) {
                return std::unexpected(byte.error());
            }
            result->push_back(static_cast<std::uint8_t>(*byte));
        }
    }
    if (!result || result->size() > limit) {
        return std::unexpected(std::format(
            "bytes must be pairs of hexadecimal digits or an array of numbers, at most {}", limit));
    }
    return std::move(*result);
}

Value<Bytes> name(const json::value &value, NameOf whose) {
    auto name = bytes(value, max_name_bytes);
    if (!name) {
        return name;
    }
    const bool handle = name->size() == handle_bytes && whose == NameOf::entity;
    const auto alg = name->size() > 2 ? hash_alg(static_cast<std::uint16_t>(name->at(0) << 8U | name->at(1)))
                                      : std::nullopt;
    if (!handle && (!alg || name->size() != 2 + size_of(*alg))) {
        return wrong(whose == NameOf::entity ? "a name must be an algorithm and its digest, or a handle"
                                             : "a name must be an algorithm and its digest");
    }
    return name;
}

Value<bool> yes_no(const json::value &value) {
    if (const auto *const flag = value.if_bool()) {
        return *flag;
    }
    if (const auto text = text_of(value)) {
        const auto name = without_prefix(*text);
        if (same_name(name, "yes") || same_name(name, "no")) {
            return same_name(name, "yes");
        }
    }
    return number(value, 1).transform([](std::uint64_t flag) { return flag == 1; });
}

Value<HashAlg> hash(const json::value &value) {
    const auto found = algorithm(value);
    const auto alg = found ? hash_alg(*found) : std::nullopt;
    return alg ? Value<HashAlg>(*alg) : Value<HashAlg>(wrong("a hash algorithm is not known"));
}

Value<std::uint16_t> comparison(const json::value &value) {
    return constant<std::uint16_t>(value, "the operation", comparison_of);
}

Value<std::uint32_t> command_code(const json::value &value) {
    return constant<std::uint32_t>(value, "the command code", command_code_of);
}

Value<std::uint8_t> locality(const json::value &value) {
    static constexpr std::array<std::string_view, 5> names = {"ZERO", "ONE", "TWO", "THREE", "FOUR"};
    const auto bit_of = [](std::string_view text) -> std::optional<std::uint32_t> {
        while (true) {
            const auto *const found =
                std::ranges::find_if(names, [&](std::string_view name) { return same_name(name, text); });
            const auto shorter = without_prefix(text);
            if (found != names.end() || shorter.size() == text.size()) {
                return found != names.end()
                           ? std::optional(1U << static_cast<unsigned>(found - names.begin()))
                           : std::nullopt;
            }
            text = shorter;
        }
    };
    const auto bits = attributes(value, bit_of);
    if (!bits || *bits == 0 || *bits > 0xFF) {
        return wrong("the locality must be a number from 1 to 255, or names such as ZERO");
    }
    return static_cast<std::uint8_t>(*bits);
}

Value<Bytes> public_area(const json::value &value) {
    const auto *const area = area_in(value, "publicArea");
    const auto *const parameters = area != nullptr ? object_in(*area, "parameters") : nullptr;
    if (parameters == nullptr || field(*area, "type") == nullptr || field(*area, "nameAlg") == nullptr ||
        field(*area, "objectAttributes") == nullptr) {
        return wrong("a public area has type, nameAlg, objectAttributes and parameters");
    }
    const auto type = algorithm(*field(*area, "type"));
    const auto name_alg = hash(*field(*area, "nameAlg"));
    const auto bits = attributes(*field(*area, "objectAttributes"), object_attribute_of);
    const auto policy = optional_bytes(*area, "authPolicy", Digest::max_bytes);
    if (!type || !name_alg || !bits || !policy || (*type != TPM2_ALG_RSA && *type != TPM2_ALG_ECC)) {
        return wrong("of a public area, type (RSA or ECC), nameAlg, objectAttributes or authPolicy is wrong");
    }
    Writer out;
    out.number(*type).number(static_cast<std::uint16_t>(*name_alg)).number(*bits).sized(*policy);
    const auto put = put_symmetric(*parameters, out)
                         .and_then([&] { return put_scheme(object_in(*parameters, "scheme"), out); })
                         .and_then([&] {
                             return *type == TPM2_ALG_RSA ? put_rsa(*area, *parameters, out)
                                                          : put_ecc(*area, *parameters, out);
                         });
    return put ? Value<Bytes>(out.bytes()) : Value<Bytes>(std::unexpected(put.error()));
}

Value<Bytes> name_of_public(const json::value &value) {
    const auto area = public_area(value);
    if (!area) {
        return area;
    }
    const auto *const object = area_in(value, "publicArea");
    const auto *const name_alg = object != nullptr ? field(*object, "nameAlg") : nullptr;
    const auto alg = name_alg != nullptr ? hash(*name_alg) : Value<HashAlg>(wrong("there is no nameAlg"));
    if (!alg) {
        return std::unexpected(alg.error());
    }
    return name_with(*alg, *area);
}

Value<Bytes> name_of_pem(const json::object &element) {
    const auto pem = text_of(*field(element, "keyPEM"));
    auto key =
        pem ? PublicKey::read(as_bytes(*pem)) : Result<PublicKey>(fail(Code::malformed, "it is no string"));
    if (!key) {
        return std::unexpected("keyPEM: " + key.error().detail);
    }
    const auto *const hash_name = field(element, "keyPEMhashAlg");
    const auto alg = hash_name != nullptr ? hash(*hash_name) : Value<HashAlg>(HashAlg::sha256);
    if (!alg) {
        return std::unexpected(alg.error());
    }
    const bool rsa = key->kind() == KeyKind::rsa;
    Writer out;
    out.number(std::uint16_t{rsa ? TPM2_ALG_RSA : TPM2_ALG_ECC}).number(static_cast<std::uint16_t>(*alg));
    out.number(std::uint32_t{object::sign}).sized({}).number(std::uint16_t{TPM2_ALG_NULL});
    const auto numbers = public_numbers(*key);
    if (rsa) {
        if (const auto *const scheme = object_in(element, "rsaScheme")) {
            if (auto put = put_scheme(scheme, out); !put) {
                return std::unexpected(put.error());
            }
        } else {
            out.number(std::uint16_t{TPM2_ALG_RSAPSS}).number(static_cast<std::uint16_t>(*alg));
        }
        out.number(static_cast<std::uint16_t>(numbers.first.size() * 8)).number(numbers.exponent);
        out.sized(numbers.first);
    } else {
        out.number(std::uint16_t{TPM2_ALG_ECDSA}).number(std::uint16_t{TPM2_ALG_SHA256});
        out.number(key->kind() == KeyKind::p256 ? std::uint16_t{TPM2_ECC_NIST_P256}
                                                : std::uint16_t{TPM2_ECC_NIST_P384});
        out.number(std::uint16_t{TPM2_ALG_NULL}).sized(numbers.first).sized(numbers.second);
    }
    return name_with(*alg, out.bytes());
}

Value<Bytes> name_of_nv(const json::value &value) {
    const auto *const area = area_in(value, "nvPublic");
    if (area == nullptr || field(*area, "nvIndex") == nullptr || field(*area, "nameAlg") == nullptr ||
        field(*area, "attributes") == nullptr || field(*area, "dataSize") == nullptr) {
        return wrong("nvPublic has nvIndex, nameAlg, attributes and dataSize");
    }
    const auto index = number(*field(*area, "nvIndex"), 0xFFFFFFFF);
    const auto alg = hash(*field(*area, "nameAlg"));
    const auto bits = attributes(*field(*area, "attributes"), nv_attribute_of);
    const auto policy = optional_bytes(*area, "authPolicy", Digest::max_bytes);
    const auto size = number(*field(*area, "dataSize"), 0xFFFF);
    if (!index || !alg || !bits || !policy || !size || *index >> 24U != TPM2_HT_NV_INDEX) {
        return wrong(
            "of nvPublic, nvIndex (0x01......), nameAlg, attributes, authPolicy or dataSize is wrong");
    }
    Writer out;
    out.number(static_cast<std::uint32_t>(*index)).number(static_cast<std::uint16_t>(*alg));
    // Whoever satisfies the policy reads or compares the index, so that it is written by then.
    out.number(*bits | std::uint32_t{TPMA_NV_WRITTEN})
        .sized(*policy)
        .number(static_cast<std::uint16_t>(*size));
    return name_with(*alg, out.bytes());
}

} // namespace dsmil::attest::policy_json
