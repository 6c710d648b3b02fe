// SPDX-License-Identifier: Apache-2.0
#include "tpm/quote_verify.hpp"

#include "base/sha256.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <set>

namespace dsmil::tpm {
namespace {

// TPM 2.0 Library, Part 2: 6.2 TPM_GENERATED, 6.9 TPM_ST, 6.3 TPM_ALG_ID.
constexpr std::uint32_t generated_value = 0xFF544347;
constexpr std::uint16_t attest_quote = 0x8018;
constexpr std::uint16_t alg_sha256 = 0x000B;
constexpr std::uint16_t alg_ecdsa = 0x0018;

std::unexpected<Error> does_not_hold(std::string detail) {
    return fail(Code::attestation_failed, std::move(detail));
}

// Big-endian fields one after the other; after the end all is zero and ok() false.
class Reader {
  public:
    explicit Reader(ByteView bytes) : rest_(bytes) {}

    template <typename T>
    T number() {
        T value = 0;
        for (const std::uint8_t byte : take(sizeof(T))) {
            value = static_cast<T>(static_cast<std::uint64_t>(value) << 8U | byte);
        }
        return value;
    }

    ByteView take(std::size_t count) {
        if (count > rest_.size()) {
            ok_ = false;
            count = 0;
        }
        const ByteView taken = rest_.first(count);
        rest_ = rest_.subspan(count);
        return taken;
    }

    ByteView sized() { return take(number<std::uint16_t>()); } // a TPM2B

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool complete() const { return ok_ && rest_.empty(); }

  private:
    ByteView rest_;
    bool ok_ = true;
};

struct Attest {
    std::uint32_t magic = 0;
    std::uint16_t type = 0;
    Bytes extra_data;
    std::set<unsigned> pcrs;
    bool only_sha256 = true;
    Bytes pcr_digest;
    QuoteReport report;
};

void read_selection(Reader &reader, Attest &attest) {
    const auto banks = reader.number<std::uint32_t>();
    attest.only_sha256 = banks == 1;
    for (std::uint32_t i = 0; i < banks && reader.ok(); i++) {
        attest.only_sha256 = reader.number<std::uint16_t>() == alg_sha256 && attest.only_sha256;
        const ByteView bits = reader.take(reader.number<std::uint8_t>());
        for (unsigned pcr = 0; pcr < bits.size() * 8; pcr++) {
            if ((bits[pcr / 8] >> (pcr % 8) & 1U) != 0) {
                attest.pcrs.insert(pcr);
            }
        }
    }
}

Result<Attest> parse_attest(ByteView quoted) {
    Reader reader(quoted);
    Attest attest;
    attest.magic = reader.number<std::uint32_t>();
    attest.type = reader.number<std::uint16_t>();
    // Before the rest: what follows has this shape only for a quote made by a TPM.
    if (attest.magic != generated_value) {
        return does_not_hold("no TPM made it: its magic number is wrong");
    }
    if (attest.type != attest_quote) {
        return does_not_hold(std::format("it is no quote but type 0x{:04x}", attest.type));
    }
    const auto bytes = [](ByteView view) { return Bytes(view.begin(), view.end()); };
    attest.report.signer_name = bytes(reader.sized());
    attest.extra_data = bytes(reader.sized());
    attest.report.clock_ms = reader.number<std::uint64_t>();
    attest.report.reset_count = reader.number<std::uint32_t>();
    attest.report.restart_count = reader.number<std::uint32_t>();
    attest.report.clock_safe = reader.number<std::uint8_t>() != 0;
    attest.report.firmware_version = reader.number<std::uint64_t>();
    read_selection(reader, attest);
    attest.pcr_digest = bytes(reader.sized());
    if (!reader.complete()) {
        return does_not_hold("the quote is malformed: too short, or something follows it");
    }
    return attest;
}

struct Deleter {
    void operator()(BIO *bio) const { BIO_free(bio); }
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX *context) const { EVP_PKEY_CTX_free(context); }
    void operator()(ECDSA_SIG *signature) const { ECDSA_SIG_free(signature); }
};

Result<Bytes> signature_der(ByteView marshalled) {
    Reader reader(marshalled);
    const auto scheme = reader.number<std::uint16_t>();
    const auto hash = reader.number<std::uint16_t>();
    const ByteView r = reader.sized();
    const ByteView s = reader.sized();
    if (scheme != alg_ecdsa || hash != alg_sha256 || !reader.complete() || r.size() > 32 || s.size() > 32) {
        return does_not_hold("the signature is not ECDSA over P-256 with SHA-256");
    }
    const std::unique_ptr<ECDSA_SIG, Deleter> signature(ECDSA_SIG_new());
    BIGNUM *number_r = BN_bin2bn(r.data(), static_cast<int>(r.size()), nullptr);
    BIGNUM *number_s = BN_bin2bn(s.data(), static_cast<int>(s.size()), nullptr);
    ECDSA_SIG_set0(signature.get(), number_r, number_s);
    unsigned char *der = nullptr;
    const int length = i2d_ECDSA_SIG(signature.get(), &der);
    if (length <= 0) {
        return does_not_hold("the signature is malformed");
    }
    Bytes encoded(der, der + length);
    OPENSSL_free(der);
    return encoded;
}

bool is_p256(EVP_PKEY *key) {
    std::array<char, 32> group{};
    return EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
           std::string_view(group.data()) == "prime256v1";
}

Result<void> check_signature(const QuoteBundle &bundle) {
    const auto der = signature_der(bundle.signature);
    if (!der) {
        return std::unexpected(der.error());
    }
    const std::unique_ptr<BIO, Deleter> pem(
        BIO_new_mem_buf(bundle.ak_public_pem.data(), static_cast<int>(bundle.ak_public_pem.size())));
    const std::unique_ptr<EVP_PKEY, Deleter> key(PEM_read_bio_PUBKEY(pem.get(), nullptr, nullptr, nullptr));
    if (!key || !is_p256(key.get())) {
        return does_not_hold("the attestation key is not a P-256 public key in PEM");
    }
    const Hash digest = sha256(bundle.quoted);
    const std::unique_ptr<EVP_PKEY_CTX, Deleter> context(EVP_PKEY_CTX_new(key.get(), nullptr));
    if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
        EVP_PKEY_verify(context.get(), der->data(), der->size(), digest.data(), digest.size()) != 1) {
        return does_not_hold("the signature does not hold: another key made it, or the quote was changed");
    }
    return {};
}

std::string list(const std::set<unsigned> &pcrs) {
    std::string text;
    for (const unsigned pcr : pcrs) {
        text += std::format("{}{}", text.empty() ? "" : ",", pcr);
    }
    return text.empty() ? "none" : text;
}

Result<void> check_pcrs(const Attest &attest, const QuoteBundle &bundle,
                        std::span<const unsigned> requested) {
    const std::set<unsigned> wanted(requested.begin(), requested.end());
    if (!attest.only_sha256) {
        return does_not_hold("it quotes not just the SHA-256 bank");
    }
    if (attest.pcrs != wanted) {
        return does_not_hold(
            std::format("it quotes PCRs {}, asked for were {}", list(attest.pcrs), list(wanted)));
    }
    Bytes all;
    for (const unsigned pcr : wanted) {
        const auto value = bundle.pcrs.find(pcr);
        if (value == bundle.pcrs.end() || value->second.size() != std::tuple_size_v<Hash>) {
            return does_not_hold(std::format("the value of PCR {} is missing or malformed", pcr));
        }
        all.insert(all.end(), value->second.begin(), value->second.end());
    }
    if (bundle.pcrs.size() != wanted.size()) {
        return does_not_hold("there are values of PCRs that are not quoted");
    }
    if (!std::ranges::equal(sha256(all), attest.pcr_digest)) {
        return does_not_hold("the values of the PCRs are not those that were quoted");
    }
    return {};
}

} // namespace

Result<QuoteReport> verify_quote(const QuoteBundle &bundle, ByteView nonce,
                                 std::span<const unsigned> requested) {
    auto attest = parse_attest(bundle.quoted);
    if (!attest) {
        return std::unexpected(std::move(attest.error()));
    }
    if (auto held = check_signature(bundle); !held) {
        return std::unexpected(std::move(held.error()));
    }
    if (!std::ranges::equal(attest->extra_data, nonce)) {
        return does_not_hold("the nonce is another one: this is not the answer to this question");
    }
    if (auto held = check_pcrs(*attest, bundle, requested); !held) {
        return std::unexpected(std::move(held.error()));
    }
    return std::move(attest->report);
}

} // namespace dsmil::tpm
