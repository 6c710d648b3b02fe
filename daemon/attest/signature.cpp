// SPDX-License-Identifier: Apache-2.0
#include "attest/signature.hpp"

#include "attest/attestation.hpp"
#include "attest/reader.hpp"
#include "attest/writer.hpp"

#include <algorithm>
#include <format>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest {
namespace {

ByteView without_leading_zeros(ByteView number) {
    const auto first = std::ranges::find_if(number, [](std::uint8_t byte) { return byte != 0; });
    return number.subspan(static_cast<std::size_t>(first - number.begin()));
}

// A DER INTEGER at `at`: it is signed, so that a first bit that is set needs a zero before it.
std::size_t put_integer(ByteView number, EcdsaDer &place, std::size_t at) {
    const ByteView digits = without_leading_zeros(number);
    const bool padded = digits.empty() || (digits[0] & 0x80U) != 0;
    place.at(at) = 0x02;
    place.at(at + 1) = static_cast<std::uint8_t>(digits.size() + (padded ? 1 : 0));
    at += 2;
    if (padded) {
        place.at(at++) = 0;
    }
    std::ranges::copy(digits, place.begin() + static_cast<std::ptrdiff_t>(at));
    return at + digits.size();
}

std::optional<Signature::Scheme> scheme_of(std::uint16_t number, KeyKind kind) {
    switch (number) {
    case TPM2_ALG_ECDSA:
        return kind != KeyKind::rsa ? std::optional(Signature::Scheme::ecdsa) : std::nullopt;
    case TPM2_ALG_RSASSA:
        return kind == KeyKind::rsa ? std::optional(Signature::Scheme::rsassa) : std::nullopt;
    case TPM2_ALG_RSAPSS:
        return kind == KeyKind::rsa ? std::optional(Signature::Scheme::rsapss) : std::nullopt;
    default:
        return std::nullopt;
    }
}

const EVP_MD *md_of(HashAlg alg) {
    switch (alg) {
    case HashAlg::sha384:
        return EVP_sha384();
    case HashAlg::sha512:
        return EVP_sha512();
    default:
        return EVP_sha256();
    }
}

VerifyContext make_context(EVP_PKEY *key) {
    VerifyContext context(EVP_PKEY_CTX_new(key, nullptr));
    return context && EVP_PKEY_verify_init(context.get()) == 1 ? std::move(context) : nullptr;
}

} // namespace

void VerifyContextDeleter::operator()(EVP_PKEY_CTX *context) const {
    EVP_PKEY_CTX_free(context);
}

VerifyContext ecdsa_context(const PublicKey &key) {
    return make_context(key.get());
}

VerifyContext rsa_context(const PublicKey &key, const Signature &signature) {
    auto context = make_context(key.get());
    const bool pss = signature.scheme == Signature::Scheme::rsapss;
    if (!context ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), md_of(signature.hash)) != 1 ||
        // A TPM takes the longest salt that fits, or, in FIPS mode, one as long as the hash.
        (pss && EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_AUTO) != 1)) {
        return nullptr;
    }
    return context;
}

bool signature_holds(const VerifyContext &context, ByteView signature, const Digest &hash) {
    return context && EVP_PKEY_verify(context.get(), signature.data(), signature.size(), hash.view().data(),
                                      hash.size()) == 1;
}

Result<void> verify_signature(const PublicKey &key, ByteView message, ByteView marshalled) {
    const auto signature = parse_signature(marshalled, key);
    if (!signature) {
        return std::unexpected(signature.error());
    }
    EcdsaDer place{};
    const bool ecdsa = signature->scheme == Signature::Scheme::ecdsa;
    if (!signature_holds(ecdsa ? ecdsa_context(key) : rsa_context(key, *signature),
                         ecdsa ? ecdsa_der(*signature, place) : signature->rsa,
                         digest(signature->hash, message))) {
        return does_not_hold("signature", "the signature does not hold: another key made it, or what it is "
                                          "of was changed");
    }
    return {};
}

Result<Signature> parse_signature(ByteView marshalled, const PublicKey &key) {
    BigReader reader(marshalled);
    const auto scheme_number = reader.number<std::uint16_t>();
    const auto hash = hash_alg(reader.number<std::uint16_t>());
    const auto scheme = scheme_of(scheme_number, key.kind());
    if (!scheme) {
        return does_not_hold("signature", std::format("it is not ECDSA, RSASSA or RSAPSS by a key of this "
                                                      "kind ({}) but scheme 0x{:04x}; quote with this key, "
                                                      "or give the key that signed",
                                                      name_of(key.kind()), scheme_number));
    }
    if (!hash || *hash == HashAlg::sha1) {
        return does_not_hold("signature", "it is not over SHA-256, SHA-384 or SHA-512; make an attestation "
                                          "key whose scheme has SHA-256");
    }
    Signature signature{.scheme = *scheme, .hash = *hash, .rsa = {}, .r = {}, .s = {}};
    if (*scheme == Signature::Scheme::ecdsa) {
        signature.r = reader.sized();
        signature.s = reader.sized();
    } else {
        signature.rsa = reader.sized();
    }
    const auto limit = field_bytes(key);
    if (!reader.complete() || signature.r.size() > limit || signature.s.size() > limit ||
        signature.rsa.size() > limit) {
        return does_not_hold("signature", "it is malformed; fetch it again");
    }
    return signature;
}

ByteView ecdsa_der(const Signature &signature, EcdsaDer &place) {
    place[0] = 0x30; // SEQUENCE; at most 100 bytes follow, so that its length is one byte
    const auto end = put_integer(signature.s, place, put_integer(signature.r, place, 2));
    place[1] = static_cast<std::uint8_t>(end - 2);
    return ByteView(place).first(end);
}

Result<Bytes> signature_from_plain(ByteView plain, const PublicKey &key, HashAlg hash) {
    Writer writer;
    const auto hash_number = static_cast<std::uint16_t>(hash);
    if (key.kind() == KeyKind::rsa) {
        if (plain.size() != field_bytes(key)) {
            return fail(Code::malformed, "the plain signature is not as long as the RSA key");
        }
        return writer.number(std::uint16_t{TPM2_ALG_RSASSA}).number(hash_number).sized(plain).bytes();
    }
    const auto field = static_cast<int>(field_bytes(key));
    const unsigned char *at = plain.data();
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(plain.size()));
    Bytes r(static_cast<std::size_t>(field));
    Bytes s(r.size());
    const bool fits = parsed != nullptr && at == plain.data() + plain.size() &&
                      BN_bn2binpad(ECDSA_SIG_get0_r(parsed), r.data(), field) == field &&
                      BN_bn2binpad(ECDSA_SIG_get0_s(parsed), s.data(), field) == field;
    ECDSA_SIG_free(parsed);
    if (!fits) {
        return fail(Code::malformed, "the plain signature is not the DER of an ECDSA signature of this key");
    }
    return writer.number(std::uint16_t{TPM2_ALG_ECDSA}).number(hash_number).sized(r).sized(s).bytes();
}

} // namespace dsmil::attest
