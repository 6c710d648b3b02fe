// SPDX-License-Identifier: Apache-2.0
#include "attest/credential.hpp"

#include "attest/hash.hpp"
#include "attest/reader.hpp"
#include "attest/writer.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <format>
#include <memory>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest {
namespace {

constexpr std::uint32_t file_magic = 0xBADCC0DE; // of tpm2-tools
constexpr std::uint32_t file_version = 1;
constexpr std::size_t iv_bytes = 16;
constexpr std::uint32_t parent_attributes = object::restricted | object::decrypt;
constexpr std::size_t rsa_2048_bytes = 256;

struct Deleter {
    void operator()(EVP_PKEY_CTX *context) const { EVP_PKEY_CTX_free(context); }
    void operator()(EVP_CIPHER_CTX *context) const { EVP_CIPHER_CTX_free(context); }
};

// Secrets do not stay in memory.
class Secret {
  public:
    explicit Secret(std::size_t size) : bytes_(size) {}
    explicit Secret(const Digest &digest) : bytes_(digest.view().begin(), digest.view().end()) {}
    Secret(Secret &&) = default;
    Secret &operator=(Secret &&) = delete;
    ~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
    [[nodiscard]] ByteView view() const { return bytes_; }
    [[nodiscard]] Bytes &bytes() { return bytes_; }

  private:
    Bytes bytes_;
};

// What the TCG's default templates of EKs say (TCG EK Credential Profile, annex B): the stronger one is
// that of P-384 and of RSA beyond 2048 bits.
struct Scheme {
    HashAlg name_alg;
    std::uint16_t key_bits; // of AES-CFB
};

Result<Scheme> scheme_of(const PublicKey &ek) {
    const auto &area = ek.area();
    if (!area) {
        const bool strong =
            ek.kind() == KeyKind::p384 || (ek.kind() == KeyKind::rsa && field_bytes(ek) > rsa_2048_bytes);
        return strong ? Scheme{HashAlg::sha384, 256} : Scheme{HashAlg::sha256, 128};
    }
    if ((area->attributes & (parent_attributes | object::sign)) != parent_attributes) {
        return fail(Code::usage,
                    std::format("the attributes of the EK (0x{:08x}) are not restricted, decrypt and not "
                                "sign, so that no TPM opens a credential with it; give the public area of an "
                                "endorsement key",
                                area->attributes));
    }
    const auto &symmetric = area->symmetric;
    if (symmetric.algorithm != TPM2_ALG_AES || symmetric.mode != TPM2_ALG_CFB ||
        (symmetric.key_bits != 128 && symmetric.key_bits != 256)) {
        return fail(Code::usage,
                    "the EK has no AES in CFB mode, so that it cannot be a parent of a credential; give "
                    "the public area of an endorsement key");
    }
    return Scheme{area->name_alg, symmetric.key_bits};
}

Digest hmac(HashAlg alg, ByteView key, std::initializer_list<ByteView> parts) {
    Bytes message;
    for (const ByteView part : parts) {
        message.insert(message.end(), part.begin(), part.end());
    }
    Digest made(size_of(alg));
    std::size_t size = 0;
    if (EVP_Q_mac(nullptr, "HMAC", nullptr, std::string(name_of(alg)).c_str(), nullptr, key.data(),
                  key.size(), message.data(), message.size(), made.data(), Digest::max_bytes,
                  &size) == nullptr) {
        std::abort(); // OpenSSL without HMAC, or no memory: nothing here can go on.
    }
    return made;
}

// KDFa (Part 1, 11.4.10.2). The label has its NUL.
Secret kdfa(HashAlg alg, ByteView key, std::string_view label, ByteView context, std::size_t size) {
    const Bytes bits = Writer().number(static_cast<std::uint32_t>(size * 8)).bytes();
    Secret made(size);
    std::size_t used = 0;
    for (std::uint32_t turn = 1; used < size; turn++) {
        const Bytes number = Writer().number(turn).bytes();
        const Secret part(hmac(alg, key, {number, as_bytes(label), context, bits}));
        const ByteView taken = part.view().first(std::min(size - used, part.view().size()));
        std::ranges::copy(taken, made.bytes().begin() + static_cast<std::ptrdiff_t>(used));
        used += taken.size();
    }
    return made;
}

using std::string_view_literals::operator""sv;
constexpr auto identity = "IDENTITY\0"sv;
constexpr auto storage = "STORAGE\0"sv;
constexpr auto integrity = "INTEGRITY\0"sv;

struct Seed {
    Secret value;
    Bytes encrypted; // what goes into TPM2B_ENCRYPTED_SECRET
};

Result<Seed> rsa_seed(const PublicKey &ek, HashAlg alg) {
    Seed seed{Secret(size_of(alg)), Bytes(field_bytes(ek))};
    const std::unique_ptr<EVP_PKEY_CTX, Deleter> context(EVP_PKEY_CTX_new(ek.get(), nullptr));
    const std::string hash(name_of(alg));
    // OpenSSL owns the label.
    auto *const label = static_cast<unsigned char *>(OPENSSL_memdup(identity.data(), identity.size()));
    std::size_t size = seed.encrypted.size();
    bool labelled = false;
    const bool ready = label != nullptr && context && EVP_PKEY_encrypt_init(context.get()) == 1 &&
                       EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_rsa_oaep_md_name(context.get(), hash.c_str(), nullptr) == 1 &&
                       EVP_PKEY_CTX_set_rsa_mgf1_md_name(context.get(), hash.c_str(), nullptr) == 1;
    if (ready) {
        labelled =
            EVP_PKEY_CTX_set0_rsa_oaep_label(context.get(), label, static_cast<int>(identity.size())) == 1;
    }
    if (!labelled) {
        OPENSSL_free(label);
    }
    if (!labelled ||
        RAND_bytes(seed.value.bytes().data(), static_cast<int>(seed.value.bytes().size())) != 1 ||
        EVP_PKEY_encrypt(context.get(), seed.encrypted.data(), &size, seed.value.view().data(),
                         seed.value.view().size()) != 1) {
        return fail(Code::failed, "encrypting for the EK failed");
    }
    seed.encrypted.resize(size);
    return seed;
}

Result<Seed> ecc_seed(const PublicKey &ek, HashAlg alg) {
    auto ours = PublicKey::of(KeyPointer(
        EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", ek.kind() == KeyKind::p256 ? "P-256" : "P-384")));
    if (!ours) {
        return std::unexpected(std::move(ours.error()));
    }
    const std::unique_ptr<EVP_PKEY_CTX, Deleter> context(EVP_PKEY_CTX_new(ours->get(), nullptr));
    Secret shared(field_bytes(ek));
    std::size_t size = shared.bytes().size();
    if (!context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), ek.get()) != 1 ||
        EVP_PKEY_derive(context.get(), shared.bytes().data(), &size) != 1 || size != shared.bytes().size()) {
        return fail(Code::failed, "the key agreement with the EK failed");
    }
    const auto our_point = public_numbers(*ours);
    const auto its_point = public_numbers(ek);
    // KDFe (Part 1, 11.4.10.3), one turn of it.
    const Bytes turn = Writer().number(std::uint32_t{1}).bytes();
    const Digest value =
        digest(alg, {turn, shared.view(), as_bytes(identity), our_point.first, its_point.first});
    return Seed{Secret(value), Writer().sized(our_point.first).sized(our_point.second).bytes()};
}

// AES-CFB with an IV of zeros; encrypts in place.
bool encrypt(ByteView key, Bytes &bytes) {
    static constexpr std::array<std::uint8_t, iv_bytes> iv{};
    const std::unique_ptr<EVP_CIPHER_CTX, Deleter> context(EVP_CIPHER_CTX_new());
    const auto *const cipher = key.size() == 16 ? EVP_aes_128_cfb128() : EVP_aes_256_cfb128();
    int size = 0;
    return context && EVP_EncryptInit_ex2(context.get(), cipher, key.data(), iv.data(), nullptr) == 1 &&
           EVP_EncryptUpdate(context.get(), bytes.data(), &size, bytes.data(),
                             static_cast<int>(bytes.size())) == 1;
}

} // namespace

Result<Bytes> make_credential(const PublicKey &ek, ByteView ak_name, ByteView secret) {
    const auto scheme = scheme_of(ek);
    if (!scheme) {
        return std::unexpected(scheme.error());
    }
    const auto alg = scheme->name_alg;
    if (secret.empty() || secret.size() > size_of(alg)) {
        return fail(
            Code::usage,
            std::format("the secret must have 1 to {} bytes, as many as the EK's hash has", size_of(alg)));
    }
    const auto name_alg = ak_name.size() >= 2
                              ? hash_alg(static_cast<std::uint16_t>(ak_name[0] << 8U | ak_name[1]))
                              : std::nullopt;
    if (!name_alg || ak_name.size() != 2 + size_of(*name_alg)) {
        return fail(Code::usage, "the name of the key must be an algorithm and its hash, such as 000b and 64 "
                                 "hexadecimal digits");
    }
    const auto seed = ek.kind() == KeyKind::rsa ? rsa_seed(ek, alg) : ecc_seed(ek, alg);
    if (!seed) {
        return std::unexpected(seed.error());
    }
    const Secret key = kdfa(alg, seed->value.view(), storage, ak_name, scheme->key_bits / 8U);
    Bytes encrypted = Writer().sized(secret).bytes();
    if (!encrypt(key.view(), encrypted)) {
        return fail(Code::failed, "encrypting the secret failed");
    }
    const Secret mac_key = kdfa(alg, seed->value.view(), integrity, {}, size_of(alg));
    const Digest mac = hmac(alg, mac_key.view(), {encrypted, ak_name});
    const Bytes id_object = Writer().sized(mac.view()).raw(encrypted).bytes();
    return Writer().number(file_magic).number(file_version).sized(id_object).sized(seed->encrypted).bytes();
}

Result<CredentialFile> read_credential(ByteView file) {
    BigReader reader(file);
    const auto magic = reader.number<std::uint32_t>();
    const auto version = reader.number<std::uint32_t>();
    const ByteView parts = reader.rest();
    const ByteView id_object = reader.sized();
    const ByteView encrypted = reader.sized();
    if (magic != file_magic || version != file_version || !reader.complete() || id_object.empty() ||
        encrypted.empty()) {
        return fail(Code::malformed, "it is no credential as tpm2_makecredential writes it");
    }
    const std::size_t first = 2 + id_object.size();
    return CredentialFile{to_bytes(parts.first(first)), to_bytes(parts.subspan(first))};
}

} // namespace dsmil::attest
