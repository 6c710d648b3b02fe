// SPDX-License-Identifier: Apache-2.0
// dsmil-verifierd: the verifier of a fleet of machines.
#include "base/program.hpp"
#include "verifierd/daemon.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <format>
#include <iostream>
#include <string>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

namespace {

namespace verifierd = dsmil::verifierd;

constexpr auto program = "dsmil-verifierd";
constexpr auto default_config = "/etc/dsmil/verifierd.toml";

int serve(const verifierd::Config &config) {
    const dsmil::Log log(config.log.target, config.log.level);
    const auto notify = [](const std::string &state) { ::sd_notify(0, state.c_str()); };
    verifierd::Daemon daemon(config, log, dsmil::system_clock(), notify);
    if (const auto started = daemon.start(); !started) {
        return dsmil::fail_to_start(log, started.error());
    }
    if (daemon.run() == verifierd::Daemon::End::hung) {
        log.write({.level = dsmil::LogLevel::warning,
                   .event_type = "thread_hangs",
                   .message = "a machine or the disk does not answer; ending without it",
                   .service = program});
        std::_Exit(EXIT_SUCCESS); // what was answered is on the disk
    }
    return EXIT_SUCCESS;
}

} // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): one that comes here is a bug, and ends the process
int main(int argc, char **argv) {
    std::string path = default_config;
    bool check_config = false;
    CLI::App app{"verifier of a fleet: enrols machines by their TPMs and judges their attestations", program};
    app.add_option("--config", path, std::format("configuration file (default {})", default_config));
    app.add_flag("--check-config", check_config,
                 "say whether the configuration and all files that it names are right, and end");
    app.set_version_flag("--version", std::format("{} {}", program, DSMIL_VERSION));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) { // CLI11 knows no other way
        return app.exit(error) == 0 ? EXIT_SUCCESS : dsmil::info(dsmil::Code::usage).exit;
    }
    ::umask(0077);
    ::signal(SIGPIPE, SIG_IGN); // who reads our stderr may leave
    const auto config = verifierd::read_config(path);
    if (!config) {
        return dsmil::complain(program, config.error());
    }
    if (check_config) {
        if (const auto right = verifierd::Daemon::check(*config); !right) {
            return dsmil::complain(program, right.error());
        }
        std::cout << "ok\n";
        return EXIT_SUCCESS;
    }
    return serve(*config);
}
