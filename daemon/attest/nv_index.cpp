// SPDX-License-Identifier: Apache-2.0
#include "attest/nv_index.hpp"

#include "attest/attestation.hpp"
#include "attest/signature.hpp"
#include "attest/writer.hpp"
#include "base/sha256.hpp"

#include <algorithm>
#include <format>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest {

Bytes name_of(const NvPublic &index) {
    Writer area;
    area.number<std::uint32_t>(index.index)
        .number<std::uint16_t>(TPM2_ALG_SHA256)
        .number<std::uint32_t>(index.attributes)
        .sized({})
        .number<std::uint16_t>(index.size);
    const Hash hash = sha256(area.bytes());
    return Writer().number<std::uint16_t>(TPM2_ALG_SHA256).raw(hash).bytes();
}

Result<Bytes> verify_nv_certification(const NvCertification &certification, const PublicKey &ak,
                                      const NvPublic &index, ByteView nonce) {
    BigReader reader(certification.attest);
    const auto head = read_head(reader, TPM2_ST_ATTEST_NV, "certificate of an NV index");
    if (!head) {
        return std::unexpected(head.error());
    }
    const ByteView name = reader.sized();
    const auto offset = reader.number<std::uint16_t>();
    const ByteView contents = reader.sized();
    if (!reader.complete()) {
        return does_not_hold("form", "the certificate is malformed: too short, or something follows it");
    }
    const auto &area = ak.area();
    if (area && !is_attestation_key(*area)) {
        return does_not_hold("key", "its attributes do not make it an attestation key");
    }
    if (auto held = verify_signature(ak, certification.attest, certification.signature); !held) {
        return std::unexpected(std::move(held.error()));
    }
    if (!std::ranges::equal(head->nonce, nonce)) {
        return does_not_hold("nonce", "the nonce is another one: the certificate is the answer to another "
                                      "question");
    }
    if (!std::ranges::equal(name, name_of(index))) {
        return does_not_hold(
            "name", std::format("it is not about the NV index 0x{:08X} as the daemon makes it", index.index));
    }
    if (offset != 0 || contents.size() != index.size) {
        return does_not_hold("contents", "it does not say all that the index holds");
    }
    return to_bytes(contents);
}

} // namespace dsmil::attest
