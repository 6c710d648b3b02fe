// SPDX-License-Identifier: Apache-2.0
#include "tpm/leftovers.hpp"

#include <vector>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;
constexpr UINT32 max_handles = 64;

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

void flush(Context &context, TPM2_HANDLE handle) {
    ESYS_TR found = none;
    const TSS2_RC code = context.ask(
        "ReadPublic",
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Async(esys, handle, none, none, none); },
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Finish(esys, &found); });
    if (code == TSS2_RC_SUCCESS) {
        const Object flushed(context, found);
    }
}

} // namespace

bool is_simulator(const std::string &tcti) {
    return tcti.starts_with("swtpm") || tcti.starts_with("mssim");
}

Result<void> flush_leftovers(Context &context, const std::string &tcti) {
    std::vector<TPM2_HANDLE> firsts = {TPM2_TRANSIENT_FIRST};
    if (is_simulator(tcti)) {
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
