// SPDX-License-Identifier: Apache-2.0
#include "api/device_request.hpp"

#include "api/attest_request.hpp"
#include "attest/quote.hpp"
#include "dsmil/catalog.hpp"
#include "tpm/service.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <format>
#include <tss2/tss2_mu.h>

namespace dsmil::api {
namespace {

constexpr std::size_t max_json_depth = 6;
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t recovery_bytes = 32;

std::unexpected<Error> bad(std::string_view member, std::string_view what) {
    return fail(Code::usage, std::format("{} {}", member, what));
}

Result<std::uint16_t> parse_id(const boost::json::value &value) {
    const auto *text = value.if_string();
    const auto *device = text != nullptr ? find_device(std::string_view(*text)) : nullptr;
    if (device == nullptr) {
        return fail(Code::device_unknown, "device must be the id of a device, such as \"0x8005\"");
    }
    return device->id;
}

Result<Bytes> parse_bytes(std::string_view member, const boost::json::value &value, std::size_t min,
                          std::size_t max) {
    const auto *text = value.if_string();
    auto bytes = text != nullptr ? from_hex(*text) : std::nullopt;
    if (!bytes || bytes->size() < min || bytes->size() > max) {
        return bad(member, std::format("must be {} to {} bytes in hexadecimal", min, max));
    }
    return std::move(*bytes);
}

Result<std::vector<unsigned>> parse_pcrs(const boost::json::value &value) {
    std::vector<unsigned> pcrs;
    const auto *array = value.if_array();
    bool right = array != nullptr && !array->empty() && array->size() <= attest::pcr_count;
    for (std::size_t i = 0; right && i < array->size(); i++) {
        const auto *number = (*array)[i].if_int64();
        right = number != nullptr && *number >= 0 && *number < std::int64_t{attest::pcr_count};
        if (right) {
            pcrs.push_back(static_cast<unsigned>(*number));
        }
    }
    std::ranges::sort(pcrs);
    if (!right || std::ranges::adjacent_find(pcrs) != pcrs.end()) {
        return bad("pcrs",
                   std::format("must be distinct numbers from 0 to {}, at least one", attest::pcr_count - 1));
    }
    return pcrs;
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
        return keep(request.nonce, parse_bytes(name, value, 8, tpm::max_nonce_bytes));
    }
    if (name == "pcrs" && members.pcrs) {
        return keep(request.pcrs, parse_pcrs(value));
    }
    if (name == "recovery" && members.sealed) {
        return keep(request.recovery, parse_bytes(name, value, recovery_bytes, recovery_bytes));
    }
    if (name == "sealed" && members.sealed) {
        return value.is_object() ? keep(request.sealed, sealed_from_json(value.get_object()))
                                 : bad(name, "must be an object");
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

bool decode_pcrs(const boost::json::value *value, std::map<unsigned, Bytes> &pcrs) {
    const auto *object = value != nullptr ? value->if_object() : nullptr;
    if (object == nullptr || object->empty() || object->size() > attest::pcr_count) {
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

} // namespace

Result<DeviceRequest> parse_device_request(std::string_view body, const DeviceMembers &members) {
    boost::system::error_code error;
    boost::json::parse_options options;
    options.max_depth = max_json_depth;
    const auto parsed = boost::json::parse(body, error, {}, options);
    const auto *object = error ? nullptr : parsed.if_object();
    if (object == nullptr) {
        return fail(Code::usage, "the body must be a JSON object",
                    error ? std::vector{error.message()} : std::vector<std::string>{});
    }
    DeviceRequest request;
    request.pcrs = members.default_pcrs;
    for (const auto &[name, value] : *object) {
        if (auto taken = take(members, name, value, request); !taken) {
            return std::unexpected(std::move(taken.error()));
        }
    }
    if (request.device == 0 || (members.nonce && request.nonce.empty()) ||
        (members.sealed && !request.sealed)) {
        return fail(Code::usage, request.device == 0 ? "device is missing"
                                 : members.sealed    ? "sealed is missing"
                                                     : "nonce is missing");
    }
    return request;
}

Result<boost::json::object> sealed_to_json(const tpm::Sealed &sealed) {
    Bytes public_part(sizeof(TPM2B_PUBLIC));
    Bytes private_part(sizeof(TPM2B_PRIVATE));
    std::size_t public_size = 0;
    std::size_t private_size = 0;
    if (sealed.approver || sealed.nv ||
        Tss2_MU_TPM2B_PUBLIC_Marshal(&sealed.blobs.public_area, public_part.data(), public_part.size(),
                                     &public_size) != TSS2_RC_SUCCESS ||
        Tss2_MU_TPM2B_PRIVATE_Marshal(&sealed.blobs.private_area, private_part.data(), private_part.size(),
                                      &private_size) != TSS2_RC_SUCCESS) {
        return fail(Code::internal, "what was sealed could not be encoded");
    }
    boost::json::object pcrs;
    for (const auto &[number, value] : sealed.pcrs) {
        pcrs[std::to_string(number)] = to_hex(value);
    }
    return boost::json::object{{"version", 1},
                               {"public", to_base64(ByteView(public_part).first(public_size))},
                               {"private", to_base64(ByteView(private_part).first(private_size))},
                               {"pcrs", std::move(pcrs)},
                               {"recovery", sealed.recovery}};
}

Result<tpm::Sealed> sealed_from_json(const boost::json::object &object) {
    tpm::Sealed sealed;
    const auto *version = object.if_contains("version");
    const auto *recovery = object.if_contains("recovery");
    if (version == nullptr || !version->is_int64() || version->get_int64() != 1 || recovery == nullptr ||
        !recovery->is_bool() || object.size() != 5 ||
        !decode(object.if_contains("public"), sealed.blobs.public_area, Tss2_MU_TPM2B_PUBLIC_Unmarshal) ||
        !decode(object.if_contains("private"), sealed.blobs.private_area, Tss2_MU_TPM2B_PRIVATE_Unmarshal) ||
        !decode_pcrs(object.if_contains("pcrs"), sealed.pcrs)) {
        return fail(Code::usage, "it is not what dsmilctl device seal wrote");
    }
    sealed.recovery = recovery->get_bool();
    return sealed;
}

} // namespace dsmil::api
