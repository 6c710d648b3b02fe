// SPDX-License-Identifier: Apache-2.0
// dsmild: follows the devices, keeps the ledger, attests, answers the API.
#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/program.hpp"
#include "config/config.hpp"
#include "daemon.hpp"
#include "device/ring.hpp"
#include "tpm/secrets.hpp"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <format>
#include <iostream>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace {

using dsmil::Code;
using dsmil::Result;

constexpr auto default_config = "/etc/dsmil/dsmild.toml";
// As dsmil-handoff passes them.
constexpr auto ring_name = "dsmil-audit";
constexpr auto audit_log_name = "dsmil-audit-log";

struct Arguments {
    std::string config;
    bool check_config = false;
};

// The file that was named, or the usual one if there is one, or the defaults.
Result<dsmil::Config> configuration(const Arguments &arguments) {
    if (!arguments.config.empty()) {
        return dsmil::read_config(arguments.config);
    }
    return ::access(default_config, F_OK) == 0 ? dsmil::read_config(default_config) : dsmil::Config{};
}

// Descriptors as systemd's socket activation hands them over; none that were not.
struct Passed {
    dsmil::Fd ring;
    dsmil::Fd audit_log;
};
Passed passed_descriptors() {
    char **names = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &names);
    Passed passed;
    for (int i = 0; i < count; i++) {
        if (std::strcmp(names[i], ring_name) == 0) {
            passed.ring = dsmil::Fd(SD_LISTEN_FDS_START + i);
        } else if (std::strcmp(names[i], audit_log_name) == 0) {
            passed.audit_log = dsmil::Fd(SD_LISTEN_FDS_START + i);
        }
        std::free(names[i]);
    }
    std::free(static_cast<void *>(names));
    return passed;
}

Result<std::unique_ptr<dsmil::Ring>> open_ring(const dsmil::Config &config, dsmil::Fd fd) {
    if (!config.device.follow) {
        return nullptr;
    }
    if (fd) {
        return std::make_unique<dsmil::KernelRing>(dsmil::AuditRing::adopt(std::move(fd)));
    }
    auto ring =
        dsmil::Control::open({.nodes = config.device.nodes}).and_then([](const dsmil::Control &control) {
            return dsmil::AuditRing::open(control);
        });
    if (!ring) {
        return std::unexpected(
            std::move(ring.error())
                .in("no audit ring: start dsmild through dsmil-handoff, or set device.follow = false"));
    }
    return std::make_unique<dsmil::KernelRing>(std::move(*ring));
}

// What systemd decrypted for this unit.
Result<dsmil::tpm::Secrets> secrets() {
    const char *directory = std::getenv("CREDENTIALS_DIRECTORY");
    return dsmil::tpm::Secrets::read(directory != nullptr ? directory : "");
}

int serve(const dsmil::Config &config) {
    const dsmil::Log log(config.log.target, config.log.level);
    ::prctl(PR_SET_DUMPABLE, 0); // Its memory has secrets: no core, and no look at it but root's.
    auto credentials = secrets();
    if (!credentials) {
        return dsmil::fail_to_start(log, credentials.error());
    }
    auto passed = passed_descriptors();
    auto ring = open_ring(config, std::move(passed.ring));
    if (!ring) {
        return dsmil::fail_to_start(log, ring.error());
    }
    const auto notify = [](const std::string &state) { ::sd_notify(0, state.c_str()); };
    dsmil::Daemon daemon(config, std::move(*credentials), log, dsmil::system_clock(), notify);
    daemon.follow_audit(std::move(passed.audit_log));
    if (const auto started = daemon.start(std::move(*ring)); !started) {
        return dsmil::fail_to_start(log, started.error());
    }
    if (daemon.run() == dsmil::Daemon::End::hung) {
        log.write({.level = dsmil::LogLevel::error,
                   .event_type = "thread_hangs",
                   .message = "the TPM or the disk does not answer; ending without it"});
        std::_Exit(EXIT_FAILURE);
    }
    return EXIT_SUCCESS;
}

} // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): one that comes here is a bug, and ends the process
int main(int argc, char **argv) {
    Arguments arguments;
    CLI::App app{"dsmil daemon: ledger, attestation and API of the DSMIL firmware devices", "dsmild"};
    app.add_option("--config", arguments.config,
                   std::format("configuration file (default {})", default_config));
    app.add_flag("--check-config", arguments.check_config, "say whether the configuration is right, and end");
    app.set_version_flag("--version", "dsmild " DSMIL_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) { // CLI11 knows no other way
        return app.exit(error) == 0 ? EXIT_SUCCESS : dsmil::info(Code::usage).exit;
    }
    // tpm2-tss writes to stderr in a form of its own; what it says comes back as an error, too.
    ::setenv("TSS2_LOG", "all+NONE", 0);
    ::umask(0027);              // the ledger is not for everybody
    ::signal(SIGPIPE, SIG_IGN); // who reads our stderr may leave
    const auto config = configuration(arguments);
    if (!config) {
        return dsmil::complain("dsmild", config.error());
    }
    if (arguments.check_config) {
        if (const auto right = dsmil::Daemon::check(*config); !right) {
            return dsmil::complain("dsmild", right.error());
        }
        std::cout << "ok\n";
        return EXIT_SUCCESS;
    }
    return serve(*config);
}
