// SPDX-License-Identifier: Apache-2.0
#include "api/tpm_json.hpp"

#include "base/bytes.hpp"
#include "base/sha256.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace dsmil::api {
namespace {

double milliseconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

boost::json::array commands_json(const tpm::Timings::Snapshot &counted) {
    boost::json::array commands;
    for (const auto &[name, histogram] : counted.commands) {
        commands.push_back({{"command", name},
                            {"count", histogram.count()},
                            {"p50_ms", milliseconds(histogram.quantile(0.50))},
                            {"p95_ms", milliseconds(histogram.quantile(0.95))},
                            {"p99_ms", milliseconds(histogram.quantile(0.99))},
                            {"longest_ms", milliseconds(histogram.longest())}});
    }
    return commands;
}

boost::json::object status_json(const tpm::Status &status) {
    return {
        {"manufacturer", status.manufacturer},
        {"firmware_version", status.firmware_version},
        {"reset_count", status.reset_count},
        {"restart_count", status.restart_count},
        {"lockout",
         {{"locked", status.lockout_left.count() != 0},
          {"counter", status.lockout_counter},
          {"limit", status.lockout_limit},
          {"interval_s", status.lockout_interval.count()},
          {"left_s", status.lockout_left.count()}}},
        {"secrets",
         {{"owner", status.owner_secret},
          {"endorsement", status.endorsement_secret},
          {"lockout", status.lockout_secret}}},
        {"persistent", {{"objects", status.persistent_objects}, {"room", status.persistent_room}}},
        {"nv",
         {{"writes", status.nv_writes},
          {"endurance", tpm::nv_endurance},
          {"worn", static_cast<double>(status.nv_writes) / static_cast<double>(tpm::nv_endurance)}}},
    };
}

boost::json::value fingerprint(const std::optional<Bytes> &spki) {
    return spki ? boost::json::value(to_hex(sha256(*spki))) : boost::json::value(nullptr);
}

} // namespace

boost::json::value origin_json(const std::optional<tpm::Origin> &origin) {
    if (!origin) {
        return nullptr;
    }
    boost::json::object json = {{"name", to_hex(origin->root_name)},
                                {"certified", !origin->trouble},
                                {"ek", nullptr},
                                {"ek_certificate_sha256", nullptr},
                                {"maker", nullptr},
                                {"maker_sha256", nullptr},
                                {"reason", nullptr},
                                {"remedy", nullptr}};
    if (const auto &trouble = origin->trouble) {
        json["reason"] = trouble->detail;
        json["remedy"] = tpm::certify_remedy;
        return json;
    }
    json["ek"] = origin->ek;
    json["ek_certificate_sha256"] = to_hex(origin->ek_certificate_sha256);
    json["maker"] = origin->maker;
    json["maker_sha256"] = to_hex(origin->maker_sha256);
    return json;
}

std::string_view tpm_word(const std::optional<Error> &trouble) {
    if (!trouble) {
        return "ready";
    }
    switch (trouble->code) {
    case Code::tpm_missing:
        return "missing";
    case Code::try_again:
        return "starting";
    default:
        return "failed";
    }
}

std::string trouble_text(const Error &trouble) {
    std::string text = trouble.detail;
    for (const auto &cause : trouble.causes) {
        text += "; because: " + cause;
    }
    return text;
}

boost::json::object tpm_json(const tpm::Service &service, const std::optional<tpm::Status> &status) {
    const auto &trouble = service.trouble();
    const auto counted = service.timings().snapshot();
    boost::json::object errors;
    for (const auto &[kind, count] : counted.errors) {
        errors[kind] = count;
    }
    boost::json::object body = {
        {"state", tpm_word(trouble)},
        {"attested", !trouble},
        {"signer", nullptr},
        {"trouble", nullptr},
        {"remedy", nullptr},
        {"tpm", nullptr},
        {"storage_root", trouble ? boost::json::value(nullptr) : origin_json(service.origin())},
        {"keys",
         {{"checkpoint", fingerprint(service.public_key())}, {"grant", fingerprint(service.grant_key())}}},
        {"queue", {{"waiting", service.waiting()}, {"limit", Worker::queue_limit}}},
        {"commands", commands_json(counted)},
        {"errors", std::move(errors)},
    };
    if (!trouble || service.fell_back()) {
        body["signer"] = trouble ? "file" : "tpm";
    }
    if (trouble) {
        body["trouble"] = trouble_text(*trouble);
        body["remedy"] = info(trouble->code).remedy;
    }
    if (status) {
        body["tpm"] = status_json(*status);
    }
    return body;
}

} // namespace dsmil::api
