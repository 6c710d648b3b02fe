// SPDX-License-Identifier: Apache-2.0
#include "tpm/nv.hpp"

#include "base/sha256.hpp"
#include "tpm/nv_read.hpp"

#include <algorithm>
#include <format>
#include <openssl/crypto.h>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

constexpr ESYS_TR none = ESYS_TR_NONE;
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t counter_bytes = 8;

constexpr TPMA_NV usual = TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_OWNERREAD | TPMA_NV_NO_DA;

bool in_owner_range(TPM2_HANDLE index) {
    return index >= first_owner_index && index <= last_owner_index;
}

TPM2B_NV_PUBLIC description(TPM2_HANDLE index, NvKind kind, std::size_t size) {
    TPM2B_NV_PUBLIC area{};
    area.nvPublic.nvIndex = index;
    area.nvPublic.nameAlg = TPM2_ALG_SHA256;
    const auto type = kind == NvKind::counter  ? TPM2_NT_COUNTER
                      : kind == NvKind::extend ? TPM2_NT_EXTEND
                                               : TPM2_NT_ORDINARY;
    area.nvPublic.attributes = usual | (static_cast<TPMA_NV>(type) << TPMA_NV_TPM2_NT_SHIFT);
    area.nvPublic.dataSize = static_cast<UINT16>(kind == NvKind::counter  ? counter_bytes
                                                 : kind == NvKind::extend ? digest_bytes
                                                                          : size);
    return area;
}

TPM2B_MAX_NV_BUFFER buffer_of(ByteView data) {
    TPM2B_MAX_NV_BUFFER buffer{};
    buffer.size = static_cast<UINT16>(data.size());
    std::ranges::copy(data, buffer.buffer);
    return buffer;
}

std::string naming(std::string_view verb, const NvIndex &index) {
    return std::format("{} NV index 0x{:08X}", verb, index.public_area().nvIndex);
}

Result<Object> open_index(Tpm &tpm, TPM2_HANDLE index, TSS2_RC &code) {
    ESYS_TR found = none;
    code = tpm.context().ask(
        "NV_ReadPublic",
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Async(esys, index, none, none, none); },
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Finish(esys, &found); });
    if (code != TSS2_RC_SUCCESS) {
        return tpm_error(std::format("looking at NV index 0x{:08X}", index), code);
    }
    return Object(tpm.context(), found, Object::Kind::persistent);
}

} // namespace

Result<Bytes> NvIndex::name() const {
    Bytes encoded(sizeof(TPMS_NV_PUBLIC));
    std::size_t size = 0;
    if (public_area_.nameAlg != TPM2_ALG_SHA256 ||
        Tss2_MU_TPMS_NV_PUBLIC_Marshal(&public_area_, encoded.data(), encoded.size(), &size) != 0) {
        return fail(Code::tpm_failed, "an NV index has no SHA-256 Name");
    }
    const Hash hash = sha256(ByteView(encoded).first(size));
    Bytes name = {TPM2_ALG_SHA256 >> 8U, TPM2_ALG_SHA256 & 0xFFU};
    name.insert(name.end(), hash.begin(), hash.end());
    return name;
}

Result<std::optional<NvIndex>> find_index(Tpm &tpm, TPM2_HANDLE index, ByteView secret) {
    if (index >> TPM2_HR_SHIFT != TPM2_HT_NV_INDEX) {
        return fail(Code::usage, std::format("0x{:08X} is no NV index", index));
    }
    auto found = find_area(tpm.context(), &tpm.session(), index);
    if (!found) {
        return std::unexpected(std::move(found.error()));
    }
    std::optional<NvArea> index_area = std::move(*found);
    if (!index_area) {
        return std::nullopt;
    }
    set_secret(tpm.context(), index_area->object.handle(), secret);
    return NvIndex(std::move(index_area->object), index_area->area);
}

Result<void> define_index(Tpm &tpm, TPM2_HANDLE index, NvKind kind, std::size_t size, ByteView secret) {
    if (!in_owner_range(index) || size > max_index_bytes || (kind == NvKind::data && size == 0) ||
        secret.size() > max_secret_bytes) {
        return fail(Code::usage, std::format("an NV index is from 0x{:08X} to 0x{:08X}, of 1 to {} bytes",
                                             first_owner_index, last_owner_index, max_index_bytes));
    }
    TPM2B_AUTH auth{};
    auth.size = static_cast<UINT16>(secret.size());
    std::ranges::copy(secret, auth.buffer);
    const TPM2B_NV_PUBLIC area = description(index, kind, size);
    ESYS_TR made = none;
    auto defined = tpm.context().run(
        "NV_DefineSpace", std::format("defining NV index 0x{:08X}", index),
        [&](ESYS_CONTEXT *esys) {
            return Esys_NV_DefineSpace_Async(esys, ESYS_TR_RH_OWNER, tpm.session().handle(Protect::request),
                                             none, none, &auth, &area);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_NV_DefineSpace_Finish(esys, &made); });
    OPENSSL_cleanse(&auth, sizeof(auth));
    if (defined) {
        const Object closed(tpm.context(), made, Object::Kind::persistent);
    }
    return defined;
}

Result<void> undefine_index(Tpm &tpm, TPM2_HANDLE index) {
    TSS2_RC code = TSS2_RC_SUCCESS;
    auto object = in_owner_range(index) ? open_index(tpm, index, code)
                                        : Result<Object>(fail(Code::usage, "the index is not the owner's"));
    if (!object) {
        return is_no_handle(code)
                   ? Result<void>(fail(Code::not_found, std::format("there is no NV index 0x{:08X}", index)))
                   : std::unexpected(std::move(object.error()));
    }
    return tpm.context().run(
        "NV_UndefineSpace", std::format("removing NV index 0x{:08X}", index),
        [&](ESYS_CONTEXT *esys) {
            return Esys_NV_UndefineSpace_Async(esys, ESYS_TR_RH_OWNER, object->handle(),
                                               tpm.session().handle(), none, none);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_NV_UndefineSpace_Finish(esys); });
}

Result<void> write_index(Tpm &tpm, const NvIndex &index, ByteView data) {
    if (data.empty() || data.size() > index.public_area().dataSize) {
        return fail(Code::usage,
                    std::format("{} bytes: it holds {}", data.size(), index.public_area().dataSize));
    }
    for (std::size_t at = 0; at < data.size(); at += nv_bytes_at_a_time) {
        const auto part = buffer_of(data.subspan(at, std::min(nv_bytes_at_a_time, data.size() - at)));
        auto written = tpm.context().run(
            "NV_Write", naming("writing", index),
            [&](ESYS_CONTEXT *esys) {
                return Esys_NV_Write_Async(esys, index.handle(), index.handle(),
                                           tpm.session().handle(Protect::request), none, none, &part,
                                           static_cast<UINT16>(at));
            },
            [&](ESYS_CONTEXT *esys) { return Esys_NV_Write_Finish(esys); });
        if (!written) {
            return written;
        }
    }
    return {};
}

Result<Bytes> read_index(Tpm &tpm, const NvIndex &index) {
    return read_area(tpm.context(), &tpm.session(), index.handle(), index.public_area(), max_index_bytes);
}

Result<void> increment_index(Tpm &tpm, const NvIndex &index) {
    return tpm.context().run(
        "NV_Increment", naming("incrementing", index),
        [&](ESYS_CONTEXT *esys) {
            return Esys_NV_Increment_Async(esys, index.handle(), index.handle(), tpm.session().handle(), none,
                                           none);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_NV_Increment_Finish(esys); });
}

Result<void> extend_index(Tpm &tpm, const NvIndex &index, ByteView data) {
    if (data.empty() || data.size() > nv_bytes_at_a_time) {
        return fail(Code::usage, std::format("1 to {} bytes extend an index", nv_bytes_at_a_time));
    }
    const auto part = buffer_of(data);
    return tpm.context().run(
        "NV_Extend", naming("extending", index),
        [&](ESYS_CONTEXT *esys) {
            return Esys_NV_Extend_Async(esys, index.handle(), index.handle(),
                                        tpm.session().handle(Protect::request), none, none, &part);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_NV_Extend_Finish(esys); });
}

} // namespace dsmil::tpm
