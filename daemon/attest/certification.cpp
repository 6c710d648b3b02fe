// SPDX-License-Identifier: Apache-2.0
#include "attest/certification.hpp"

#include "attest/attestation.hpp"
#include "attest/signature.hpp"

#include <algorithm>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest {

Result<void> verify_certification(const Certification &certification, const PublicKey &ak,
                                  const PublicKey &key, ByteView nonce) {
    BigReader reader(certification.attest);
    const auto head = read_head(reader, TPM2_ST_ATTEST_CERTIFY, "certificate of a key");
    if (!head) {
        return std::unexpected(head.error());
    }
    const ByteView name = reader.sized();
    reader.sized(); // the qualified name
    if (!reader.complete()) {
        return does_not_hold("form", "the certificate is malformed: too short, or something follows it");
    }
    const auto &ak_area = ak.area();
    const auto &key_area = key.area();
    if (!ak_area || !is_attestation_key(*ak_area) || !key_area) {
        return does_not_hold("key", "the attributes of the key that certifies do not make it an attestation "
                                    "key, or a key came without its attributes");
    }
    if (auto held = verify_signature(ak, certification.attest, certification.signature); !held) {
        return held;
    }
    if (!std::ranges::equal(head->nonce, nonce)) {
        return does_not_hold("nonce", "the nonce is another one: the certificate is the answer to another "
                                      "question");
    }
    if (!std::ranges::equal(name, key_area->name)) {
        return does_not_hold("name", "it certifies another key than the one that is shown");
    }
    return {};
}

} // namespace dsmil::attest
