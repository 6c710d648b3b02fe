// SPDX-License-Identifier: Apache-2.0
#include "attest/ek_certificate.hpp"

#include <algorithm>
#include <array>
#include <format>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace dsmil::attest {
namespace {

struct Deleter {
    void operator()(BIO *bio) const { BIO_free(bio); }
    void operator()(X509_STORE *store) const { X509_STORE_free(store); }
    void operator()(X509_STORE_CTX *context) const { X509_STORE_CTX_free(context); }
    void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
    void operator()(EXTENDED_KEY_USAGE *usage) const { EXTENDED_KEY_USAGE_free(usage); }
    void operator()(GENERAL_NAMES *names) const { GENERAL_NAMES_free(names); }
};

// TCG's arc: tcg-kp-EKCertificate, and the attributes of a TPM.
constexpr std::string_view ek_usage = "2.23.133.8.1";
constexpr std::string_view manufacturer_attribute = "2.23.133.2.1";
constexpr std::string_view model_attribute = "2.23.133.2.2";
constexpr std::string_view version_attribute = "2.23.133.2.3";
constexpr std::size_t max_text = 128;
// 112 bits: RSA from 2048 bits, no SHA-1 (SSL_CTX_set_security_level(3), which has the levels).
constexpr int auth_level = 2;

std::unexpected<Error> refused(std::string_view check, std::string_view why) {
    return fail(Code::certificate_refused, std::format("{}: {}", check, why));
}

int no_password(char * /*buffer*/, int /*size*/, int /*writing*/, void * /*data*/) {
    return -1;
}

std::string printable(std::string_view text) {
    std::string result(text.substr(0, max_text));
    std::ranges::replace_if(result, [](char letter) { return letter < ' ' || letter > '~'; }, '?');
    return result;
}

std::string oid_of(const ASN1_OBJECT *object) {
    std::array<char, 80> text{};
    OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
    return text.data();
}

std::string text_of(const X509_NAME *name) {
    std::array<char, 256> text{};
    X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
    return printable(text.data());
}

std::string attribute_of(const X509_NAME *name, std::string_view oid) {
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *const entry = X509_NAME_get_entry(name, i);
        if (oid_of(X509_NAME_ENTRY_get_object(entry)) == oid) {
            unsigned char *text = nullptr;
            const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
            std::string result =
                size > 0 ? printable({reinterpret_cast<char *>(text), static_cast<std::size_t>(size)})
                         : std::string{};
            OPENSSL_free(text);
            return result;
        }
    }
    return {};
}

// "id:53544D20" is four letters.
std::string vendor_name(const std::string &id) {
    const auto raw = id.starts_with("id:") ? from_hex(std::string_view(id).substr(3)) : std::nullopt;
    std::string name;
    for (const std::uint8_t byte : raw.value_or(Bytes{})) {
        if (byte != 0 && (byte < ' ' || byte > '~')) {
            return id;
        }
        name += byte != 0 ? static_cast<char>(byte) : ' ';
    }
    name.erase(name.find_last_not_of(' ') + 1);
    return name.empty() ? id : name;
}

std::string utc_of(const ASN1_TIME *time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return {};
    }
    return std::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string serial_of(X509 *certificate) {
    const ASN1_INTEGER *const serial = X509_get0_serialNumber(certificate);
    return to_hex({ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))});
}

Bytes fingerprint_of(const X509 *certificate) {
    Bytes hash(32);
    return X509_digest(certificate, EVP_sha256(), hash.data(), nullptr) == 1 ? hash : Bytes{};
}

bool signs_itself(X509 *certificate) {
    return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0 &&
           X509_self_signed(certificate, 1) == 1;
}

bool is_weak(int error) {
    return error == X509_V_ERR_EE_KEY_TOO_SMALL || error == X509_V_ERR_CA_KEY_TOO_SMALL ||
           error == X509_V_ERR_CA_MD_TOO_WEAK;
}

Result<void> check_chain(const std::vector<CertificatePointer> &file,
                         const std::vector<CertificatePointer> &known, std::int64_t now,
                         EkCertificate &report) {
    const std::unique_ptr<X509_STORE, Deleter> store(X509_STORE_new());
    const std::unique_ptr<STACK_OF(X509), Deleter> between(sk_X509_new_null());
    const std::unique_ptr<X509_STORE_CTX, Deleter> context(X509_STORE_CTX_new());
    std::size_t roots = 0;
    for (const auto &certificate : known) {
        if (signs_itself(certificate.get())) {
            X509_STORE_add_cert(store.get(), certificate.get());
            roots++;
        } else {
            sk_X509_push(between.get(), certificate.get());
        }
    }
    for (std::size_t i = 1; i < file.size(); i++) {
        sk_X509_push(between.get(), file[i].get());
    }
    if (roots == 0) {
        return refused(
            "chain", "among the roots is no certificate that signs itself; put the TPM vendor's root there");
    }
    if (X509_STORE_CTX_init(context.get(), store.get(), file.front().get(), between.get()) != 1) {
        return fail(Code::failed, "OpenSSL cannot verify certificates");
    }
    X509_VERIFY_PARAM *const parameters = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(now));
    X509_VERIFY_PARAM_set_auth_level(parameters, auth_level);
    if (X509_verify_cert(context.get()) != 1) {
        const int error = X509_STORE_CTX_get_error(context.get());
        X509 *const at = X509_STORE_CTX_get_current_cert(context.get());
        return refused("chain",
                       std::format("{} (at {}, issued by {}); {}", X509_verify_cert_error_string(error),
                                   at != nullptr ? text_of(X509_get_subject_name(at)) : "?",
                                   at != nullptr ? text_of(X509_get_issuer_name(at)) : "?",
                                   is_weak(error) ? "who breaks it issues such certificates: ask the "
                                                    "vendor for one of a stronger authority"
                                                  : "put the vendor's certificates of that name "
                                                    "among the roots if you trust them"));
    }
    const STACK_OF(X509) *const chain = X509_STORE_CTX_get0_chain(context.get());
    for (int i = 0; i < sk_X509_num(chain); i++) {
        report.chain.push_back(text_of(X509_get_subject_name(sk_X509_value(chain, i))));
    }
    report.root_sha256 = fingerprint_of(sk_X509_value(chain, sk_X509_num(chain) - 1));
    return {};
}

Result<void> check_usage(X509 *certificate, KeyKind kind) {
    if (X509_check_ca(certificate) != 0) {
        return refused(
            "ca",
            "it is a certificate authority's, not an endorsement key's; give the certificate of the EK");
    }
    const std::uint32_t usage = X509_get_key_usage(certificate);
    const std::uint32_t needed = kind == KeyKind::rsa ? X509v3_KU_KEY_ENCIPHERMENT : X509v3_KU_KEY_AGREEMENT;
    if (usage == UINT32_MAX || (usage & needed) == 0) {
        return refused("key-usage",
                       std::format("its key is not for {}, as an endorsement key of {} is; it is another "
                                   "kind of certificate",
                                   kind == KeyKind::rsa ? "key encipherment" : "key agreement",
                                   name_of(kind)));
    }
    const std::unique_ptr<EXTENDED_KEY_USAGE, Deleter> extended(static_cast<EXTENDED_KEY_USAGE *>(
        X509_get_ext_d2i(certificate, NID_ext_key_usage, nullptr, nullptr)));
    for (int i = 0; extended && i < sk_ASN1_OBJECT_num(extended.get()); i++) {
        if (oid_of(sk_ASN1_OBJECT_value(extended.get(), i)) == ek_usage) {
            return {};
        }
    }
    return refused("extended-key-usage",
                   "it is not issued for an endorsement key (2.23.133.8.1); it is another kind of "
                   "certificate");
}

Result<void> read_tpm(X509 *certificate, EkCertificate &report) {
    const std::unique_ptr<GENERAL_NAMES, Deleter> names(
        static_cast<GENERAL_NAMES *>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); i++) {
        int kind = 0;
        const void *const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &kind);
        if (kind == GEN_DIRNAME) {
            const auto *const name = static_cast<const X509_NAME *>(value);
            report.manufacturer = vendor_name(attribute_of(name, manufacturer_attribute));
            report.model = attribute_of(name, model_attribute);
            report.version = attribute_of(name, version_attribute);
        }
    }
    if (report.manufacturer.empty() || report.model.empty() || report.version.empty()) {
        return refused("alternative-name",
                       "it does not say the TPM's manufacturer, model and version, as the profile of "
                       "the TCG demands; it is another kind of certificate");
    }
    return {};
}

Result<void> check_key(X509 *certificate, const PublicKey *ek, EkCertificate &report) {
    const auto key = PublicKey::of(KeyPointer(X509_get_pubkey(certificate)));
    if (!key) {
        return refused("key", key.error().detail);
    }
    report.key_kind = key->kind();
    if (ek == nullptr) {
        return {};
    }
    if (!same_key(*key, *ek)) {
        return refused(
            "key",
            "it certifies another key than the one that is given; fetch the certificate of this TPM, and "
            "the EK of the same kind");
    }
    return {};
}

// An NV index is larger than its certificate at times; what fills it is one byte, again and again.
bool is_padding(ByteView rest) {
    return rest.empty() || ((rest[0] == 0 || rest[0] == 0xFF) &&
                            std::ranges::all_of(rest, [&](std::uint8_t byte) { return byte == rest[0]; }));
}

// One certificate in DER and nothing behind it but padding; null else.
CertificatePointer read_der(ByteView file) {
    const unsigned char *at = file.data();
    CertificatePointer only(d2i_X509(nullptr, &at, static_cast<long>(file.size())));
    ERR_clear_error();
    if (only && !is_padding(file.subspan(static_cast<std::size_t>(at - file.data())))) {
        only.reset();
    }
    return only;
}

Result<std::vector<CertificatePointer>> read_pem(ByteView file) {
    std::vector<CertificatePointer> certificates;
    const std::unique_ptr<BIO, Deleter> pem(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
    while (true) {
        ERR_clear_error();
        CertificatePointer next(PEM_read_bio_X509(pem.get(), nullptr, no_password, nullptr));
        const unsigned long error = ERR_peek_last_error();
        ERR_clear_error();
        if (next && certificates.size() == max_roots) {
            return fail(Code::malformed, std::format("the PEM has more than {} certificates", max_roots));
        }
        if (next) {
            certificates.push_back(std::move(next));
            continue;
        }
        // The end is where no further block begins; a block that is broken is not.
        if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
            return fail(Code::malformed,
                        std::format("certificate {} of the PEM is damaged", certificates.size() + 1));
        }
        return certificates;
    }
}

} // namespace

void CertificateDeleter::operator()(X509 *certificate) const {
    X509_free(certificate);
}

Result<std::vector<CertificatePointer>> read_certificates(ByteView file) {
    if (file.size() > max_certificate_bytes * max_roots) {
        return fail(Code::malformed, "the file is too large for certificates");
    }
    std::vector<CertificatePointer> certificates;
    // DER first: it may have PEM's words in a string.
    if (auto only = read_der(file)) {
        certificates.push_back(std::move(only));
    } else if (as_text(file).contains("-----BEGIN ")) {
        auto several = read_pem(file);
        if (!several) {
            return several;
        }
        certificates = std::move(*several);
    }
    if (certificates.empty()) {
        return fail(Code::malformed, "there is no certificate in DER or PEM");
    }
    return certificates;
}

std::vector<Bytes> split_certificates(ByteView chain) {
    std::vector<Bytes> parts;
    while (!chain.empty() && parts.size() < max_roots) {
        const unsigned char *at = chain.data();
        const CertificatePointer next(d2i_X509(nullptr, &at, static_cast<long>(chain.size())));
        if (!next) {
            break;
        }
        const auto size = static_cast<std::size_t>(at - chain.data());
        parts.emplace_back(chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(size));
        chain = chain.subspan(size);
    }
    return parts;
}

std::string to_pem(std::span<const Bytes> certificates) {
    constexpr std::size_t line_letters = 64;
    std::string pem;
    for (const auto &der : certificates) {
        pem += "-----BEGIN CERTIFICATE-----\n";
        const std::string base64 = to_base64(der);
        for (std::size_t at = 0; at < base64.size(); at += line_letters) {
            pem += base64.substr(at, line_letters) + "\n";
        }
        pem += "-----END CERTIFICATE-----\n";
    }
    return pem;
}

CertificateFacts certificate_facts(const CertificatePointer &certificate) {
    X509 *const x509 = certificate.get();
    return {.subject = text_of(X509_get_subject_name(x509)),
            .issuer = text_of(X509_get_issuer_name(x509)),
            .serial = serial_of(x509),
            .not_before = utc_of(X509_get0_notBefore(x509)),
            .not_after = utc_of(X509_get0_notAfter(x509)),
            .sha256 = fingerprint_of(x509)};
}

Result<PublicKey> certified_key(const CertificatePointer &certificate) {
    return PublicKey::of(KeyPointer(X509_get_pubkey(certificate.get())));
}

Result<EkCertificate> verify_ek_certificate(const std::vector<CertificatePointer> &file,
                                            const std::vector<CertificatePointer> &known, const PublicKey *ek,
                                            std::int64_t now) {
    X509 *const certificate = file.front().get();
    EkCertificate report;
    report.issuer = text_of(X509_get_issuer_name(certificate));
    report.serial = serial_of(certificate);
    report.not_after = utc_of(X509_get0_notAfter(certificate));
    auto held = check_chain(file, known, now, report)
                    .and_then([&] { return check_key(certificate, ek, report); })
                    .and_then([&] { return check_usage(certificate, report.key_kind); })
                    .and_then([&] { return read_tpm(certificate, report); });
    if (!held) {
        return std::unexpected(std::move(held.error()));
    }
    return report;
}

} // namespace dsmil::attest
