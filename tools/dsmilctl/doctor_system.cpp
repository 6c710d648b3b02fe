// SPDX-License-Identifier: Apache-2.0
#include "doctor.hpp"

#include "api_answer.hpp"
#include "api_client.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/note.hpp"
#include "ledger_answer.hpp"
#include "output.hpp"
#include "tpm_answer.hpp"

#include <boost/json/value.hpp>
#include <chrono>
#include <ctime>
#include <format>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

namespace dsmilctl {
namespace {

constexpr std::string_view tpm_node = "/dev/tpmrm0";
constexpr std::string_view daemon_user = "dsmil";
constexpr std::chrono::seconds patience{10};
// Before the first release: such a clock was never set.
constexpr std::time_t earliest = 1735689600; // 2025-01-01

Check good(std::string name, std::string text) {
    return {std::move(name), State::ok, std::move(text), {}};
}

dsmil::Result<boost::json::object> ask(const Machine &machine, std::string_view target) {
    const auto body = ApiClient(machine.socket).get(target, patience);
    return body ? decode_object("dsmild", *body) : std::unexpected(body.error());
}

std::string told(const dsmil::Error &error) {
    const auto &info = dsmil::info(error.code);
    std::string text(info.message);
    text += error.detail.empty() ? "" : ": " + error.detail;
    text += error.causes.empty() ? "" : " (" + error.causes.back() + ")";
    return text;
}

bool member_of(const std::string &user, gid_t group) {
    const auto *entry = ::getpwnam(user.c_str());
    if (entry == nullptr) {
        return false;
    }
    if (entry->pw_gid == group) {
        return true;
    }
    const auto *members = ::getgrgid(group);
    for (char **member = members != nullptr ? members->gr_mem : nullptr;
         member != nullptr && *member != nullptr; member++) {
        if (user == *member) {
            return true;
        }
    }
    return false;
}

} // namespace

Check check_tpm(const Machine &machine) {
    const std::string name = "tpm";
    const auto version = machine.line_of("/sys/class/tpm/tpm0/tpm_version_major");
    if (!version) {
        return {name, State::fail, "there is no TPM", "enable the TPM in the firmware setup"};
    }
    if (*version != "2") {
        return {name, State::fail, std::format("the TPM is of version {}; version 2 is needed", *version),
                "enable the TPM 2.0 in the firmware setup"};
    }
    if (!machine.exists(std::string(tpm_node))) {
        return {name, State::fail, std::format("{} is not there", tpm_node),
                "modprobe tpm_crb tpm_tis; look at dmesg for tpm"};
    }
    return good(name, std::format("TPM 2.0 at {}", tpm_node));
}

Check check_tpm_access(const Machine &machine) {
    const std::string name = "tpm-access";
    struct stat status{};
    if (::stat((machine.root + std::string(tpm_node)).c_str(), &status) != 0) {
        return {name, State::warn, "not known: there is no TPM node", "mend tpm first"};
    }
    const std::string user(daemon_user);
    if (::getpwnam(user.c_str()) == nullptr) {
        return {name, State::warn, std::format("the user {} of dsmild is not there", user),
                "systemd-sysusers, or reinstall dsmil"};
    }
    const bool by_group = (status.st_mode & (S_IRGRP | S_IWGRP)) == (S_IRGRP | S_IWGRP);
    if (by_group && member_of(user, status.st_gid)) {
        return good(name, std::format("dsmild may use {}", tpm_node));
    }
    return {name, State::fail, std::format("the user {} may not open {}", user, tpm_node),
            "usermod -aG tss dsmil && systemctl restart dsmild"};
}

Check check_clock(const Machine & /*machine*/) {
    const std::string name = "clock";
    if (std::time(nullptr) < earliest) {
        return {name, State::fail, "the clock was never set", "timedatectl set-ntp true"};
    }
    timex state{};
    const bool synchronised = ::adjtimex(&state) != TIME_ERROR;
    if (!synchronised) {
        return {name, State::warn, "the clock is set, but nothing keeps it right",
                "timedatectl set-ntp true"};
    }
    return good(name, "the clock is synchronised");
}

Check check_daemon(const Machine &machine) {
    const std::string name = "daemon";
    const auto health = ask(machine, "/v1/health");
    if (!health) {
        const bool denied = health.error().code == dsmil::Code::permission;
        return {name, State::fail, told(health.error()),
                denied ? "usermod -aG dsmil $USER, and log in again" : "systemctl start dsmild"};
    }
    const auto tpm = string_member(*health, "tpm").value_or("unknown");
    const auto version = string_member(*health, "version").value_or("unknown");
    const auto text = std::format("dsmild {} answers; its TPM is {}", version, tpm);
    if (tpm != "ready") {
        return {name, State::warn, text, "mend tpm and tpm-access, then: systemctl restart dsmild"};
    }
    if (version != DSMIL_VERSION) {
        return {name, State::warn, text, "install programs of one release, then: systemctl restart dsmild"};
    }
    return good(name, text);
}

// How many the newest checkpoint covers.
std::optional<std::uint64_t> signed_records(const boost::json::object &head) {
    const auto text = string_member(head, "checkpoint");
    const auto checkpoint =
        text ? dsmil::ledger::Note::parse(*text).and_then([](const dsmil::ledger::Note &note) {
            return dsmil::ledger::Checkpoint::parse(note.text);
        })
             : std::unexpected(text.error());
    return checkpoint ? std::optional(checkpoint->size) : std::nullopt;
}

// Whether somebody between could have shown us his own TPM when it was used for the first time.
Check check_tpm_origin(const Machine &machine) {
    const std::string name = "tpm-origin";
    const auto answer = ask(machine, "/v1/tpm").and_then(decode_tpm);
    if (!answer) {
        return {name, State::warn, "not known: " + told(answer.error()), "mend daemon first"};
    }
    const auto &origin = answer->origin;
    if (!origin) {
        return {name, State::warn, "not known: dsmild has no TPM", "mend tpm and tpm-access first"};
    }
    if (!origin->certified) {
        return {name, State::warn,
                std::format("the TPM was believed at first sight, nobody certified it: {}", origin->reason),
                origin->remedy};
    }
    return good(name, std::format("certified by {}", origin->maker));
}

Check check_ledger(const Machine &machine) {
    const std::string name = "ledger";
    const auto head = ask(machine, "/v1/ledger/head");
    if (!head) {
        return {name, State::warn, "not known: " + told(head.error()), "mend daemon first"};
    }
    const auto size = number_member(*head, "size");
    if (!size) {
        return {name, State::fail, told(size.error()), "install programs of one release"};
    }
    const auto covered = signed_records(*head);
    const auto health = ask(machine, "/v1/health");
    const auto why = health.and_then(
        [](const boost::json::object &body) { return string_member(body, "unsigned_detail"); });
    if (covered && *covered < *size && why) {
        return {name, State::warn,
                std::format("{} records, signed up to {}: {}", *size, *covered, printable(*why)),
                "see tpm; dsmilctl tpm status says more"};
    }
    if (covered) {
        return good(name, *covered < *size ? std::format("{} records, signed up to {}", *size, *covered)
                                           : std::format("{} records, signed", *size));
    }
    return {name, State::warn, std::format("{} records, not signed yet", *size),
            "a checkpoint needs a TPM and new records; see tpm and daemon"};
}

// Whether ledger and TPM agree about what was written.
Check check_anchors(const Machine &machine) {
    const std::string name = "anchors";
    const auto ledger = ask(machine, "/v1/ledger").and_then(decode_ledger);
    if (!ledger) {
        return {name, State::warn, "not known: " + told(ledger.error()), "mend daemon first"};
    }
    if (ledger->contradicted()) {
        return {
            name, State::fail, printable(std::format("{}: {}", ledger->state, ledger->detail)),
            "dsmilctl audit verify with a checkpoint that was kept elsewhere says what is missing; when you "
            "know why: dsmilctl audit adopt"};
    }
    if (ledger->state == "waiting") {
        return {name, State::warn, printable("waiting for the TPM: " + ledger->detail), "mend tpm first"};
    }
    if (ledger->state == "off") {
        return {name, State::warn, "the TPM is not made to remember the ledger",
                "set ledger.anchors_per_day in dsmild.toml"};
    }
    return good(name, "the TPM remembers " + ledger->anchored_text());
}

} // namespace dsmilctl
