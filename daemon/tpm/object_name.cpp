// SPDX-License-Identifier: Apache-2.0
#include "tpm/object_name.hpp"

#include "attest/hash.hpp"

#include <format>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {

Result<Bytes> name_of(const TPMT_PUBLIC &area) {
    Bytes encoded(sizeof(TPMT_PUBLIC));
    std::size_t size = 0;
    const auto alg = attest::hash_alg(area.nameAlg);
    if ((alg != attest::HashAlg::sha256 && alg != attest::HashAlg::sha384) ||
        Tss2_MU_TPMT_PUBLIC_Marshal(&area, encoded.data(), encoded.size(), &size) != TSS2_RC_SUCCESS) {
        return fail(Code::tpm_failed, "a public area has no Name of SHA-256 or SHA-384");
    }
    const auto hash = attest::digest(*alg, ByteView(encoded).first(size));
    Bytes name = {static_cast<std::uint8_t>(area.nameAlg >> 8U),
                  static_cast<std::uint8_t>(area.nameAlg & 0xFFU)};
    name.insert(name.end(), hash.view().begin(), hash.view().end());
    return name;
}

// ESYS shows its copy only in the form in which it is kept for later: handle,
// Name, kind, public area.
Result<TPM2B_PUBLIC> public_area(Context &context, ESYS_TR object) {
    std::uint8_t *buffer = nullptr;
    std::size_t size = 0;
    const TSS2_RC shown =
        context.local([&](ESYS_CONTEXT *esys) { return Esys_TR_Serialize(esys, object, &buffer, &size); });
    const EsysPtr<std::uint8_t> owned(buffer);
    std::size_t at = 0;
    UINT32 handle = 0;
    TPM2B_NAME name{};
    UINT32 kind = 0;
    TPM2B_PUBLIC area{};
    if (shown != TSS2_RC_SUCCESS || Tss2_MU_UINT32_Unmarshal(buffer, size, &at, &handle) != 0 ||
        Tss2_MU_TPM2B_NAME_Unmarshal(buffer, size, &at, &name) != 0 ||
        Tss2_MU_UINT32_Unmarshal(buffer, size, &at, &kind) != 0 ||
        Tss2_MU_TPM2B_PUBLIC_Unmarshal(buffer, size, &at, &area) != 0 || at != size) {
        return fail(Code::internal, "tpm2-tss shows an object in a form that is not known");
    }
    return area;
}

Result<Bytes> marshal(const TPM2B_PUBLIC &area) {
    Bytes encoded(sizeof(TPM2B_PUBLIC));
    std::size_t size = 0;
    if (Tss2_MU_TPM2B_PUBLIC_Marshal(&area, encoded.data(), encoded.size(), &size) != TSS2_RC_SUCCESS) {
        return fail(Code::internal, "a public area could not be encoded");
    }
    encoded.resize(size);
    return encoded;
}

Result<Bytes> computed_name(Context &context, ESYS_TR object) {
    return public_area(context, object).and_then([](const TPM2B_PUBLIC &area) {
        return name_of(area.publicArea);
    });
}

Result<std::optional<Object>> find_persistent(Context &context, TPM2_HANDLE handle) {
    ESYS_TR found = ESYS_TR_NONE;
    const TSS2_RC code = context.ask(
        "ReadPublic",
        [&](ESYS_CONTEXT *esys) {
            return Esys_TR_FromTPMPublic_Async(esys, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_TR_FromTPMPublic_Finish(esys, &found); });
    if (is_no_handle(code)) {
        return std::nullopt;
    }
    if (code != TSS2_RC_SUCCESS) {
        return tpm_error(std::format("looking at the persistent handle 0x{:08X}", handle), code);
    }
    return Object(context, found, Object::Kind::persistent);
}

} // namespace dsmil::tpm
