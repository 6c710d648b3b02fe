// SPDX-License-Identifier: Apache-2.0
#include "tpm/maker_session.hpp"

#include "attest/roots.hpp"
#include "base/sha256.hpp"

#include <chrono>
#include <format>

namespace dsmil::tpm {
namespace {

MakerSession none_because(Error why) {
    MakerSession none{.session = std::nullopt, .origin = {}};
    none.origin.trouble = std::move(why);
    return none;
}

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// The maker's word for the certificate, whoever has the key.
Result<Origin> verify(const EkCertificate &certificate, const Bytes &chain,
                      const std::vector<attest::Root> &roots) {
    auto file = attest::read_certificates(certificate.der);
    if (!file) {
        return fail(Code::certificate_refused, file.error().detail);
    }
    for (const auto &between : attest::split_certificates(chain)) {
        if (auto read = attest::read_certificates(between)) {
            std::ranges::move(*read, std::back_inserter(*file));
        }
    }
    return attest::verify_ek_certificate(*file, attest::certificates_of(roots), nullptr, now())
        .transform([&](attest::EkCertificate report) {
            const Hash hash = sha256(certificate.der);
            return Origin{.root_name = {},
                          .trouble = std::nullopt,
                          .ek = std::string(name_of(certificate.algorithm)),
                          .ek_certificate_sha256 = Bytes(hash.begin(), hash.end()),
                          .maker_sha256 = std::move(report.root_sha256),
                          .maker = report.chain.back()};
        });
}

// Who cannot compute the session's key answers with another HMAC, or refuses ours.
Result<void> prove(Context &context, const Session &session) {
    TPMS_TIME_INFO *time = nullptr;
    auto read = context.run(
        "ReadClock", "proving that it has the endorsement key",
        [&](ESYS_CONTEXT *esys) {
            return Esys_ReadClock_Async(esys, session.handle(Protect::authentic), ESYS_TR_NONE, ESYS_TR_NONE);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_ReadClock_Finish(esys, &time); });
    const EsysPtr<TPMS_TIME_INFO> owned(time);
    return read;
}

Result<Session> start(Context &context, const EndorsementKey &ek) {
    auto session = Session::start(context, ek.handle(), Session::Kind::hmac);
    auto proved = session ? prove(context, *session) : std::unexpected(session.error());
    if (proved) {
        return session;
    }
    if (proved.error().code == Code::tpm_missing) {
        return std::unexpected(std::move(proved.error()));
    }
    Error error = std::move(proved.error());
    error =
        std::move(error).in("who answers does not have the endorsement key that the TPM's maker certified");
    error.code = Code::tpm_untrusted;
    return std::unexpected(std::move(error));
}

struct Evidence {
    std::vector<EkCertificate> certificates;
    Bytes chain;
    std::vector<attest::Root> roots;
};

Result<Evidence> gather(Context &context, const Session *usual, const std::vector<std::string> &folders) {
    auto certificates = read_ek_certificates(context, usual);
    auto chain = certificates ? read_ek_chain(context, usual) : Result<Bytes>(Bytes{});
    auto roots = attest::read_roots(folders);
    if (!certificates || !chain || !roots) {
        return std::unexpected(!certificates ? certificates.error() : !chain ? chain.error() : roots.error());
    }
    if (certificates->empty()) {
        return fail(Code::not_found, "the TPM's maker left no certificate of an endorsement key in it");
    }
    if (roots->empty()) {
        return fail(Code::not_found, "there is no root certificate of a TPM maker to believe");
    }
    return Evidence{std::move(*certificates), std::move(*chain), std::move(*roots)};
}

} // namespace

Result<MakerSession> start_maker_session(Context &context, const Session *usual,
                                         const std::vector<std::string> &folders) {
    const auto evidence = gather(context, usual, folders);
    if (!evidence) {
        return context.usable() ? Result<MakerSession>(none_because(evidence.error()))
                                : std::unexpected(evidence.error());
    }
    Error why{Code::certificate_refused, {}, {}};
    for (const auto &certificate : evidence->certificates) {
        auto origin = verify(certificate, evidence->chain, evidence->roots);
        const auto ek = origin ? EndorsementKey::open(context, usual, certificate.algorithm, &certificate)
                               : Result<EndorsementKey>(std::unexpected(origin.error()));
        if (!ek && !context.usable()) {
            return std::unexpected(ek.error());
        }
        const bool other = ek && !certifies(certificate, ek->public_area());
        if (!ek || other) {
            why.detail += std::format(
                "{}{}: {}", why.detail.empty() ? "" : "; ", name_of(certificate.algorithm),
                other ? "the certificate is for another key than the TPM has" : ek.error().detail);
            continue;
        }
        auto session = start(context, *ek);
        if (!session) {
            return std::unexpected(std::move(session.error()));
        }
        return MakerSession{.session = std::move(*session), .origin = std::move(*origin)};
    }
    return none_because(std::move(why));
}

} // namespace dsmil::tpm
