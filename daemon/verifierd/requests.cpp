// SPDX-License-Identifier: Apache-2.0
#include "verifierd/requests.hpp"

#include "attest/ek_certificate.hpp"
#include "attest/event_log.hpp"
#include "attest/ima.hpp"

#include <boost/json/parse.hpp>
#include <charconv>
#include <format>

namespace dsmil::verifierd {
namespace {

namespace json = boost::json;

constexpr std::size_t max_json_depth = 8;
constexpr std::size_t max_secret_bytes = 64;
constexpr std::size_t digest_bytes = 32;

std::unexpected<Error> bad(std::string detail) {
    return fail(Code::usage, std::move(detail));
}

Result<json::object> object_of(std::string_view body) {
    boost::system::error_code error;
    json::parse_options options;
    options.max_depth = max_json_depth;
    auto parsed = json::parse(body, error, {}, options);
    if (error || !parsed.is_object()) {
        return fail(Code::usage, "the body must be a JSON object",
                    error ? std::vector{error.message()} : std::vector<std::string>{});
    }
    return std::move(parsed.get_object());
}

Result<const json::object *> object_member(const json::object &object, std::string_view name) {
    const auto *value = object.if_contains(name);
    const auto *member = value != nullptr ? value->if_object() : nullptr;
    if (member == nullptr) {
        return bad(std::format("{} must be an object", name));
    }
    return member;
}

Result<Bytes> bytes_of(const json::value &value, std::string_view name, std::size_t limit) {
    const auto *text = value.if_string();
    auto bytes = text != nullptr ? from_base64(*text) : std::nullopt;
    if (!bytes || bytes->empty() || bytes->size() > limit) {
        return bad(std::format("{} must be 1 to {} bytes in base64", name, limit));
    }
    return std::move(*bytes);
}

Result<Bytes> bytes_member(const json::object &object, std::string_view name, std::size_t limit) {
    const auto *value = object.if_contains(name);
    return value != nullptr ? bytes_of(*value, name, limit)
                            : Result<Bytes>(bad(std::format("{} is missing", name)));
}

// Absent and null are the same: there is none.
Result<std::optional<Bytes>> optional_member(const json::object &object, std::string_view name,
                                             std::size_t limit) {
    const auto *value = object.if_contains(name);
    if (value == nullptr || value->is_null()) {
        return std::nullopt;
    }
    return bytes_of(*value, name, limit).transform([](Bytes &&bytes) {
        return std::optional(std::move(bytes));
    });
}

Result<void> only(const json::object &object, std::initializer_list<std::string_view> names) {
    for (const auto &[name, value] : object) {
        if (std::ranges::find(names, std::string_view(name)) == names.end()) {
            return bad(std::format("there is no member {}", printable(name)));
        }
    }
    return {};
}

Result<std::vector<Bytes>> chain_of(const json::object &ek) {
    std::vector<Bytes> chain;
    const auto *value = ek.if_contains("chain");
    if (value == nullptr || value->is_null()) {
        return chain;
    }
    const auto *array = value->if_array();
    if (array == nullptr || array->size() > max_chain) {
        return bad(std::format("chain must be an array of at most {} certificates", max_chain));
    }
    for (const auto &item : *array) {
        auto certificate = bytes_of(item, "a certificate of chain", attest::max_certificate_bytes);
        if (!certificate) {
            return std::unexpected(std::move(certificate.error()));
        }
        chain.push_back(std::move(*certificate));
    }
    return chain;
}

Result<attest::Pcrs> pcrs_of(const json::object &object) {
    const auto values = object_member(object, "pcrs");
    if (!values) {
        return std::unexpected(values.error());
    }
    attest::Pcrs pcrs;
    for (const auto &[key, value] : **values) {
        unsigned pcr = 0;
        const auto *const key_end = key.data() + key.size();
        const auto [end, error] = std::from_chars(key.data(), key_end, pcr);
        const auto *text = value.if_string();
        auto bytes = text != nullptr ? from_hex(*text) : std::nullopt;
        if (error != std::errc{} || end != key_end || pcr >= attest::pcr_count ||
            (key.size() > 1 && key.front() == '0') || !bytes || bytes->size() != digest_bytes) {
            return bad(std::format("pcrs must have numbers from 0 to {} and {} bytes in hexadecimal each",
                                   attest::pcr_count - 1, digest_bytes));
        }
        pcrs.emplace(pcr, std::move(*bytes));
    }
    return pcrs;
}

} // namespace

Result<EnrolmentRequest> parse_enrolment(std::string_view body) {
    const auto object = object_of(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    if (auto known = only(*object, {"ek", "ak"}); !known) {
        return std::unexpected(std::move(known.error()));
    }
    const auto ek = object_member(*object, "ek");
    const auto ak = object_member(*object, "ak");
    if (!ek || !ak) {
        return std::unexpected(ek ? ak.error() : ek.error());
    }
    auto ek_public = bytes_member(**ek, "public", max_key_bytes);
    auto ak_public = bytes_member(**ak, "public", max_key_bytes);
    auto certificate = optional_member(**ek, "certificate", attest::max_certificate_bytes);
    auto chain = chain_of(**ek);
    if (!ek_public || !ak_public) {
        return std::unexpected(ek_public ? ak_public.error() : ek_public.error());
    }
    if (!certificate || !chain) {
        return std::unexpected(certificate ? chain.error() : certificate.error());
    }
    return EnrolmentRequest{.ek_public = std::move(*ek_public),
                            .certificate = std::move(*certificate),
                            .chain = std::move(*chain),
                            .ak_public = std::move(*ak_public)};
}

Result<Bytes> parse_secret(std::string_view body) {
    const auto object = object_of(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    if (auto known = only(*object, {"secret"}); !known) {
        return std::unexpected(std::move(known.error()));
    }
    return bytes_member(*object, "secret", max_secret_bytes);
}

Result<Evidence> parse_evidence(std::string_view body) {
    const auto object = object_of(body);
    if (!object) {
        return std::unexpected(object.error());
    }
    if (auto known = only(*object, {"quoted", "signature", "pcrs", "event_log", "ima"}); !known) {
        return std::unexpected(std::move(known.error()));
    }
    auto quoted = bytes_member(*object, "quoted", max_quote_bytes);
    auto signature = bytes_member(*object, "signature", max_quote_bytes);
    auto pcrs = pcrs_of(*object);
    if (!quoted || !signature) {
        return std::unexpected(quoted ? signature.error() : quoted.error());
    }
    if (!pcrs) {
        return std::unexpected(std::move(pcrs.error()));
    }
    auto event_log = optional_member(*object, "event_log", attest::max_log_bytes);
    auto ima = optional_member(*object, "ima", attest::max_ima_bytes);
    if (!event_log || !ima) {
        return std::unexpected(event_log ? ima.error() : event_log.error());
    }
    return Evidence{.quoted = std::move(*quoted),
                    .signature = std::move(*signature),
                    .pcrs = std::move(*pcrs),
                    .event_log = std::move(*event_log),
                    .ima = std::move(*ima)};
}

} // namespace dsmil::verifierd
