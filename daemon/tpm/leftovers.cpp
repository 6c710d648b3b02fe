// SPDX-License-Identifier: Apache-2.0
#include "tpm/leftovers.hpp"

#include <filesystem>
#include <format>
#include <string_view>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <utility>
#include <vector>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;
constexpr UINT32 max_handles = 64;

void flush(Context &context, TPM2_HANDLE handle) {
    ESYS_TR found = none;
    const auto start = [&](ESYS_CONTEXT *esys) {
        return Esys_TR_FromTPMPublic_Async(esys, handle, none, none, none);
    };
    const auto finish = [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Finish(esys, &found); };
    // A session has no public area: ESYS asks nothing, and there is no answer to wait for.
    const bool is_object = handle >> TPM2_HR_SHIFT == TPM2_HT_TRANSIENT;
    const TSS2_RC code =
        is_object ? context.ask("ReadPublic", start, finish) : context.local([&](ESYS_CONTEXT *esys) {
            const TSS2_RC started = start(esys);
            return started == TSS2_RC_SUCCESS ? finish(esys) : started;
        });
    if (code == TSS2_RC_SUCCESS) {
        const Object flushed(context, found);
    }
}

// "device:/dev/tpm0" and "/usr/lib/libtss2-tcti-device.so.0:/dev/tpm0" are "device" and "/dev/tpm0".
std::pair<std::string_view, std::string_view> parts_of(std::string_view tcti) {
    constexpr std::string_view prefix = "libtss2-tcti-";
    const auto colon = tcti.find(':');
    std::string_view name = tcti.substr(0, colon);
    name.remove_prefix(name.rfind('/') + 1); // npos + 1 is 0
    if (name.starts_with(prefix)) {
        name.remove_prefix(prefix.size());
        name = name.substr(0, name.find(".so"));
    }
    return {name, colon == std::string_view::npos ? std::string_view{} : tcti.substr(colon + 1)};
}

// The kernel's two nodes of a TPM are of two classes, whatever they are called. What
// cannot be looked at is taken to have a manager: nobody else's sessions are flushed.
bool is_managed_node(const std::string &node) {
    struct stat status{};
    if (::stat(node.c_str(), &status) != 0 || !S_ISCHR(status.st_mode)) {
        return !node.starts_with("/dev/tpm") || node.starts_with("/dev/tpmrm");
    }
    std::error_code error;
    const auto subsystem = std::filesystem::read_symlink(
        std::format("/sys/dev/char/{}:{}/subsystem", major(status.st_rdev), minor(status.st_rdev)), error);
    return error ? !node.starts_with("/dev/tpm") || node.starts_with("/dev/tpmrm")
                 : subsystem.filename() != "tpm";
}

} // namespace

bool is_simulator(const std::string &tcti) {
    const auto [name, rest] = parts_of(tcti);
    return name == "swtpm" || name == "mssim";
}

bool has_manager(const std::string &tcti) {
    const auto [name, rest] = parts_of(tcti);
    if (name == "swtpm" || name == "mssim" || name == "spidev" || name == "cmd" || name.contains("helper")) {
        return false;
    }
    if (name == "pcap") { // writes down what goes to another
        return has_manager(std::string(rest));
    }
    return name != "device" || is_managed_node(rest.empty() ? "/dev/tpmrm0" : std::string(rest));
}

Result<std::vector<TPM2_HANDLE>> handles_from(Context &context, TPM2_HANDLE first) {
    TPMS_CAPABILITY_DATA *data = nullptr;
    auto asked = context.run(
        "GetCapability", "asking what is loaded",
        [&](ESYS_CONTEXT *esys) {
            return Esys_GetCapability_Async(esys, none, none, none, TPM2_CAP_HANDLES, first, max_handles);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_GetCapability_Finish(esys, nullptr, &data); });
    const EsysPtr<TPMS_CAPABILITY_DATA> owned(data);
    if (!asked) {
        return std::unexpected(std::move(asked.error()));
    }
    const auto &list = data->data.handles;
    return std::vector<TPM2_HANDLE>(list.handle, list.handle + list.count);
}

Result<void> flush_leftovers(Context &context, const std::string &tcti) {
    std::vector<TPM2_HANDLE> firsts = {TPM2_TRANSIENT_FIRST};
    if (!has_manager(tcti)) {
        firsts.push_back(TPM2_LOADED_SESSION_FIRST);
    }
    for (const auto first : firsts) {
        const auto handles = handles_from(context, first);
        if (!handles) {
            return std::unexpected(handles.error());
        }
        for (const auto handle : *handles) {
            flush(context, handle);
        }
    }
    return {};
}

} // namespace dsmil::tpm
