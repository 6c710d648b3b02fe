// SPDX-License-Identifier: Apache-2.0
#include "attest/quote.hpp"

#include "attest/attestation.hpp"
#include "attest/signature.hpp"

#include <algorithm>
#include <array>
#include <format>

namespace dsmil::attest {
namespace {

// Later in a ring of 32 bits: a key of the owner hierarchy has a number added to its counters,
// which can wrap.
bool before(std::uint32_t value, std::uint32_t reference) {
    return static_cast<std::int32_t>(value - reference) < 0;
}

Result<void> check_clock(const QuoteReport &now, const QuoteReport &earlier) {
    if (now.signer_name != earlier.signer_name) {
        return does_not_hold("clock", "the earlier quote is another key's, so that the clocks cannot be "
                                      "compared; give an earlier quote of this key");
    }
    if (before(now.reset_count, earlier.reset_count) ||
        (now.reset_count == earlier.reset_count && before(now.restart_count, earlier.restart_count))) {
        return does_not_hold("clock", "the TPM's count of starts is before the earlier quote's; it is an old "
                                      "quote, or the TPM was cleared: ask again with a new nonce");
    }
    const bool same_start =
        now.reset_count == earlier.reset_count && now.restart_count == earlier.restart_count;
    // After a power cut the clock goes on from its last saved value, and says that it is not safe.
    if (now.clock_ms < earlier.clock_ms && (same_start || now.clock_safe)) {
        return does_not_hold("clock", std::format("the TPM's clock ({} ms) is before the earlier quote's "
                                                  "({} ms); it is an old quote, or the TPM was cleared: ask "
                                                  "again with a new nonce",
                                                  now.clock_ms, earlier.clock_ms));
    }
    return {};
}

Result<void> check_selection(const Attestation &attestation, std::span<const unsigned> requested) {
    std::uint32_t wanted = 0;
    for (const unsigned pcr : requested) {
        wanted |= pcr < pcr_count ? 1U << pcr : 0;
    }
    if (!attestation.only_sha256) {
        return does_not_hold("bank", "it quotes not just the SHA-256 bank, which alone is verified: SHA-1 "
                                     "is broken, and two banks would need two logs; quote sha256:...");
    }
    if (attestation.pcrs != wanted || attestation.beyond_last) {
        return does_not_hold("selection", std::format("it quotes PCRs {}{}, asked for were {}; quote exactly "
                                                      "those, since others say nothing of them",
                                                      list_of(attestation.pcrs),
                                                      attestation.beyond_last ? " and some beyond 23" : "",
                                                      list_of(wanted)));
    }
    return {};
}

Result<void> check_values(const Attestation &attestation, const Pcrs &pcrs, HashAlg hash) {
    std::array<std::uint8_t, std::size_t{pcr_count} * 32> all{};
    std::size_t used = 0;
    std::size_t found = 0;
    for (unsigned pcr = 0; pcr < pcr_count; pcr++) {
        if ((attestation.pcrs >> pcr & 1U) == 0) {
            continue;
        }
        const auto value = pcrs.find(pcr);
        if (value == pcrs.end() || value->second.size() != 32) {
            return does_not_hold("values", std::format("the value of PCR {} is missing or malformed; fetch "
                                                       "the PCR values again",
                                                       pcr));
        }
        std::ranges::copy(value->second, all.begin() + static_cast<std::ptrdiff_t>(used));
        used += value->second.size();
        found++;
    }
    if (pcrs.size() != found) {
        return does_not_hold("values", "there are values of PCRs that are not quoted; leave them out, since "
                                       "nothing vouches for them");
    }
    if (digest(hash, ByteView(all).first(used)) != attestation.pcr_digest) {
        return does_not_hold("values",
                             "the values of the PCRs are not those that were quoted; if a PCR moved "
                             "between reading and quoting, ask again");
    }
    return {};
}

Result<void> check_firmware(const QuoteReport &report, std::span<const std::uint64_t> known) {
    if (known.empty() || std::ranges::find(known, report.firmware_version) != known.end()) {
        return {};
    }
    return does_not_hold("firmware", std::format("the TPM's firmware version 0x{:016x} is not one that is "
                                                 "known; find out who updated it, then add the version",
                                                 report.firmware_version));
}

// What the quote says, whoever signed it.
Result<QuoteReport> check_content(Attestation attestation, const Pcrs &pcrs, HashAlg hash,
                                  const QuoteExpectation &expected) {
    if (!std::ranges::equal(attestation.nonce, expected.nonce)) {
        return does_not_hold("nonce",
                             "the nonce is another one: this is not the answer to this question; ask "
                             "again, and suspect a replay if it stays");
    }
    auto held = check_selection(attestation, expected.pcrs)
                    .and_then([&] { return check_values(attestation, pcrs, hash); })
                    .and_then([&] {
                        return expected.earlier != nullptr
                                   ? check_clock(attestation.report, *expected.earlier)
                                   : Result<void>{};
                    })
                    .and_then([&] { return check_firmware(attestation.report, expected.firmware_versions); });
    if (!held) {
        return std::unexpected(std::move(held.error()));
    }
    return std::move(attestation.report);
}

} // namespace

// OpenSSL's context of the key: one for ECDSA, and of RSA one for each scheme and hash in use.
struct QuoteVerifier::Ready {
    VerifyContext ecdsa;
    std::array<VerifyContext, 6> rsa;
};

QuoteVerifier::QuoteVerifier(PublicKey key, std::unique_ptr<Ready> ready)
    : key_(std::move(key)), ready_(std::move(ready)) {}
QuoteVerifier::QuoteVerifier(QuoteVerifier &&) noexcept = default;
QuoteVerifier::~QuoteVerifier() = default;

namespace {

std::size_t rsa_slot(const Signature &signature) {
    const std::size_t hash = signature.hash == HashAlg::sha256   ? 0
                             : signature.hash == HashAlg::sha384 ? 1
                                                                 : 2;
    return hash + (signature.scheme == Signature::Scheme::rsapss ? 3 : 0);
}

} // namespace

Result<QuoteVerifier> QuoteVerifier::make(PublicKey ak) {
    const auto &area = ak.area();
    if (area && !is_attestation_key(*area)) {
        return does_not_hold("key",
                             std::format("its attributes (0x{:08x}) do not make it an attestation key: "
                                         "restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin, and "
                                         "not decrypt; make one with tpm2_createak",
                                         area->attributes));
    }
    auto ready = std::make_unique<Ready>();
    if (ak.kind() != KeyKind::rsa) {
        ready->ecdsa = ecdsa_context(ak);
        if (!ready->ecdsa) {
            return fail(Code::failed, "OpenSSL cannot verify with this key");
        }
    }
    return QuoteVerifier(std::move(ak), std::move(ready));
}

Result<QuoteReport> QuoteVerifier::verify(const QuoteBundle &bundle, const QuoteExpectation &expected) {
    auto attestation = parse_attestation(bundle.quoted);
    if (!attestation) {
        return std::unexpected(std::move(attestation.error()));
    }
    const auto signature = parse_signature(bundle.signature, key_);
    if (!signature) {
        return std::unexpected(signature.error());
    }
    const Digest hash = digest(signature->hash, bundle.quoted);
    bool signed_by_key = false;
    if (signature->scheme == Signature::Scheme::ecdsa) {
        EcdsaDer place{};
        signed_by_key = signature_holds(ready_->ecdsa, ecdsa_der(*signature, place), hash);
    } else {
        auto &context = ready_->rsa.at(rsa_slot(*signature));
        if (!context) {
            context = rsa_context(key_, *signature);
        }
        signed_by_key = signature_holds(context, signature->rsa, hash);
    }
    if (!signed_by_key) {
        return does_not_hold("signature",
                             "the signature does not hold: another key made it, or the quote was "
                             "changed; give the key of this machine, or ask again");
    }
    return check_content(std::move(*attestation), bundle.pcrs, signature->hash, expected);
}

Result<QuoteReport> check_unsigned(const QuoteBundle &bundle, const QuoteExpectation &expected) {
    auto attestation = parse_attestation(bundle.quoted);
    if (!attestation) {
        return std::unexpected(std::move(attestation.error()));
    }
    return check_content(std::move(*attestation), bundle.pcrs, HashAlg::sha256, expected);
}

Result<QuoteReport> verify_quote(const QuoteBundle &bundle, ByteView nonce,
                                 std::span<const unsigned> requested) {
    // No TPM made it, whoever signed it: that is said first.
    if (auto attestation = parse_attestation(bundle.quoted); !attestation) {
        return std::unexpected(std::move(attestation.error()));
    }
    auto key = PublicKey::read(as_bytes(bundle.ak_public_pem));
    if (!key) {
        return does_not_hold("key", key.error().detail);
    }
    auto verifier = QuoteVerifier::make(std::move(*key));
    if (!verifier) {
        return std::unexpected(std::move(verifier.error()));
    }
    return verifier->verify(bundle, {.nonce = nonce, .pcrs = requested, .firmware_versions = {}});
}

} // namespace dsmil::attest
