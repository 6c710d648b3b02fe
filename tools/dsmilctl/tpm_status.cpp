// SPDX-License-Identifier: Apache-2.0
#include "api_answer.hpp"
#include "api_client.hpp"
#include "command.hpp"
#include "output.hpp"
#include "tpm_answer.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

constexpr std::chrono::seconds patience{30};

std::string lockout_text(const TpmAnswer::Chip &chip) {
    if (chip.lockout_left_s != 0) {
        return std::format("LOCKED OUT: {} wrong authorisations of {}; takes them again in {} s at most",
                           chip.lockout_counter, chip.lockout_limit, chip.lockout_left_s);
    }
    return std::format("{} wrong authorisations of {}", chip.lockout_counter, chip.lockout_limit);
}

std::string origin_text(const OriginAnswer &origin) {
    if (!origin.certified) {
        return printable(std::format("NOT CERTIFIED, believed at first sight: {}", origin.reason));
    }
    return printable(std::format("certified by {} ({} certificate {})", origin.maker, origin.ek,
                                 origin.ek_certificate_sha256));
}

void print_text(const TpmAnswer &answer, Output &out) {
    std::vector<std::vector<std::string>> facts = {
        {"state",
         answer.attested ? answer.state : std::format("{}: this machine is UNATTESTED", answer.state)}};
    if (answer.trouble) {
        facts.push_back({"because", printable(*answer.trouble)});
        facts.push_back({"remedy", printable(answer.remedy.value_or(""))});
    }
    if (const auto &chip = answer.chip) {
        facts.push_back(
            {"chip", printable(std::format("{}, firmware {}", chip->manufacturer, chip->firmware_version))});
        facts.push_back({"lockout", lockout_text(*chip)});
        facts.push_back(
            {"resets", std::format("{}, and {} resumes since", chip->reset_count, chip->restart_count)});
        facts.push_back({"wear", std::format("{} writes of about {}", chip->nv_writes, chip->nv_endurance)});
    }
    if (const auto &origin = answer.origin) {
        facts.push_back({"origin", origin_text(*origin)});
        if (!origin->certified) {
            facts.push_back({"remedy", printable(origin->remedy)});
        }
    }
    facts.push_back({"queue", std::format("{} wait of at most {}", answer.waiting, answer.queue_limit)});
    for (const auto &[kind, count] : answer.errors) {
        facts.push_back({"errors", printable(std::format("{} {}", count, kind))});
    }
    out.table(facts);
    if (answer.commands.empty()) {
        return;
    }
    std::vector<std::vector<std::string>> rows = {
        {"COMMAND", "COUNT", "P50 ms", "P95 ms", "P99 ms", "LONGEST ms"}};
    for (const auto &command : answer.commands) {
        rows.push_back({printable(command.name), std::to_string(command.count),
                        std::format("{:.2f}", command.p50_ms), std::format("{:.2f}", command.p95_ms),
                        std::format("{:.2f}", command.p99_ms), std::format("{:.2f}", command.longest_ms)});
    }
    out.line("");
    out.table(rows);
}

boost::json::object chip_json(const TpmAnswer::Chip &chip) {
    return {{"manufacturer", chip.manufacturer},       {"firmware_version", chip.firmware_version},
            {"reset_count", chip.reset_count},         {"restart_count", chip.restart_count},
            {"lockout_counter", chip.lockout_counter}, {"lockout_limit", chip.lockout_limit},
            {"lockout_left_s", chip.lockout_left_s},   {"nv_writes", chip.nv_writes},
            {"nv_endurance", chip.nv_endurance}};
}

boost::json::object json(const Call &call, const TpmAnswer &answer) {
    const auto text = [](const std::optional<std::string> &value) {
        return value ? boost::json::value(*value) : boost::json::value(nullptr);
    };
    boost::json::array commands;
    for (const auto &command : answer.commands) {
        commands.push_back({{"command", command.name},
                            {"count", command.count},
                            {"p50_ms", command.p50_ms},
                            {"p95_ms", command.p95_ms},
                            {"p99_ms", command.p99_ms},
                            {"longest_ms", command.longest_ms}});
    }
    boost::json::object errors;
    for (const auto &[kind, count] : answer.errors) {
        errors[kind] = count;
    }
    return {{"schema", call.command->schema},
            {"state", answer.state},
            {"attested", answer.attested},
            {"trouble", text(answer.trouble)},
            {"remedy", text(answer.remedy)},
            {"tpm", answer.chip ? boost::json::value(chip_json(*answer.chip)) : boost::json::value(nullptr)},
            {"storage_root",
             answer.origin ? boost::json::value(origin_json(*answer.origin)) : boost::json::value(nullptr)},
            {"queue", {{"waiting", answer.waiting}, {"limit", answer.queue_limit}}},
            {"commands", std::move(commands)},
            {"errors", std::move(errors)}};
}

} // namespace

dsmil::Result<int> run_tpm_status(const Call &call, Output &out) {
    const auto body = ApiClient(call.socket).get("/v1/tpm", patience);
    if (!body) {
        return std::unexpected(body.error());
    }
    const auto answer = decode_object("dsmild", *body).and_then(decode_tpm);
    if (!answer) {
        return std::unexpected(answer.error());
    }
    if (call.json) {
        out.object(json(call, *answer));
    } else {
        print_text(*answer, out);
    }
    return answer->attested ? 0 : dsmil::info(dsmil::Code::tpm_missing).exit;
}

} // namespace dsmilctl
