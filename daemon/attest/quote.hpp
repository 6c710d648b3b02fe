// SPDX-License-Identifier: Apache-2.0
// Verification of a TPM quote by its bytes alone: no TPM, no daemon. The bytes
// may be hostile.
#pragma once

#include "attest/public_key.hpp"
#include "base/bytes.hpp"
#include "dsmil/error.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace dsmil::attest {

inline constexpr unsigned pcr_count = 24;

using Pcrs = std::map<unsigned, Bytes>; // of the SHA-256 bank

struct QuoteBundle {
    Bytes quoted;    // TPMS_ATTEST
    Bytes signature; // TPMT_SIGNATURE
    std::string ak_public_pem;
    Pcrs pcrs;
};

// What the quote says. The TPM disguises the counters and the firmware version
// for keys of the owner hierarchy, by adding a number of the key: equal means
// equal and later is more, but the numbers themselves mean nothing.
struct QuoteReport {
    std::uint64_t clock_ms = 0;
    std::uint32_t reset_count = 0;
    std::uint32_t restart_count = 0;
    bool clock_safe = false;
    std::uint64_t firmware_version = 0;
    Bytes signer_name; // the qualified name of the key
};

// The clock and the counters of a quote that was verified when it was new, kept as the
// TPMS_ATTEST of then. malformed if it is none.
[[nodiscard]] Result<QuoteReport> read_report(ByteView quoted);

// The PCRs that a quote names, ascending. attestation_failed ("magic: ...", "type", "form") for what is
// no quote.
[[nodiscard]] Result<std::vector<unsigned>> quoted_pcrs(ByteView quoted);

// What the quote must say.
struct QuoteExpectation {
    ByteView nonce;
    std::span<const unsigned> pcrs;                   // exactly these
    const QuoteReport *earlier = nullptr;             // none: the clock is not compared
    std::span<const std::uint64_t> firmware_versions; // none: any
};

// One attestation key, made ready once: a verification then costs little more than the
// signature's. Not for two threads at once.
class QuoteVerifier {
  public:
    // attestation_failed if the key's own attributes, where its form has them, let it sign
    // what no TPM made: it must be restricted, sign, fixedTPM, fixedParent and made inside.
    [[nodiscard]] static Result<QuoteVerifier> make(PublicKey ak);
    QuoteVerifier(QuoteVerifier &&) noexcept;
    ~QuoteVerifier();

    // attestation_failed with the check that failed ("nonce: ...") and what to do, unless all of
    // this does: magic and type, the signature (ECDSA, RSASSA or RSAPSS with SHA-256, SHA-384 or
    // SHA-512), the nonce, exactly the PCRs asked for in the SHA-256 bank, their digest over the
    // values of the bundle, the clock and counters not before `earlier`, the firmware known. The
    // bundle's own key is not looked at. Whether the key belongs to a TPM, and to which, is for
    // the caller to know.
    [[nodiscard]] Result<QuoteReport> verify(const QuoteBundle &bundle, const QuoteExpectation &expected);

    [[nodiscard]] const PublicKey &key() const { return key_; }

  private:
    struct Ready;
    QuoteVerifier(PublicKey key, std::unique_ptr<Ready> ready);
    PublicKey key_;
    std::unique_ptr<Ready> ready_;
};

// The same but for the signature, which is taken to have been made with SHA-256: what the quote says, for
// who has not the key.
[[nodiscard]] Result<QuoteReport> check_unsigned(const QuoteBundle &bundle, const QuoteExpectation &expected);

// The same for one quote, with the key of the bundle.
[[nodiscard]] Result<QuoteReport> verify_quote(const QuoteBundle &bundle, ByteView nonce,
                                               std::span<const unsigned> requested);

} // namespace dsmil::attest
