// SPDX-License-Identifier: Apache-2.0
#include "verifierd/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace dsmil::verifierd {
namespace {

boost::json::value time_or_null(const std::optional<std::uint64_t> &time) {
    return time ? boost::json::value(*time) : boost::json::value(nullptr);
}

} // namespace

boost::json::object challenge_json(const Challenge &challenge) {
    return {{"id", challenge.id},
            {"credential", to_base64(challenge.id_object)},
            {"secret", to_base64(challenge.encrypted_secret)},
            {"expires_at", challenge.expires_s}};
}

boost::json::object session_json(const Session &session, const Rule *rule) {
    const auto pcrs = pcr_list(session.pcrs);
    return {{"id", session.id},
            {"nonce", to_hex(session.nonce)},
            {"pcr_bank", "sha256"},
            {"pcrs", boost::json::array(pcrs.begin(), pcrs.end())},
            {"event_log", rule != nullptr && rule->event_log},
            {"ima", rule != nullptr && rule->ima},
            {"expires_at", session.expires_s}};
}

boost::json::object machine_json(const MachineView &view) {
    const Machine &machine = view.machine;
    return {{"name", machine.name},
            {"state", name_of(view.state)},
            {"rule", view.rule},
            {"pulled", view.pulled},
            {"vendor", machine.keys.vendor},
            {"ek_name", to_hex(machine.keys.ek_name)},
            {"ak_name", to_hex(machine.keys.ak_name)},
            {"enrolled_at", machine.enrolled_s},
            {"attested_at", time_or_null(machine.attested_s)},
            {"tried_at", time_or_null(machine.tried_s)},
            {"outcome",
             machine.outcome ? boost::json::value(name_of(*machine.outcome)) : boost::json::value(nullptr)}};
}

boost::json::object record_json(const Record &record) {
    // Our own text, as the store kept it; a file that somebody changed shows as empty.
    boost::system::error_code error;
    auto body = boost::json::parse(record.body, error);
    boost::json::object object =
        error || !body.is_object() ? boost::json::object() : std::move(body.get_object());
    object["number"] = record.number;
    object["at"] = record.at_s;
    object["outcome"] = name_of(record.outcome);
    object["holds"] = record.outcome == Outcome::verified;
    object["token"] = record.token;
    return object;
}

} // namespace dsmil::verifierd
