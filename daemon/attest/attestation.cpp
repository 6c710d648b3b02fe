// SPDX-License-Identifier: Apache-2.0
#include "attest/attestation.hpp"

#include "attest/reader.hpp"

#include <format>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest {
namespace {

void read_selection(BigReader &reader, Attestation &attestation) {
    const auto banks = reader.number<std::uint32_t>();
    attestation.only_sha256 = banks == 1;
    for (std::uint32_t i = 0; i < banks && reader.ok(); i++) {
        attestation.only_sha256 =
            reader.number<std::uint16_t>() == TPM2_ALG_SHA256 && attestation.only_sha256;
        const ByteView bits = reader.take(reader.number<std::uint8_t>());
        for (unsigned pcr = 0; pcr < bits.size() * 8; pcr++) {
            if ((bits[pcr / 8] >> (pcr % 8) & 1U) == 0) {
                continue;
            }
            if (pcr < pcr_count) {
                attestation.pcrs |= 1U << pcr;
            } else {
                attestation.beyond_last = true;
            }
        }
    }
}

} // namespace

std::unexpected<Error> does_not_hold(std::string_view check, std::string_view why) {
    return fail(Code::attestation_failed, std::format("{}: {}", check, why));
}

std::string list_of(std::uint32_t pcrs) {
    std::string text;
    for (unsigned pcr = 0; pcr < pcr_count; pcr++) {
        if ((pcrs >> pcr & 1U) != 0) {
            text += std::format("{}{}", text.empty() ? "" : ",", pcr);
        }
    }
    return text.empty() ? "none" : text;
}

Result<Attestation> read_head(BigReader &reader, std::uint16_t type, std::string_view name) {
    const auto magic = reader.number<std::uint32_t>();
    const auto is = reader.number<std::uint16_t>();
    // Before the rest: what follows has this shape only when a TPM made it.
    if (magic != TPM2_GENERATED_VALUE) {
        return does_not_hold("magic", std::format("no TPM made it: 0x{:08x} in place of 0xff544347; "
                                                  "do not use it, a key that signs such data is no "
                                                  "attestation key",
                                                  magic));
    }
    if (is != type) {
        return does_not_hold("type", std::format("it is no {0} but type 0x{1:04x}; ask for a {0}", name, is));
    }
    Attestation attestation;
    attestation.report.signer_name = to_bytes(reader.sized());
    attestation.nonce = reader.sized();
    attestation.report.clock_ms = reader.number<std::uint64_t>();
    attestation.report.reset_count = reader.number<std::uint32_t>();
    attestation.report.restart_count = reader.number<std::uint32_t>();
    attestation.report.clock_safe = reader.number<std::uint8_t>() != 0;
    attestation.report.firmware_version = reader.number<std::uint64_t>();
    return attestation;
}

Result<Attestation> parse_attestation(ByteView quoted) {
    BigReader reader(quoted);
    auto attestation = read_head(reader, TPM2_ST_ATTEST_QUOTE, "quote");
    if (!attestation) {
        return attestation;
    }
    read_selection(reader, *attestation);
    attestation->pcr_digest = reader.sized();
    if (!reader.complete()) {
        return does_not_hold("form", "the quote is malformed: too short, or something follows it; "
                                     "fetch it again");
    }
    return attestation;
}

Result<QuoteReport> read_report(ByteView quoted) {
    auto attestation = parse_attestation(quoted);
    if (!attestation) {
        return fail(Code::malformed, "the earlier quote is none: " + attestation.error().detail);
    }
    return std::move(attestation->report);
}

Result<std::vector<unsigned>> quoted_pcrs(ByteView quoted) {
    return parse_attestation(quoted).transform([](const Attestation &attestation) {
        std::vector<unsigned> pcrs;
        for (unsigned pcr = 0; pcr < pcr_count; pcr++) {
            if ((attestation.pcrs >> pcr & 1U) != 0) {
                pcrs.push_back(pcr);
            }
        }
        return pcrs;
    });
}

} // namespace dsmil::attest
