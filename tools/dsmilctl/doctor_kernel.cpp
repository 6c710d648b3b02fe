// SPDX-License-Identifier: Apache-2.0
#include "doctor.hpp"

#include "device_view.hpp"
#include "module_signature.hpp"

#include <algorithm>
#include <filesystem>
#include <format>
#include <fstream>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dsmilctl {
namespace {

constexpr std::string_view install_remedy = "make dkms-install (in the dsmil source tree)";
constexpr std::string_view load_remedy = "modprobe dsmil && modprobe dsmil_dell";
// DKMS signs what it builds, with a key of this machine.
constexpr std::string_view sign_remedy = "dkms build --force dsmil/" DSMIL_VERSION
                                         " && dkms install --force dsmil/" DSMIL_VERSION " signs it; then ";
constexpr std::string_view enrol_remedy =
    "mokutil --import /var/lib/dkms/mok.pub, reboot, and confirm with the password you gave";

Check good(std::string name, std::string text) {
    return {std::move(name), State::ok, std::move(text), {}};
}

Check unknown(std::string name) {
    return {std::move(name), State::warn, "not known: the module is not loaded, or ctl may not be opened",
            "mend module-loaded and device-nodes first"};
}

// Where modules.dep has the module, relative to /lib/modules/RELEASE.
std::optional<std::string> installed_path(const Machine &machine) {
    std::ifstream file(std::format("{}/lib/modules/{}/modules.dep", machine.root, machine.release));
    for (std::string line; std::getline(file, line);) {
        auto path = line.substr(0, line.find(':'));
        const auto name = path.substr(path.rfind('/') + 1);
        if (name == "dsmil.ko" || name.starts_with("dsmil.ko.")) {
            return path;
        }
    }
    return std::nullopt;
}

std::string content_of(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::optional<bool> secure_boot(const Machine &machine) {
    if (!machine.exists("/sys/firmware/efi")) {
        return false;
    }
    const auto content = content_of(
        machine.root + "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c");
    // Four bytes of attributes, then the value.
    return content.size() == 5 ? std::optional(content.back() == '\1') : std::nullopt;
}

// "[integrity]" of "none [integrity] confidentiality".
std::string lockdown(const Machine &machine) {
    const auto line = machine.line_of("/sys/kernel/security/lockdown").value_or("");
    const auto from = line.find('[');
    const auto to = line.find(']');
    return from == std::string::npos || to < from ? "unknown" : line.substr(from + 1, to - from - 1);
}

bool has_entry(const std::string &folder, std::string_view prefix) {
    std::error_code failed;
    for (const auto &entry : std::filesystem::directory_iterator(folder, failed)) {
        if (entry.path().filename().string().starts_with(prefix)) {
            return true;
        }
    }
    return false;
}

} // namespace

Check check_headers(const Machine &machine) {
    const std::string name = "kernel-headers";
    if (machine.exists(std::format("/lib/modules/{}/build/Makefile", machine.release))) {
        return good(name, std::format("the headers of kernel {} are there", machine.release));
    }
    const bool needed = !installed_path(machine) && !machine.loaded("dsmil");
    return {name, needed ? State::fail : State::warn,
            std::format("the headers of the running kernel {} are missing; the module cannot be built",
                        machine.release),
            std::format("apt-get install linux-headers-{}", machine.release)};
}

Check check_installed(const Machine &machine) {
    const std::string name = "module-installed";
    if (const auto path = installed_path(machine)) {
        return good(name, std::format("/lib/modules/{}/{}", machine.release, *path));
    }
    if (machine.loaded("dsmil")) {
        return {name, State::warn,
                "loaded by hand; not installed for this kernel, so it is gone after a reboot",
                std::string(install_remedy)};
    }
    return {name, State::fail, std::format("not installed for the running kernel {}", machine.release),
            std::string(install_remedy)};
}

Check check_loaded(const Machine &machine) {
    const std::string name = "module-loaded";
    if (machine.loaded("dsmil")) {
        return good(name, "dsmil is loaded");
    }
    return {name, State::fail, "dsmil is not loaded", std::string(load_remedy)};
}

Check check_version(const Machine &machine) {
    const std::string name = "module-version";
    if (!machine.info && machine.info.error().code == dsmil::Code::abi_mismatch) {
        return {name, State::fail, machine.info.error().detail, "install module and programs of one release"};
    }
    const auto version = machine.info ? std::optional(text_of(machine.info->module_version))
                                      : machine.line_of("/sys/module/dsmil/version");
    if (!version) {
        return unknown(name);
    }
    if (*version == DSMIL_VERSION) {
        return good(name, std::format("module and program are of version {}", DSMIL_VERSION));
    }
    return {name, State::warn,
            std::format("the module is of version {}, this program of {}", *version, DSMIL_VERSION),
            "install module and programs of one release"};
}

Check check_secure_boot(const Machine &machine) {
    const std::string name = "secure-boot";
    const auto on = secure_boot(machine);
    const auto state = std::format("Secure Boot is {}, lockdown is {}",
                                   !on   ? "unknown"
                                   : *on ? "on"
                                         : "off",
                                   lockdown(machine));
    const bool enforced =
        on.value_or(false) || lockdown(machine) == "integrity" || lockdown(machine) == "confidentiality";
    if (!enforced || machine.loaded("dsmil")) {
        return good(name, state);
    }
    const auto path = installed_path(machine);
    if (!path) {
        return {name, State::warn, state + "; the module will have to be signed", std::string(enrol_remedy)};
    }
    const auto found =
        module_signature(machine.root + "/usr/sbin/modinfo",
                         std::format("{}/lib/modules/{}/{}", machine.root, machine.release, *path));
    if (found && !found->present) {
        return {name, State::fail, state + "; the module is not signed, so the kernel will not load it",
                std::string(sign_remedy) + std::string(enrol_remedy)};
    }
    const auto enrolled = found && !found->signer.empty()
                              ? key_enrolled(content_of(machine.root + "/proc/keys"), found->signer)
                              : std::nullopt;
    if (!enrolled) {
        return {name, State::warn, state + "; the module loads only if its key is enrolled",
                std::string(enrol_remedy)};
    }
    const auto signer =
        std::format("{}; the module is signed by \"{}\", whose key is ", state, found->signer);
    if (!*enrolled) {
        return {name, State::fail, signer + "not enrolled, so the kernel will not load it",
                std::string(enrol_remedy)};
    }
    return good(name, signer + "enrolled");
}

Check check_firmware(const Machine &machine) {
    const std::string name = "firmware";
    if (!machine.info) {
        return unknown(name);
    }
    if (machine.info->firmware_kind != DSMIL_FIRMWARE_NONE) {
        return good(name, firmware_name(machine.info->firmware_kind) + " is attached");
    }
    return {name, State::fail, "no firmware is attached; there are no devices",
            machine.loaded("dell_smbios") ? "modprobe dsmil_dell"
                                          : "modprobe dsmil_sim (without Dell firmware)"};
}

Check check_dell_smbios(const Machine &machine) {
    const std::string name = "dell-smbios";
    const auto vendor = machine.line_of("/sys/class/dmi/id/sys_vendor").value_or("unknown");
    if (machine.loaded("dell_smbios")) {
        const auto platform = machine.root + "/sys/bus/platform/devices";
        if (!machine.exists("/sys/devices/platform/dell-smbios.0") && !has_entry(platform, "dell-smbios")) {
            return {name, State::fail, "the driver is loaded but has no backend (WMI or SMM)",
                    "modprobe dell-wmi-descriptor dcdbas; look at dmesg for dell-smbios"};
        }
        return good(name, std::format("the driver is there; the vendor is {}", vendor));
    }
    if (machine.info && machine.info->firmware_kind == DSMIL_FIRMWARE_SIM) {
        return good(name, "not needed: the firmware is simulated");
    }
    if (!vendor.starts_with("Dell") && vendor != "Alienware") {
        return {name, State::fail,
                std::format("the vendor is {}, not Dell Inc.: there is no such firmware here", vendor),
                "modprobe dsmil_sim (simulated firmware), or the lab: make demo"};
    }
    return {name, State::fail,
            "the driver is not loaded; it needs an OEM string \"Dell System\", tokens (DMI type 218) and a "
            "backend",
            "modprobe dell-smbios; dmesg then says which of them is missing"};
}

Check check_devices(const Machine &machine) {
    const std::string name = "devices";
    if (!machine.info) {
        return unknown(name);
    }
    const auto text =
        std::format("{} of {} devices are present", machine.info->present_count, machine.info->device_count);
    if (machine.info->present_count > 0) {
        return good(name, text);
    }
    return {name, State::fail, text, "mend firmware first; a board without tokens cannot be used"};
}

Check check_nodes(const Machine &machine) {
    const std::string name = "device-nodes";
    const auto ctl = machine.paths.nodes + "/ctl";
    struct stat status{};
    if (::stat(ctl.c_str(), &status) != 0) {
        return {name, State::fail, ctl + " is not there",
                machine.loaded("dsmil") ? "udevadm trigger --subsystem-match=dsmil"
                                        : std::string(load_remedy)};
    }
    if (::access(ctl.c_str(), R_OK) != 0) {
        const auto *entry = ::getgrgid(status.st_gid);
        const std::string group = entry != nullptr ? entry->gr_name : std::to_string(status.st_gid);
        return {name, State::fail, std::format("you may not open {}; it belongs to group {}", ctl, group),
                std::format("usermod -aG {} $USER, and log in again", group)};
    }
    int nodes = 0;
    int open = 0;
    for (const auto &device : dsmil::catalog()) {
        const auto node = std::format("{}/{:04x}", machine.paths.nodes, device.id);
        nodes += ::access(node.c_str(), F_OK) == 0 ? 1 : 0;
        open += ::access(node.c_str(), R_OK) == 0 ? 1 : 0;
    }
    return good(name, std::format("{} device nodes, {} of them open to you", nodes, open));
}

Check check_audit_ring(const Machine &machine) {
    const std::string name = "audit-ring";
    if (!machine.info) {
        return unknown(name);
    }
    const auto &info = *machine.info;
    const auto waiting = info.audit_head - info.audit_tail;
    const auto text = std::format("{} of {} records wait, {}", waiting, info.audit_capacity,
                                  info.audit_reader != 0 ? "a reader is there" : "no reader");
    // Writes are refused before a record could be lost, so full means closed.
    if (waiting >= info.audit_capacity) {
        return {name, State::fail, text + ": writes are refused", "systemctl start dsmild"};
    }
    if (info.audit_reader == 0 || waiting > info.audit_capacity / 2) {
        return {name, State::warn, text, "systemctl start dsmild"};
    }
    return good(name, text);
}

} // namespace dsmilctl
