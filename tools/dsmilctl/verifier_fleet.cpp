// SPDX-License-Identifier: Apache-2.0
// An operator's side: verifier list, show, remove.
#include "api_answer.hpp"
#include "command.hpp"
#include "output.hpp"
#include "text.hpp"
#include "verifier_answer.hpp"
#include "verifier_client.hpp"
#include "verifierd/machine.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

constexpr std::size_t page = 1'000;
constexpr std::uint64_t ns_per_s = 1'000'000'000;
constexpr std::size_t shown_results = 10;

struct Fleet {
    std::uint64_t now = 0; // by the verifier's clock
    std::vector<MachineAnswer> machines;
};

Result<Fleet> fetch(const VerifierClient &verifier) {
    Fleet fleet;
    std::size_t got = page;
    while (got == page && fleet.machines.size() < dsmil::verifierd::max_machines) {
        const auto after = fleet.machines.empty() ? "" : fleet.machines.back().name;
        const auto answer = verifier.get(std::format("/v1/machines?limit={}&after={}", page, after));
        if (!answer) {
            return std::unexpected(answer.error());
        }
        const auto now = number_member(*answer, "now");
        auto machines = decode_machines(*answer);
        if (!now || !machines) {
            return std::unexpected(now ? machines.error() : now.error());
        }
        fleet.now = *now;
        got = machines->size();
        fleet.machines.insert(fleet.machines.end(), std::make_move_iterator(machines->begin()),
                              std::make_move_iterator(machines->end()));
    }
    return fleet;
}

std::string ago(const std::optional<std::uint64_t> &when, std::uint64_t now) {
    return !when ? "never" : std::format("{} ago", duration(now > *when ? now - *when : 0));
}

std::string time_text(const std::optional<std::uint64_t> &when) {
    return when ? utc(*when * ns_per_s) : "never";
}

// The machine that the user named, as it may stand in a path.
Result<std::string> name_of(const Call &call) {
    const auto &name = call.argument("MACHINE");
    if (!dsmil::verifierd::is_machine_name(name)) {
        return dsmil::fail(Code::usage, "MACHINE must be a name: letters, digits, '.', '_' and '-'");
    }
    return name;
}

void print_machine(const MachineAnswer &machine, const std::vector<ResultAnswer> &results, Output &out) {
    out.table(
        {{"machine", machine.name},
         {"state", machine.state},
         {"last attested", time_text(machine.attested_at)},
         {"last result", std::format("{} {}", time_text(machine.tried_at), machine.outcome.value_or(""))},
         {"enrolled", time_text(machine.enrolled_at)},
         {"rule", machine.rule.empty() ? "none names it any more" : machine.rule},
         {"TPM", machine.vendor.empty() ? "without a certificate" : machine.vendor},
         {"EK", machine.ek_name},
         {"AK", machine.ak_name},
         {"asked by", machine.pulled ? "the verifier" : "itself"}});
    for (const auto &result : results) {
        out.line("");
        print_result(result, out);
    }
}

} // namespace

Result<int> run_verifier_list(const Call &call, Output &out) {
    const auto verifier = VerifierClient::open(call);
    const auto fleet = verifier ? fetch(*verifier) : Result<Fleet>(std::unexpected(verifier.error()));
    if (!fleet) {
        return std::unexpected(fleet.error());
    }
    if (call.json) {
        boost::json::array machines;
        for (const auto &machine : fleet->machines) {
            machines.push_back(machine_json(machine));
        }
        out.object(
            {{"schema", call.command->schema}, {"now", fleet->now}, {"machines", std::move(machines)}});
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"MACHINE", "STATE", "LAST ATTESTED", "RULE"}};
    for (const auto &machine : fleet->machines) {
        rows.push_back({machine.name, machine.state, ago(machine.attested_at, fleet->now), machine.rule});
    }
    out.table(rows);
    return 0;
}

Result<int> run_verifier_show(const Call &call, Output &out) {
    const auto name = name_of(call);
    if (!name) {
        return std::unexpected(name.error());
    }
    const auto verifier = VerifierClient::open(call);
    if (!verifier) {
        return std::unexpected(verifier.error());
    }
    const auto machine = verifier->get("/v1/machines/" + *name).and_then(decode_machine);
    if (!machine) {
        return std::unexpected(machine.error());
    }
    const auto results = verifier->get(std::format("/v1/machines/{}/results?limit={}", *name, shown_results))
                             .and_then(decode_results);
    if (!results) {
        return std::unexpected(results.error());
    }
    if (call.json) {
        boost::json::array all;
        for (const auto &result : *results) {
            all.push_back(result_json(result));
        }
        out.object({{"schema", call.command->schema},
                    {"machine", machine_json(*machine)},
                    {"results", std::move(all)}});
    } else {
        print_machine(*machine, *results, out);
    }
    return 0;
}

Result<int> run_verifier_remove(const Call &call, Output &out) {
    const auto name = name_of(call);
    if (!name) {
        return std::unexpected(name.error());
    }
    const auto verifier = VerifierClient::open(call);
    if (!verifier) {
        return std::unexpected(verifier.error());
    }
    if (const auto removed = verifier->post(std::format("/v1/machines/{}/remove", *name), ""); !removed) {
        return std::unexpected(removed.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"removed", *name}});
    } else {
        out.line(std::format("{} is removed, with its history; it can enrol again", *name));
    }
    return 0;
}

} // namespace dsmilctl
