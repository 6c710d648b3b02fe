// SPDX-License-Identifier: Apache-2.0
#include "api/device_request.hpp"

#include "api/json_members.hpp"
#include "attest/quote.hpp"
#include "dsmil/catalog.hpp"
#include "tpm/service.hpp"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <charconv>
#include <format>
#include <limits>
#include <tss2/tss2_mu.h>
#include <utility>

namespace dsmil::api {
namespace {

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t recovery_bytes = 32;
constexpr std::size_t name_bytes = 34; // the algorithm and a SHA-256
constexpr std::size_t max_spki_bytes = 256;
constexpr std::size_t index_characters = 10;

using tpm::policy::Comparison;
constexpr std::array<std::pair<std::string_view, Comparison>, 4> comparisons = {{
    {"equal", Comparison::equal},
    {"not_equal", Comparison::not_equal},
    {"at_least", Comparison::unsigned_ge},
    {"at_most", Comparison::unsigned_le},
}};

Result<std::uint16_t> parse_id(const boost::json::value &value) {
    const auto *text = value.if_string();
    const auto *device = text != nullptr ? find_device(std::string_view(*text)) : nullptr;
    if (device == nullptr) {
        return fail(Code::device_unknown, "device must be the id of a device, such as \"0x8005\"");
    }
    return device->id;
}

// Takes one member; usage when the operation has no such one.
Result<void> take(const DeviceMembers &members, std::string_view name, const boost::json::value &value,
                  DeviceRequest &request) {
    const auto keep = [](auto &place, auto result) -> Result<void> {
        if (!result) {
            return std::unexpected(std::move(result.error()));
        }
        place = std::move(*result);
        return {};
    };
    if (name == "device") {
        return keep(request.device, parse_id(value));
    }
    if (name == "nonce" && members.nonce) {
        return keep(request.nonce, parse_hex(name, value, 8, tpm::max_nonce_bytes));
    }
    if (name == "pcrs" && members.pcrs) {
        return keep(request.pcrs, parse_pcrs(value));
    }
    if (name == "record" && members.record) {
        return keep(request.record, parse_number(name, value, 0, std::numeric_limits<std::uint64_t>::max()));
    }
    if (name == "recovery" && members.sealed) {
        return keep(request.recovery, parse_hex(name, value, recovery_bytes, recovery_bytes));
    }
    if (name == "sealed" && members.sealed) {
        return value.is_object() ? keep(request.sealed, sealed_from_json(value.get_object()))
                                 : bad_member(name, "must be an object");
    }
    return fail(Code::usage, std::format("there is no member {}", name));
}

template <typename T, typename Unmarshal>
bool decode(const boost::json::value *value, T &place, Unmarshal unmarshal) {
    const auto *text = value != nullptr ? value->if_string() : nullptr;
    const auto bytes = text != nullptr ? from_base64(*text) : std::nullopt;
    std::size_t at = 0;
    return bytes && unmarshal(bytes->data(), bytes->size(), &at, &place) == TSS2_RC_SUCCESS &&
           at == bytes->size();
}

bool decode_pcrs(const boost::json::value *value, bool may_be_none, std::map<unsigned, Bytes> &pcrs) {
    const auto *object = value != nullptr ? value->if_object() : nullptr;
    if (object == nullptr || (object->empty() && !may_be_none) || object->size() > attest::pcr_count) {
        return false;
    }
    for (const auto &[name, hex] : *object) {
        unsigned number = 0;
        const std::string_view digits(name);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        auto bytes = hex.is_string() ? from_hex(hex.get_string()) : std::nullopt;
        if (error != std::errc{} || end != digits.data() + digits.size() || number >= attest::pcr_count ||
            !bytes || bytes->size() != digest_bytes || pcrs.contains(number)) {
            return false;
        }
        pcrs.emplace(number, std::move(*bytes));
    }
    return true;
}

// A text member in hexadecimal of min .. max bytes.
std::optional<Bytes> hex_of(const boost::json::object &object, std::string_view name, std::size_t min,
                            std::size_t max) {
    const auto *member = object.if_contains(name);
    auto bytes = member != nullptr && member->is_string() ? from_hex(member->get_string()) : std::nullopt;
    return bytes && bytes->size() >= min && bytes->size() <= max ? bytes : std::nullopt;
}

bool decode_approver(const boost::json::value &value, std::optional<tpm::Approver> &place) {
    const auto *object = value.if_object();
    const auto *spki = object != nullptr ? object->if_contains("spki") : nullptr;
    auto key = spki != nullptr && spki->is_string() ? from_base64(spki->get_string()) : std::nullopt;
    auto reference = key ? hex_of(*object, "reference", 0, digest_bytes) : std::nullopt;
    if (!reference || object->size() != 2 || key->size() > max_spki_bytes) {
        return false;
    }
    place = tpm::Approver{std::move(*key), std::move(*reference)};
    return true;
}

bool decode_nv(const boost::json::value &value, std::optional<tpm::NvCondition> &place) {
    const auto *object = value.if_object();
    const auto *index = object != nullptr ? object->if_contains("index") : nullptr;
    const auto *comparison = object != nullptr ? object->if_contains("comparison") : nullptr;
    if (index == nullptr || comparison == nullptr || object->size() != 4) {
        return false;
    }
    const auto handle = parse_index("index", *index);
    const auto compared = parse_comparison("comparison", *comparison);
    auto known_as = hex_of(*object, "name", name_bytes, name_bytes);
    auto operand = hex_of(*object, "operand", 1, max_operand_bytes);
    if (!handle || !compared || !known_as || !operand) {
        return false;
    }
    place = tpm::NvCondition{*handle, std::move(*known_as), std::move(*operand), *compared};
    return true;
}

} // namespace

std::string_view name(tpm::policy::Comparison comparison) {
    const auto found =
        std::ranges::find(comparisons, comparison, &std::pair<std::string_view, Comparison>::second);
    return found != comparisons.end() ? found->first : "";
}

Result<tpm::policy::Comparison> parse_comparison(std::string_view member, const boost::json::value &value) {
    const auto *text = value.if_string();
    const auto found = std::ranges::find(comparisons, text != nullptr ? std::string_view(*text) : "",
                                         &std::pair<std::string_view, Comparison>::first);
    return found != comparisons.end() ? Result<Comparison>(found->second)
                                      : bad_member(member, "must be equal, not_equal, at_least or at_most");
}

Result<TPM2_HANDLE> parse_index(std::string_view member, const boost::json::value &value) {
    const auto *text = value.if_string();
    const std::string_view digits = text != nullptr ? std::string_view(*text) : "";
    TPM2_HANDLE handle = 0;
    const auto [end, error] = std::from_chars(digits.data() + std::min<std::size_t>(2, digits.size()),
                                              digits.data() + digits.size(), handle, 16);
    if (!digits.starts_with("0x") || digits.size() != index_characters || error != std::errc{} ||
        end != digits.data() + digits.size()) {
        return bad_member(member, "must be an NV index such as \"0x01801000\"");
    }
    return handle;
}

Result<DeviceRequest> parse_device_request(std::string_view body, const DeviceMembers &members) {
    const auto object = parse_object(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    DeviceRequest request;
    request.pcrs = members.default_pcrs;
    for (const auto &[name, value] : *object) {
        if (auto taken = take(members, name, value, request); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
    if (request.device == 0 || (members.nonce && request.nonce.empty()) ||
        (members.sealed && !request.sealed) || (members.record && !request.record)) {
        return fail(Code::usage, request.device == 0 ? "device is missing"
                                 : members.sealed    ? "sealed is missing"
                                 : members.record    ? "record is missing"
                                                     : "nonce is missing");
    }
    return request;
}

Result<boost::json::object> sealed_to_json(const tpm::Sealed &sealed) {
    Bytes public_part(sizeof(TPM2B_PUBLIC));
    Bytes private_part(sizeof(TPM2B_PRIVATE));
    std::size_t public_size = 0;
    std::size_t private_size = 0;
    if (Tss2_MU_TPM2B_PUBLIC_Marshal(&sealed.blobs.public_area, public_part.data(), public_part.size(),
                                     &public_size) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Marshal(&sealed.blobs.private_area, private_part.data(), private_part.size(),
                                      &private_size) != TSS2_RC_SUCCESS) {
        return fail(Code::internal, "what was sealed could not be encoded");
    }
    boost::json::object pcrs;
    for (const auto &[number, value] : sealed.pcrs) {
        pcrs[std::to_string(number)] = to_hex(value);
    }
    boost::json::object made = {{"version", 1},
                                {"public", to_base64(ByteView(public_part).first(public_size))},
                                {"private", to_base64(ByteView(private_part).first(private_size))},
                                {"pcrs", std::move(pcrs)},
                                {"recovery", sealed.recovery}};
    if (sealed.approver) {
        made["approver"] = {{"spki", to_base64(sealed.approver->spki)},
                            {"reference", to_hex(sealed.approver->reference)}};
    }
    if (sealed.nv) {
        made["nv"] = {{"index", std::format("0x{:08X}", sealed.nv->index)},
                      {"name", to_hex(sealed.nv->name)},
                      {"operand", to_hex(sealed.nv->operand)},
                      {"comparison", name(sealed.nv->comparison)}};
    }
    return made;
}

Result<tpm::Sealed> sealed_from_json(const boost::json::object &object) {
    tpm::Sealed sealed;
    const auto *version = object.if_contains("version");
    const auto *recovery = object.if_contains("recovery");
    const auto *approver = object.if_contains("approver");
    const auto *nv = object.if_contains("nv");
    const std::size_t members = 5 + (approver != nullptr ? 1 : 0) + (nv != nullptr ? 1 : 0);
    if (version == nullptr || !version->is_int64() || version->get_int64() != 1 || recovery == nullptr ||
        !recovery->is_bool() || object.size() != members ||
        !decode(object.if_contains("public"), sealed.blobs.public_area, Tss2_MU_TPM2B_PUBLIC_Unmarshal) ||
        !decode(object.if_contains("private"), sealed.blobs.private_area, Tss2_MU_TPM2B_PRIVATE_Unmarshal) ||
        !decode_pcrs(object.if_contains("pcrs"), nv != nullptr, sealed.pcrs) ||
        (approver != nullptr && !decode_approver(*approver, sealed.approver)) ||
        (nv != nullptr && !decode_nv(*nv, sealed.nv))) {
        return fail(Code::usage, "it is not what dsmilctl device seal, or tpm seal, wrote");
    }
    sealed.recovery = recovery->get_bool();
    return sealed;
}

} // namespace dsmil::api
