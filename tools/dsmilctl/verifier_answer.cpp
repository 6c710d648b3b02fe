// SPDX-License-Identifier: Apache-2.0
#include "verifier_answer.hpp"

#include "api_answer.hpp"
#include "text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Code;
using dsmil::Result;

constexpr std::size_t max_items = 10'000;
constexpr std::uint64_t ns_per_s = 1'000'000'000;

std::unexpected<dsmil::Error> malformed(std::string_view name) {
    return dsmil::fail(Code::failed, std::format("the answer of the verifier has no proper '{}'", name));
}

// Reads members, and remembers the first that is not as it should be.
class Members {
  public:
    explicit Members(const boost::json::object &object) : object_(object) {}

    std::string text(std::string_view name) {
        const auto *value = object_.if_contains(name);
        if (value == nullptr || !value->is_string()) {
            bad(name);
            return {};
        }
        return printable(std::string_view(value->get_string()));
    }
    std::uint64_t number(std::string_view name) { return maybe_number(name, true).value_or(0); }
    std::optional<std::uint64_t> number_or_null(std::string_view name) { return maybe_number(name, false); }
    std::optional<std::string> text_or_null(std::string_view name) {
        const auto *value = object_.if_contains(name);
        return value != nullptr && value->is_null() ? std::nullopt : std::optional(text(name));
    }
    bool flag(std::string_view name) {
        const auto *value = object_.if_contains(name);
        if (value == nullptr || !value->is_bool()) {
            bad(name);
            return false;
        }
        return value->get_bool();
    }
    [[nodiscard]] Result<void> done() const {
        return bad_.empty() ? Result<void>() : Result<void>(malformed(bad_));
    }

  private:
    std::optional<std::uint64_t> maybe_number(std::string_view name, bool must) {
        const auto *value = object_.if_contains(name);
        if (value != nullptr && value->is_null() && !must) {
            return std::nullopt;
        }
        boost::system::error_code error;
        const auto number = value != nullptr ? value->to_number<std::uint64_t>(error) : 0;
        if (value == nullptr || error || value->is_double()) {
            bad(name);
            return std::nullopt;
        }
        return number;
    }
    void bad(std::string_view name) {
        if (bad_.empty()) {
            bad_ = name;
        }
    }

    const boost::json::object &object_;
    std::string bad_;
};

template <typename T, typename Decode>
Result<std::vector<T>> decode_array(const boost::json::object &object, std::string_view name, Decode decode) {
    const auto *value = object.if_contains(name);
    const auto *array = value != nullptr ? value->if_array() : nullptr;
    if (array == nullptr || array->size() > max_items) {
        return malformed(name);
    }
    std::vector<T> items;
    for (const auto &item : *array) {
        auto decoded = item.is_object() ? decode(item.get_object()) : Result<T>(malformed(name));
        if (!decoded) {
            return std::unexpected(std::move(decoded.error()));
        }
        items.push_back(std::move(*decoded));
    }
    return items;
}

Result<FindingAnswer> decode_finding(const boost::json::object &object) {
    Members members(object);
    FindingAnswer finding{.check = members.text("check"),
                          .what = members.text("what"),
                          .remedy = members.text("remedy"),
                          .pcr = members.number_or_null("pcr"),
                          .entry = members.number_or_null("entry")};
    return members.done().transform([&] { return std::move(finding); });
}

boost::json::value or_null(const auto &value) {
    return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

} // namespace

Result<MachineAnswer> decode_machine(const boost::json::object &object) {
    Members members(object);
    MachineAnswer machine{.name = members.text("name"),
                          .state = members.text("state"),
                          .rule = members.text("rule"),
                          .vendor = members.text("vendor"),
                          .ek_name = members.text("ek_name"),
                          .ak_name = members.text("ak_name"),
                          .pulled = members.flag("pulled"),
                          .enrolled_at = members.number("enrolled_at"),
                          .attested_at = members.number_or_null("attested_at"),
                          .tried_at = members.number_or_null("tried_at"),
                          .outcome = members.text_or_null("outcome")};
    return members.done().transform([&] { return std::move(machine); });
}

Result<ResultAnswer> decode_result(const boost::json::object &object) {
    Members members(object);
    ResultAnswer result{.number = members.number("number"),
                        .at = members.number("at"),
                        .outcome = members.text("outcome"),
                        .holds = members.flag("holds"),
                        .findings = {},
                        .more_findings = members.number("more_findings"),
                        .token = members.text("token")};
    if (auto right = members.done(); !right) {
        return std::unexpected(std::move(right.error()));
    }
    auto findings = decode_array<FindingAnswer>(object, "findings", decode_finding);
    if (!findings) {
        return std::unexpected(std::move(findings.error()));
    }
    result.findings = std::move(*findings);
    return result;
}

Result<std::vector<MachineAnswer>> decode_machines(const boost::json::object &object) {
    return decode_array<MachineAnswer>(object, "machines", decode_machine);
}

Result<std::vector<ResultAnswer>> decode_results(const boost::json::object &object) {
    return decode_array<ResultAnswer>(object, "results", decode_result);
}

boost::json::object machine_json(const MachineAnswer &machine) {
    return {{"name", machine.name},
            {"state", machine.state},
            {"rule", machine.rule},
            {"vendor", machine.vendor},
            {"ek_name", machine.ek_name},
            {"ak_name", machine.ak_name},
            {"pulled", machine.pulled},
            {"enrolled_at", machine.enrolled_at},
            {"attested_at", or_null(machine.attested_at)},
            {"tried_at", or_null(machine.tried_at)},
            {"outcome", or_null(machine.outcome)}};
}

boost::json::object result_json(const ResultAnswer &result) {
    boost::json::array findings;
    for (const auto &finding : result.findings) {
        findings.push_back({{"check", finding.check},
                            {"pcr", or_null(finding.pcr)},
                            {"entry", or_null(finding.entry)},
                            {"what", finding.what},
                            {"remedy", finding.remedy}});
    }
    return {{"number", result.number},
            {"at", result.at},
            {"outcome", result.outcome},
            {"holds", result.holds},
            {"findings", std::move(findings)},
            {"more_findings", result.more_findings},
            {"token", result.token}};
}

void print_result(const ResultAnswer &result, Output &out) {
    out.line(std::format("{}  {}  result {}", utc(result.at * ns_per_s), result.outcome, result.number));
    for (const auto &finding : result.findings) {
        out.line(std::format("does not hold: {}: {}", finding.check, finding.what));
        out.line(std::format("  remedy: {}", finding.remedy));
    }
    if (result.more_findings != 0) {
        out.line(std::format("and {} more", result.more_findings));
    }
}

int exit_of(const ResultAnswer &result) {
    return result.holds ? 0 : dsmil::info(Code::attestation_failed).exit;
}

} // namespace dsmilctl
