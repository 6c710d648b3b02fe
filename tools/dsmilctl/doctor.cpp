// SPDX-License-Identifier: Apache-2.0
#include "doctor.hpp"

#include "command.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <format>
#include <fstream>
#include <sys/utsname.h>
#include <unistd.h>

namespace dsmilctl {
namespace {

constexpr std::size_t max_line_bytes = 4096;

using CheckFunction = Check (*)(const Machine &);
constexpr std::array<CheckFunction, 17> checks = {
    check_headers,  check_installed,   check_loaded,  check_version, check_secure_boot,
    check_firmware, check_dell_smbios, check_devices, check_nodes,   check_audit_ring,
    check_tpm,      check_tpm_access,  check_clock,   check_daemon,  check_tpm_origin,
    check_ledger,   check_anchors,
};

std::string_view name(State state) {
    constexpr std::array<std::string_view, 3> names = {"ok", "warn", "fail"};
    return names.at(static_cast<std::size_t>(state));
}

} // namespace

Machine Machine::look(dsmil::Paths paths, std::string socket, std::string root) {
    Machine machine;
    machine.root = std::move(root);
    machine.paths = std::move(paths);
    machine.socket = std::move(socket);
    utsname names{};
    if (::uname(&names) == 0) {
        machine.release = names.release;
    }
    machine.info =
        dsmil::Control::open(machine.paths).and_then([](const dsmil::Control &c) { return c.info(); });
    return machine;
}

bool Machine::exists(const std::string &path) const {
    return ::access((root + path).c_str(), F_OK) == 0;
}

std::optional<std::string> Machine::line_of(const std::string &path) const {
    std::ifstream file(root + path);
    std::string line(max_line_bytes, '\0');
    file.getline(line.data(), static_cast<std::streamsize>(line.size()));
    line.resize(line.find('\0'));
    return line.empty() ? std::nullopt : std::optional(line);
}

dsmil::Result<int> run_doctor(const Call &call, Output &out) {
    const auto machine = Machine::look(call.paths, call.socket);
    std::vector<Check> found;
    std::ranges::transform(checks, std::back_inserter(found),
                           [&machine](CheckFunction check) { return check(machine); });
    const auto failures = std::ranges::count(found, State::fail, &Check::state);
    if (call.json) {
        boost::json::array list;
        for (const auto &check : found) {
            list.push_back({{"name", check.name},
                            {"state", name(check.state)},
                            {"text", printable(check.text)},
                            {"remedy", check.remedy}});
        }
        out.object(
            {{"schema", call.command->schema}, {"healthy", failures == 0}, {"checks", std::move(list)}});
    } else {
        for (const auto &check : found) {
            out.line(std::format("{:<4}  {:<16}  {}", name(check.state), check.name, printable(check.text)));
            if (!check.remedy.empty()) {
                out.line(std::format("{:24}remedy: {}", "", check.remedy));
            }
        }
    }
    return failures == 0 ? 0 : dsmil::info(dsmil::Code::module_missing).exit;
}

} // namespace dsmilctl
