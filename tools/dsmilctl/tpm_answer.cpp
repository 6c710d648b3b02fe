// SPDX-License-Identifier: Apache-2.0
#include "tpm_answer.hpp"

#include "api_answer.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <format>

namespace dsmilctl {
namespace {

using boost::json::object;
using dsmil::Code;
using dsmil::Result;

constexpr std::size_t max_commands = 256;

// Collects the first thing that is not as it should be, so that the decoding reads like a list.
class Decoder {
  public:
    std::string text(const object &from, std::string_view name) { return keep(string_member(from, name)); }
    std::uint64_t number(const object &from, std::string_view name) {
        return keep(number_member(from, name));
    }
    double real(const object &from, std::string_view name) {
        const auto *member = from.if_contains(name);
        boost::system::error_code error;
        const double value = member != nullptr ? member->to_number<double>(error) : 0;
        if (member == nullptr || error) {
            complain(std::format("the answer of dsmild has no number '{}'", name));
        }
        return value;
    }
    bool flag(const object &from, std::string_view name) {
        const auto *member = from.if_contains(name);
        if (member == nullptr || !member->is_bool()) {
            complain(std::format("the answer of dsmild does not say whether '{}'", name));
            return false;
        }
        return member->get_bool();
    }
    // Null or absent: nothing.
    std::optional<std::string> text_if(const object &from, std::string_view name) {
        const auto *member = from.if_contains(name);
        return member != nullptr && !member->is_null() ? std::optional(text(from, name)) : std::nullopt;
    }
    const object &inner(const object &from, std::string_view name) {
        static const object nothing;
        const auto *member = from.if_contains(name);
        if (member == nullptr || !member->is_object()) {
            complain(std::format("the answer of dsmild has no object '{}'", name));
            return nothing;
        }
        return member->get_object();
    }
    void complain(std::string what) {
        if (!complaint_) {
            complaint_ = dsmil::Error{Code::failed, std::move(what), {}};
        }
    }
    [[nodiscard]] const std::optional<dsmil::Error> &complaint() const { return complaint_; }

  private:
    template <typename T>
    T keep(Result<T> result) {
        if (!result) {
            if (!complaint_) {
                complaint_ = std::move(result.error());
            }
            return T{};
        }
        return std::move(*result);
    }
    std::optional<dsmil::Error> complaint_;
};

TpmAnswer::Chip chip_of(Decoder &decoder, const object &chip) {
    const auto &lockout = decoder.inner(chip, "lockout");
    const auto &nv = decoder.inner(chip, "nv");
    return {.manufacturer = decoder.text(chip, "manufacturer"),
            .firmware_version = decoder.text(chip, "firmware_version"),
            .reset_count = decoder.number(chip, "reset_count"),
            .restart_count = decoder.number(chip, "restart_count"),
            .lockout_counter = decoder.number(lockout, "counter"),
            .lockout_limit = decoder.number(lockout, "limit"),
            .lockout_left_s = decoder.number(lockout, "left_s"),
            .nv_writes = decoder.number(nv, "writes"),
            .nv_endurance = decoder.number(nv, "endurance")};
}

OriginAnswer origin_of(Decoder &decoder, const object &from) {
    OriginAnswer origin;
    origin.name = decoder.text(from, "name");
    origin.certified = decoder.flag(from, "certified");
    if (origin.certified) {
        origin.ek = decoder.text(from, "ek");
        origin.ek_certificate_sha256 = decoder.text(from, "ek_certificate_sha256");
        origin.maker = decoder.text(from, "maker");
        origin.maker_sha256 = decoder.text(from, "maker_sha256");
    } else {
        origin.reason = decoder.text(from, "reason");
        origin.remedy = decoder.text(from, "remedy");
    }
    return origin;
}

void take_commands(Decoder &decoder, const object &from, TpmAnswer &answer) {
    const auto *commands = from.if_contains("commands");
    if (commands == nullptr || !commands->is_array() || commands->get_array().size() > max_commands) {
        decoder.complain("the answer of dsmild has no list 'commands'");
        return;
    }
    for (const auto &item : commands->get_array()) {
        if (!item.is_object()) {
            decoder.complain("the answer of dsmild has a command that is no object");
            return;
        }
        const auto &command = item.get_object();
        answer.commands.push_back({.name = decoder.text(command, "command"),
                                   .count = decoder.number(command, "count"),
                                   .p50_ms = decoder.real(command, "p50_ms"),
                                   .p95_ms = decoder.real(command, "p95_ms"),
                                   .p99_ms = decoder.real(command, "p99_ms"),
                                   .longest_ms = decoder.real(command, "longest_ms")});
    }
}

} // namespace

Result<OriginAnswer> decode_origin(const object &from) {
    Decoder decoder;
    auto origin = origin_of(decoder, from);
    if (const auto &complaint = decoder.complaint()) {
        return std::unexpected(*complaint);
    }
    return origin;
}

object origin_json(const OriginAnswer &origin) {
    const auto text = [](bool there, const std::string &value) {
        return there ? boost::json::value(value) : boost::json::value(nullptr);
    };
    return {{"name", origin.name},
            {"certified", origin.certified},
            {"ek", text(origin.certified, origin.ek)},
            {"ek_certificate_sha256", text(origin.certified, origin.ek_certificate_sha256)},
            {"maker", text(origin.certified, origin.maker)},
            {"maker_sha256", text(origin.certified, origin.maker_sha256)},
            {"reason", text(!origin.certified, origin.reason)},
            {"remedy", text(!origin.certified, origin.remedy)}};
}

Result<TpmAnswer> decode_tpm(const object &from) {
    Decoder decoder;
    TpmAnswer answer;
    answer.state = decoder.text(from, "state");
    answer.attested = decoder.flag(from, "attested");
    answer.trouble = decoder.text_if(from, "trouble");
    answer.remedy = decoder.text_if(from, "remedy");
    const auto *chip = from.if_contains("tpm");
    if (chip != nullptr && chip->is_object()) {
        answer.chip = chip_of(decoder, chip->get_object());
    }
    const auto *origin = from.if_contains("storage_root");
    if (origin != nullptr && origin->is_object()) {
        answer.origin = origin_of(decoder, origin->get_object());
    }
    const auto &queue = decoder.inner(from, "queue");
    answer.waiting = decoder.number(queue, "waiting");
    answer.queue_limit = decoder.number(queue, "limit");
    take_commands(decoder, from, answer);
    const auto &errors = decoder.inner(from, "errors");
    for (const auto &[kind, count] : errors) {
        answer.errors[std::string(kind)] = decoder.number(errors, kind);
    }
    if (const auto &complaint = decoder.complaint()) {
        return std::unexpected(*complaint);
    }
    return answer;
}

} // namespace dsmilctl
