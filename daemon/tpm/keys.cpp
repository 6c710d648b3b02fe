// SPDX-License-Identifier: Apache-2.0
#include "tpm/keys.hpp"

#include "base/file.hpp"

#include <cstring>
#include <format>
#include <memory>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>
#include <unistd.h>

namespace dsmil::tpm {
namespace {

constexpr std::size_t coordinate_bytes = 32; // of P-256
constexpr std::size_t max_blob_bytes = sizeof(TPM2B_PRIVATE) + sizeof(TPM2B_PUBLIC);

// ESYS numbers its handles anew in each context; what it may not see are sessions we do not use.
constexpr ESYS_TR none = ESYS_TR_NONE;
constexpr ESYS_TR no_password = ESYS_TR_PASSWORD;

TPM2B_PUBLIC template_for(TPMA_OBJECT attributes, TPMT_SYM_DEF_OBJECT symmetric, TPMT_ECC_SCHEME scheme) {
    TPM2B_PUBLIC key{};
    key.publicArea.type = TPM2_ALG_ECC;
    key.publicArea.nameAlg = TPM2_ALG_SHA256;
    key.publicArea.objectAttributes = attributes;
    auto &ecc = key.publicArea.parameters.eccDetail;
    ecc.symmetric = symmetric;
    ecc.scheme = scheme;
    ecc.curveID = TPM2_ECC_NIST_P256;
    ecc.kdf.scheme = TPM2_ALG_NULL;
    return key;
}

constexpr TPMA_OBJECT bound = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                              TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA;

TPM2B_PUBLIC signing_template(Purpose purpose) {
    TPMT_SYM_DEF_OBJECT symmetric{};
    symmetric.algorithm = TPM2_ALG_NULL;
    TPMT_ECC_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_ECDSA;
    scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
    const TPMA_OBJECT restricted = purpose == Purpose::attestation ? TPMA_OBJECT_RESTRICTED : 0;
    return template_for(bound | TPMA_OBJECT_SIGN_ENCRYPT | restricted, symmetric, scheme);
}

std::string file_stem(Purpose purpose) {
    return purpose == Purpose::attestation ? "attestation-key" : "checkpoint-key";
}

bool fits(const TPM2B_PUBLIC &key, Purpose purpose) {
    const auto wanted = signing_template(purpose).publicArea;
    const auto &is = key.publicArea;
    return is.type == wanted.type && is.nameAlg == wanted.nameAlg &&
           is.objectAttributes == wanted.objectAttributes &&
           is.parameters.eccDetail.curveID == wanted.parameters.eccDetail.curveID &&
           is.parameters.eccDetail.scheme.scheme == wanted.parameters.eccDetail.scheme.scheme &&
           is.parameters.eccDetail.scheme.details.ecdsa.hashAlg == TPM2_ALG_SHA256;
}

struct Deleter {
    void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX *context) const { EVP_PKEY_CTX_free(context); }
    void operator()(BIO *bio) const { BIO_free(bio); }
};

Result<Bytes> spki_of(const TPM2B_PUBLIC &key) {
    const auto &point = key.publicArea.unique.ecc;
    Bytes uncompressed(1 + 2 * coordinate_bytes, 0);
    uncompressed[0] = 0x04;
    if (point.x.size > coordinate_bytes || point.y.size > coordinate_bytes) {
        return fail(Code::tpm_failed, "the TPM gave a point that is not of P-256");
    }
    std::memcpy(&uncompressed[1 + coordinate_bytes - point.x.size], point.x.buffer, point.x.size);
    std::memcpy(&uncompressed[1 + 2 * coordinate_bytes - point.y.size], point.y.buffer, point.y.size);
    std::string group = "prime256v1";
    const std::array parameters = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size()),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, uncompressed.data(), uncompressed.size()),
        OSSL_PARAM_construct_end(),
    };
    const std::unique_ptr<EVP_PKEY_CTX, Deleter> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY *made = nullptr;
    auto input = parameters; // OpenSSL wants to be able to write
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, input.data()) != 1) {
        return fail(Code::tpm_failed, "the TPM gave a point that is not of P-256");
    }
    const std::unique_ptr<EVP_PKEY, Deleter> public_key(made);
    unsigned char *der = nullptr;
    const int length = i2d_PUBKEY(public_key.get(), &der);
    if (length <= 0) {
        return fail(Code::internal, "a public key could not be encoded");
    }
    Bytes spki(der, der + length);
    OPENSSL_free(der);
    return spki;
}

struct Blobs {
    TPM2B_PUBLIC public_area{};
    TPM2B_PRIVATE private_area{};
};

// Nothing when the key was never made. The public part is written last: it says that both are there.
Result<std::optional<Blobs>> read_blobs(const std::string &stem) {
    const auto public_part = read_file(stem + ".pub", max_blob_bytes);
    if (!public_part && public_part.error().code == Code::not_found) {
        return std::nullopt;
    }
    const auto private_part = read_file(stem + ".priv", max_blob_bytes);
    for (const auto *part : {&public_part, &private_part}) {
        if (!*part) {
            return std::unexpected(part->error());
        }
    }
    Blobs blobs;
    const auto bytes_public = as_bytes(*public_part);
    const auto bytes_private = as_bytes(*private_part);
    std::size_t at_public = 0;
    std::size_t at_private = 0;
    if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(bytes_public.data(), bytes_public.size(), &at_public,
                                       &blobs.public_area) != 0 ||
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(bytes_private.data(), bytes_private.size(), &at_private,
                                        &blobs.private_area) != 0 ||
        at_public != bytes_public.size() || at_private != bytes_private.size()) {
        return fail(Code::tpm_failed, std::format("{}.pub and .priv are damaged", stem));
    }
    return blobs;
}

Result<void> write_blobs(const std::string &stem, const Blobs &blobs) {
    Bytes public_part(sizeof(TPM2B_PUBLIC));
    Bytes private_part(sizeof(TPM2B_PRIVATE));
    std::size_t public_size = 0;
    std::size_t private_size = 0;
    if (Tss2_MU_TPM2B_PUBLIC_Marshal(&blobs.public_area, public_part.data(), public_part.size(),
                                     &public_size) != 0 ||
        Tss2_MU_TPM2B_PRIVATE_Marshal(&blobs.private_area, private_part.data(), private_part.size(),
                                      &private_size) != 0) {
        return fail(Code::internal, "a new key could not be encoded");
    }
    public_part.resize(public_size);
    private_part.resize(private_size);
    return write_file(stem + ".priv", private_part, 0600).and_then([&] {
        return write_file(stem + ".pub", public_part, 0640);
    });
}

Result<Blobs> create(Context &context, ESYS_TR parent, Purpose purpose) {
    TPM2B_PRIVATE *private_part = nullptr;
    TPM2B_PUBLIC *public_part = nullptr;
    auto made = context.call("making a key", [&](ESYS_CONTEXT *esys) {
        const TPM2B_SENSITIVE_CREATE sensitive{};
        const TPM2B_PUBLIC wanted = signing_template(purpose);
        const TPM2B_DATA outside{};
        const TPML_PCR_SELECTION pcrs{};
        return Esys_Create(esys, parent, no_password, none, none, &sensitive, &wanted, &outside, &pcrs,
                           &private_part, &public_part, nullptr, nullptr, nullptr);
    });
    const EsysPtr<TPM2B_PRIVATE> owned_private(private_part);
    const EsysPtr<TPM2B_PUBLIC> owned_public(public_part);
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return Blobs{*public_part, *private_part};
}

Result<Blobs> read_or_create(Context &context, ESYS_TR parent, Purpose purpose, const std::string &stem) {
    auto kept = read_blobs(stem);
    if (!kept) {
        return std::unexpected(std::move(kept.error()));
    }
    if (const auto &blobs = *kept) {
        return *blobs;
    }
    auto made = create(context, parent, purpose);
    if (!made) {
        return made;
    }
    if (auto written = write_blobs(stem, *made); !written) {
        return std::unexpected(std::move(written.error()).in("keeping a new key"));
    }
    return made;
}

} // namespace

Result<Transient> create_storage_root(Context &context) {
    TPMT_SYM_DEF_OBJECT symmetric{};
    symmetric.algorithm = TPM2_ALG_AES;
    symmetric.keyBits.aes = 128;
    symmetric.mode.aes = TPM2_ALG_CFB;
    TPMT_ECC_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL;
    TPM2B_PUBLIC wanted =
        template_for(bound | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT, symmetric, scheme);
    // The TCG's storage template (TPM v2.0 Provisioning Guidance) has zeros of the coordinates' length here.
    wanted.publicArea.unique.ecc.x.size = coordinate_bytes;
    wanted.publicArea.unique.ecc.y.size = coordinate_bytes;
    ESYS_TR handle = none;
    auto made = context.call("making the storage root key", [&](ESYS_CONTEXT *esys) {
        const TPM2B_SENSITIVE_CREATE sensitive{};
        const TPM2B_DATA outside{};
        const TPML_PCR_SELECTION pcrs{};
        return Esys_CreatePrimary(esys, ESYS_TR_RH_OWNER, no_password, none, none, &sensitive, &wanted,
                                  &outside, &pcrs, &handle, nullptr, nullptr, nullptr, nullptr);
    });
    if (!made) {
        return std::unexpected(std::move(made.error()));
    }
    return Transient(context, handle);
}

Result<Key> Key::load_or_create(Context &context, ESYS_TR parent, Purpose purpose,
                                const std::string &state_dir) {
    const std::string stem = std::format("{}/{}", state_dir, file_stem(purpose));
    auto blobs = read_or_create(context, parent, purpose, stem);
    if (!blobs) {
        return std::unexpected(std::move(blobs.error()));
    }
    // The TPM vouches that it made the key; that it made it for this purpose shows in the attributes.
    if (!fits(blobs->public_area, purpose)) {
        return fail(Code::tpm_failed, std::format("{}.pub is a key for another purpose", stem));
    }
    ESYS_TR handle = none;
    auto loaded = context.call(std::format("loading the key {}", stem), [&](ESYS_CONTEXT *esys) {
        return Esys_Load(esys, parent, no_password, none, none, &blobs->private_area, &blobs->public_area,
                         &handle);
    });
    if (!loaded) {
        return std::unexpected(std::move(loaded.error()));
    }
    Transient transient(context, handle);
    auto spki = spki_of(blobs->public_area);
    if (!spki) {
        return std::unexpected(std::move(spki.error()));
    }
    return Key(std::move(transient), std::move(*spki));
}

bool is_made(Purpose purpose, const std::string &state_dir) {
    return ::access((state_dir + "/" + file_stem(purpose) + ".pub").c_str(), F_OK) == 0;
}

std::string spki_to_pem(ByteView spki) {
    const unsigned char *at = spki.data();
    const std::unique_ptr<EVP_PKEY, Deleter> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    const std::unique_ptr<BIO, Deleter> out(BIO_new(BIO_s_mem()));
    if (!key || !out || PEM_write_bio_PUBKEY(out.get(), key.get()) != 1) {
        return {};
    }
    char *data = nullptr;
    const long length = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(length)};
}

} // namespace dsmil::tpm
