// SPDX-License-Identifier: Apache-2.0
#include "batch_text.hpp"
#include "command.hpp"
#include "device_view.hpp"
#include "dsmil/event.hpp"
#include "grant_file.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "text.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <cerrno>
#include <format>
#include <iostream>
#include <map>

namespace dsmilctl {
namespace {

using dsmil::Device;

constexpr std::size_t input_bytes_max = 4 << 20; // 4,096 lines of a path each

// The batch as the kernel takes it, and what it points to.
struct Prepared {
    std::map<std::uint16_t, Device> devices; // by id
    std::vector<std::vector<std::uint8_t>> grants;
    std::vector<dsmil_batch_operation> operations;
};

dsmil::Result<std::string> input(const Call &call) {
    const auto path = call.has("FILE") ? call.argument("FILE") : "-";
    if (path != "-") {
        return read_file(path, input_bytes_max);
    }
    std::string text(input_bytes_max, '\0');
    std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::cin.gcount()));
    if (!std::cin.eof()) {
        return dsmil::fail(dsmil::Code::usage, "standard input has more than a batch can be");
    }
    return text;
}

// Each device once, open for what is to be done with it.
dsmil::Result<void> open_devices(const std::vector<BatchLine> &lines, const dsmil::Paths &paths,
                                 Prepared &prepared) {
    std::map<std::uint16_t, Device::Access> wanted;
    for (const auto &line : lines) {
        auto &access = wanted.try_emplace(line.device->id, Device::Access::read).first->second;
        access = line.value ? Device::Access::read_write : access;
    }
    for (const auto &[id, access] : wanted) {
        auto device = Device::open(id, access, paths);
        if (!device) {
            return std::unexpected(std::move(device.error()));
        }
        prepared.devices.emplace(id, std::move(*device));
    }
    return {};
}

dsmil::Result<Prepared> prepare(const std::vector<BatchLine> &lines, const dsmil::Paths &paths) {
    Prepared prepared;
    if (auto opened = open_devices(lines, paths, prepared); !opened) {
        return std::unexpected(std::move(opened.error()));
    }
    for (const auto &line : lines) {
        const auto &device = prepared.devices.at(line.device->id);
        auto &grant = prepared.grants.emplace_back();
        if (!line.grant.empty()) {
            auto read = read_grant(line.grant);
            if (!read) {
                return std::unexpected(std::move(read.error()));
            }
            grant = std::move(*read);
        }
        prepared.operations.push_back(line.value ? device.writing(line.reg, *line.value, grant)
                                                 : device.reading(line.reg));
    }
    return prepared;
}

// As the event of the batch lists it.
dsmil_event_operation listed(const BatchLine &line, const dsmil_batch_operation &operation) {
    return {.token = static_cast<std::uint16_t>(line.device->token_base + static_cast<unsigned>(line.reg)),
            .operation = operation.operation,
            .reason = operation.reason,
            .value = operation.value,
            .result = operation.result};
}

boost::json::object json(const BatchLine &line, const dsmil_batch_operation &operation) {
    const auto event = listed(line, operation);
    return {{"operation", line.value ? "write" : "read"},
            {"id", hex16(line.device->id)},
            {"name", line.device->name},
            {"register", dsmil::name(line.reg)},
            {"value", hex32(operation.value)},
            {"outcome", dsmil::outcome_of(event)},
            {"reason", reason_name(operation.reason)},
            {"result", operation.result}};
}

std::string text(const BatchLine &line, const dsmil_batch_operation &operation) {
    return std::format("{} of {}: {}", dsmil::name(line.reg), dsmil::describe_id(line.device->id),
                       dsmil::describe(listed(line, operation)));
}

// The exit code: of the guard's refusals if there is one, else of the failures.
dsmil::Code verdict(const std::vector<dsmil_batch_operation> &operations) {
    const auto refusal = std::ranges::find_if(operations, [](const auto &each) {
        return each.result == -EPERM && each.reason != DSMIL_REASON_ALLOWED;
    });
    if (refusal == operations.end()) {
        return dsmil::Code::batch_failed;
    }
    return refusal->reason == DSMIL_REASON_CAPABILITY_REQUIRED ? dsmil::Code::capability_required
                                                               : dsmil::Code::batch_refused;
}

} // namespace

dsmil::Result<int> run_batch(const Call &call, Output &out) {
    const auto given = input(call);
    if (!given) {
        return std::unexpected(given.error());
    }
    const auto lines = parse_batch(*given);
    if (!lines) {
        return std::unexpected(lines.error());
    }
    auto prepared = prepare(*lines, call.paths);
    if (!prepared) {
        return std::unexpected(prepared.error());
    }
    const auto control = dsmil::Control::open(call.paths);
    if (!control) {
        return std::unexpected(control.error());
    }
    const auto done =
        control->batch(prepared->operations, call.has("--stop") ? dsmil::Control::OnFailure::stop
                                                                : dsmil::Control::OnFailure::go_on);
    if (!done) {
        return std::unexpected(done.error());
    }
    boost::json::array results;
    for (std::size_t i = 0; i < lines->size(); i++) {
        if (call.json) {
            results.push_back(json((*lines)[i], prepared->operations[i]));
        } else {
            out.line(text((*lines)[i], prepared->operations[i]));
        }
    }
    if (!call.json) {
        out.line(std::format("audit record {}", done->sequence));
    } else {
        out.object({{"schema", call.command->schema},
                    {"failed", done->failed},
                    {"sequence", done->sequence},
                    {"operations", std::move(results)}});
    }
    if (done->failed == 0) {
        return 0;
    }
    const auto code = verdict(prepared->operations);
    if (call.json) { // The object above says it all.
        return dsmil::info(code).exit;
    }
    return dsmil::fail(code, std::format("{} of {} operations were not done", done->failed, lines->size()));
}

} // namespace dsmilctl
