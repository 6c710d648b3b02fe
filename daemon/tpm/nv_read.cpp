// SPDX-License-Identifier: Apache-2.0
#include "tpm/nv_read.hpp"

#include <algorithm>
#include <format>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;

} // namespace

Result<std::optional<NvArea>> find_area(Context &context, const Session *session, TPM2_HANDLE index) {
    ESYS_TR found = none;
    const TSS2_RC code = context.ask(
        "NV_ReadPublic",
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Async(esys, index, none, none, none); },
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Finish(esys, &found); });
    if (is_no_handle(code)) {
        return std::nullopt;
    }
    const auto what = std::format("looking at NV index 0x{:08X}", index);
    if (code != TSS2_RC_SUCCESS) {
        return tpm_error(what, code);
    }
    Object object(context, found, Object::Kind::persistent);
    TPM2B_NV_PUBLIC *area = nullptr;
    auto read = context.run(
        "NV_ReadPublic", what,
        [&](ESYS_CONTEXT *esys) {
            return Esys_NV_ReadPublic_Async(esys, object.handle(),
                                            session != nullptr ? session->handle(Protect::answer) : none,
                                            none, none);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_NV_ReadPublic_Finish(esys, &area, nullptr); });
    const EsysPtr<TPM2B_NV_PUBLIC> owned(area);
    if (!read) {
        return std::unexpected(std::move(read.error()));
    }
    return NvArea{std::move(object), area->nvPublic};
}

Result<Bytes> read_area(Context &context, const Session *session, ESYS_TR handle, const TPMS_NV_PUBLIC &area,
                        std::size_t max_bytes) {
    const std::size_t size = area.dataSize;
    if (size > max_bytes) {
        return fail(Code::tpm_failed, std::format("NV index 0x{:08X} has {} bytes: more than {}",
                                                  area.nvIndex, size, max_bytes));
    }
    Bytes bytes;
    while (bytes.size() < size) {
        const auto at = static_cast<UINT16>(bytes.size());
        const auto wanted = static_cast<UINT16>(std::min(nv_bytes_at_a_time, size - bytes.size()));
        TPM2B_MAX_NV_BUFFER *data = nullptr;
        auto read = context.run(
            "NV_Read", std::format("reading NV index 0x{:08X}", area.nvIndex),
            [&](ESYS_CONTEXT *esys) {
                return Esys_NV_Read_Async(esys, handle, handle,
                                          session != nullptr ? session->handle(Protect::answer)
                                                             : ESYS_TR_PASSWORD,
                                          none, none, wanted, at);
            },
            [&](ESYS_CONTEXT *esys) { return Esys_NV_Read_Finish(esys, &data); });
        const EsysPtr<TPM2B_MAX_NV_BUFFER> owned(data);
        if (!read) {
            return std::unexpected(std::move(read.error()));
        }
        if (data->size != wanted) {
            return fail(Code::tpm_failed, "the TPM gave less than was asked for");
        }
        bytes.insert(bytes.end(), data->buffer, data->buffer + data->size);
    }
    return bytes;
}

} // namespace dsmil::tpm
