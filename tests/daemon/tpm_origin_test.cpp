// SPDX-License-Identifier: Apache-2.0
// Who is believed when the TPM is used for the first time: its maker's certificate, or first sight. A man
// in the middle shows a storage root of his own, and is caught when there is a certificate.
#include "attest/roots.hpp"
#include "base/file.hpp"
#include "interposer.hpp"
#include "support.hpp"
#include "swtpm.hpp"
#include "tpm/endorsement.hpp"
#include "tpm/object_name.hpp"
#include "tpm/origin.hpp"
#include "tpm/sign.hpp"
#include "tpm/timing.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <gtest/gtest.h>

namespace dsmil::tpm {
namespace {

// A maker with a root, who certifies endorsement keys as the TCG's profile demands.
class Maker {
  public:
    explicit Maker(const test::TempDir &directory) : directory_(directory) {
        std::filesystem::create_directory(folder());
        made_ = openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                         "-days", "30", "-subj", "/CN=maker of TPMs", "-addext",
                         "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
                         "-keyout", file("maker.key"), "-out", root()});
    }
    [[nodiscard]] bool made() const { return made_; }
    [[nodiscard]] std::string folder() const { return directory_.path("roots"); }
    [[nodiscard]] std::string root() const { return folder() + "/maker.pem"; }

    // The certificate of the key in PEM, DER.
    [[nodiscard]] Bytes certify(const std::string &pem) const {
        const std::string extensions =
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,keyAgreement\n"
            "extendedKeyUsage=2.23.133.8.1\nsubjectAltName=critical,dirName:tpm\n[tpm]\n"
            "0.2.23.133.2.1=id:53544D20\n1.2.23.133.2.2=ST33\n2.2.23.133.2.3=id:00010102\n";
        EXPECT_TRUE(write_file(file("ek.pem"), as_bytes(pem), 0600));
        EXPECT_TRUE(write_file(file("extensions"), as_bytes(extensions), 0600));
        EXPECT_TRUE(
            openssl({"req", "-new", "-key", file("maker.key"), "-subj", "/", "-out", file("ek.csr")}));
        EXPECT_TRUE(openssl({"x509", "-req", "-in", file("ek.csr"), "-CA", root(), "-CAkey",
                             file("maker.key"), "-force_pubkey", file("ek.pem"), "-days", "30", "-extfile",
                             file("extensions"), "-outform", "DER", "-out", file("ek.der")}));
        const auto der = read_file(file("ek.der"), 65'536).value_or("");
        const auto view = as_bytes(der);
        return {view.begin(), view.end()};
    }

  private:
    [[nodiscard]] std::string file(const std::string &name) const { return directory_.path(name); }
    [[nodiscard]] static bool openssl(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "openssl");
        return test::run_program(arguments) == 0;
    }
    const test::TempDir &directory_;
    bool made_ = false;
};

// The endorsement key of a TPM on which nothing of ours is yet.
TPM2B_PUBLIC ek_of(const test::Swtpm &swtpm, EkAlgorithm algorithm) {
    Timings timings;
    auto context = Context::open({.tcti = swtpm.tcti()}, timings);
    EXPECT_TRUE(context);
    EXPECT_TRUE(context->start_up());
    return EndorsementKey::open(*context, nullptr, algorithm, nullptr).value().public_area();
}

// Everywhere in an answer; both have one size.
void replace_all(Bytes &bytes, const Bytes &from, const Bytes &to) {
    ASSERT_EQ(from.size(), to.size());
    auto at = bytes.begin();
    std::size_t found = 0;
    while ((at = std::search(at, bytes.end(), from.begin(), from.end())) != bytes.end()) {
        at = std::ranges::copy(to, at).out;
        found++;
    }
    EXPECT_NE(found, 0U);
}

class TpmOriginTest : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TSS2_LOG", "all+none", 1);
        if (!swtpm.running() || test::run_program({"tpm2_getrandom", "--version"}) != 0) {
            GTEST_SKIP() << "swtpm or tpm2-tools are not installed";
        }
        ASSERT_TRUE(maker.made());
    }
    [[nodiscard]] Result<std::unique_ptr<Tpm>> open(const test::Swtpm &at, bool demanded = false) {
        TpmOptions options;
        options.context.tcti = at.tcti();
        options.context.open = interposer.opener();
        options.state_dir = directory.path("");
        options.belief = {.folders = {maker.folder()}, .demanded = demanded};
        return Tpm::open(options, timings);
    }
    // As its maker leaves a TPM: with the certificate in its memory.
    void deliver(const test::Swtpm &to, const Bytes &certificate,
                 const std::string &index = "0x01C0000A") const {
        ASSERT_TRUE(write_file(directory.path("certificate"), certificate, 0600));
        for (const auto &words : {std::vector<std::string>{"tpm2_nvdefine", "-T", to.tcti(), "-C", "o", "-s",
                                                           std::to_string(certificate.size()), "-a",
                                                           "ownerwrite|ownerread|authread|no_da", index},
                                  std::vector<std::string>{"tpm2_nvwrite", "-T", to.tcti(), "-C", "o", "-i",
                                                           directory.path("certificate"), index}}) {
            ASSERT_EQ(test::run_program(words), 0);
        }
    }
    void certify(EkAlgorithm algorithm, const std::string &index) {
        const auto ek = ek_of(swtpm, algorithm);
        deliver(swtpm, maker.certify(attest::PublicKey::read(marshal(ek).value()).value().pem()), index);
    }
    [[nodiscard]] bool pinned() const { return std::filesystem::exists(directory.path("srk.name")); }

    test::TempDir directory;
    Maker maker{directory};
    test::Swtpm swtpm{directory};
    test::Interposer interposer;
    Timings timings;
};

TEST_F(TpmOriginTest, ATpmThatItsMakerCertifiedIsPinnedAsSuchAndStaysIt) {
    certify(EkAlgorithm::p256, "0x01C0000A");
    {
        const auto tpm = open(swtpm);
        ASSERT_TRUE(tpm) << tpm.error().detail;
        const auto &origin = (*tpm)->root().origin();
        ASSERT_FALSE(origin.trouble) << origin.trouble->detail;
        EXPECT_TRUE((*tpm)->root().pinned_now());
        EXPECT_EQ(origin.ek, "ecc-p256");
        EXPECT_EQ(origin.maker, "/CN=maker of TPMs");
        const auto roots = attest::read_roots(std::vector{maker.folder()}).value();
        EXPECT_EQ(origin.maker_sha256, roots.at(0).facts.sha256);
        EXPECT_TRUE(sign(**tpm, Purpose::checkpoint, Hash{}));
    }
    std::filesystem::remove(maker.root()); // The word was given.
    const auto again = open(swtpm);
    ASSERT_TRUE(again);
    EXPECT_FALSE((*again)->root().origin().trouble);
    EXPECT_FALSE((*again)->root().pinned_now());
}

TEST_F(TpmOriginTest, ATpmOfTheHighRangeIsCertifiedToo) {
    certify(EkAlgorithm::p384, "0x01C00016");
    const auto tpm = open(swtpm, true);
    ASSERT_TRUE(tpm) << tpm.error().detail;
    EXPECT_EQ((*tpm)->root().origin().ek, "ecc-p384");
}

TEST_F(TpmOriginTest, WithoutACertificateOrARootItIsBelievedAndSaysWhy) {
    {
        const auto tpm = open(swtpm);
        ASSERT_TRUE(tpm);
        ASSERT_TRUE((*tpm)->root().origin().trouble);
        EXPECT_TRUE((*tpm)->root().origin().trouble->detail.contains("left no certificate"));
    }
    EXPECT_TRUE(pinned());
    std::filesystem::remove(directory.path("srk.name"));
    certify(EkAlgorithm::p256, "0x01C0000A");
    std::filesystem::remove(maker.root());
    const auto tpm = open(swtpm);
    ASSERT_TRUE(tpm);
    ASSERT_TRUE((*tpm)->root().origin().trouble);
    EXPECT_TRUE((*tpm)->root().origin().trouble->detail.contains("no root certificate"));
}

TEST_F(TpmOriginTest, ABrokenRootIsNamedAndVouchesForNobody) {
    certify(EkAlgorithm::p256, "0x01C0000A");
    ASSERT_TRUE(
        write_file(maker.folder() + "/broken.pem", as_bytes("-----BEGIN CERTIFICATE-----\nx\n"), 0644));
    const auto tpm = open(swtpm);
    ASSERT_TRUE(tpm);
    ASSERT_TRUE((*tpm)->root().origin().trouble);
    EXPECT_TRUE((*tpm)->root().origin().trouble->detail.contains("broken.pem"));
}

TEST_F(TpmOriginTest, WhereACertificateIsDemandedNothingElseIsPinned) {
    const auto refused = open(swtpm, true);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::not_found);
    EXPECT_TRUE(refused.error().detail.contains("not certified"));
    EXPECT_FALSE(pinned());
}

TEST_F(TpmOriginTest, AnotherTpmsCertificateCertifiesNothing) {
    const test::Swtpm other(directory, "other");
    const auto ek = ek_of(other, EkAlgorithm::p256);
    deliver(swtpm, maker.certify(attest::PublicKey::read(marshal(ek).value()).value().pem()));
    const auto tpm = open(swtpm);
    ASSERT_TRUE(tpm);
    ASSERT_TRUE((*tpm)->root().origin().trouble);
    EXPECT_TRUE((*tpm)->root().origin().trouble->detail.contains("another key"));
}

TEST_F(TpmOriginTest, ACertificateThatIsGarbageOrTooLargeCertifiesNothingAndBreaksNothing) {
    certify(EkAlgorithm::p256, "0x01C0000A");
    for (const std::size_t at : {20U, 60U, 200U, 400U}) {
        interposer.change(TPM2_CC_NV_Read, [at](Bytes &answer) { answer.at(at) ^= 0x41U; });
        {
            const auto tpm = open(swtpm);
            ASSERT_TRUE(tpm) << tpm.error().detail;
            EXPECT_TRUE((*tpm)->root().origin().trouble) << at;
        }
        std::filesystem::remove(directory.path("srk.name"));
    }
    // The index says that it is of 64 KiB: its size is in the last bytes of the public area.
    interposer.change(TPM2_CC_NV_ReadPublic, [](Bytes &) {});
    interposer.change(TPM2_CC_NV_ReadPublic, [](Bytes &answer) { answer.at(24) = answer.at(25) = 0xFF; });
    const auto tpm = open(swtpm);
    ASSERT_TRUE(tpm) << tpm.error().detail;
    EXPECT_TRUE((*tpm)->root().origin().trouble);
}

// He changes the answer in which the storage root comes, so that the daemon would encrypt to a key of his.
TEST_F(TpmOriginTest, AStorageRootThatWasPutIntoTheAnswerIsNotPinned) {
    certify(EkAlgorithm::p256, "0x01C0000A");
    interposer.change(TPM2_CC_CreatePrimary, [](Bytes &) {}); // the endorsement key, as it is
    interposer.change(TPM2_CC_CreatePrimary, [](Bytes &answer) { answer.at(90) ^= 1U; });
    const auto refused = open(swtpm);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_untrusted) << refused.error().detail;
    EXPECT_FALSE(pinned());
}

// He has a TPM of his own in between, in which he put this machine's certificate, and shows this machine's
// endorsement key where his own comes.
TEST_F(TpmOriginTest, ATpmInTheMiddleIsCaughtWhenTheMakerCertifiedTheTrueOne) {
    const test::Swtpm his(directory, "his");
    const auto true_ek = marshal(ek_of(swtpm, EkAlgorithm::p256)).value();
    const auto his_ek = marshal(ek_of(his, EkAlgorithm::p256)).value();
    deliver(his, maker.certify(attest::PublicKey::read(true_ek).value().pem()));
    const auto true_name = attest::PublicKey::read(true_ek).value().area()->name;
    const auto his_name = attest::PublicKey::read(his_ek).value().area()->name;
    interposer.change(TPM2_CC_CreatePrimary, [&](Bytes &answer) {
        replace_all(answer, his_ek, true_ek);
        replace_all(answer, his_name, true_name);
    });
    const auto refused = open(his);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_untrusted) << refused.error().detail;
    EXPECT_FALSE(pinned());
    EXPECT_FALSE(interposer.saw(TPM2_CC_Create)); // Nothing was made in it.
}

TEST_F(TpmOriginTest, WithoutACertificateATpmInTheMiddleIsBelievedButShownAsNotCertified) {
    const test::Swtpm his(directory, "his");
    {
        const auto tpm = open(his);
        ASSERT_TRUE(tpm);
        EXPECT_TRUE((*tpm)->root().origin().trouble);
        EXPECT_FALSE((*tpm)->certify());
    }
    // He is gone one day, and the true one, which was certified, answers.
    certify(EkAlgorithm::p256, "0x01C0000A");
    const auto refused = open(swtpm);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_changed);
}

TEST_F(TpmOriginTest, WhatWasBelievedIsCertifiedLaterWhenTheRootIsThere) {
    certify(EkAlgorithm::p256, "0x01C0000A");
    std::filesystem::rename(maker.root(), directory.path("away.pem"));
    {
        const auto tpm = open(swtpm);
        ASSERT_TRUE(tpm);
        EXPECT_TRUE((*tpm)->root().origin().trouble);
        const auto still = (*tpm)->certify();
        ASSERT_FALSE(still);
        EXPECT_EQ(still.error().code, Code::not_found);
        std::filesystem::rename(directory.path("away.pem"), maker.root());
        const auto done = (*tpm)->certify();
        ASSERT_TRUE(done) << done.error().detail;
        EXPECT_FALSE((*tpm)->root().origin().trouble);
        EXPECT_TRUE(sign(**tpm, Purpose::checkpoint, Hash{}));
    }
    const auto again = open(swtpm);
    ASSERT_TRUE(again);
    EXPECT_FALSE((*again)->root().origin().trouble);
}

// The one that was believed was his; what he shows now comes from the true TPM.
TEST_F(TpmOriginTest, ALaterCertificateShowsThatAnotherRootWasBelieved) {
    certify(EkAlgorithm::p256, "0x01C0000A");
    std::filesystem::rename(maker.root(), directory.path("away.pem"));
    const auto tpm = open(swtpm);
    ASSERT_TRUE(tpm);
    std::filesystem::rename(directory.path("away.pem"), maker.root());
    interposer.change(TPM2_CC_CreatePrimary, [](Bytes &) {});
    interposer.change(TPM2_CC_CreatePrimary, [](Bytes &answer) { answer.at(90) ^= 1U; });
    const auto refused = (*tpm)->certify();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_untrusted);
    EXPECT_TRUE((*tpm)->root().origin().trouble);
}

TEST(TpmOrigin, IsReadAsItWasWritten) {
    const Origin origin{.root_name = Bytes{0, 11, 1},
                        .trouble = std::nullopt,
                        .ek = "ecc-p384",
                        .ek_certificate_sha256 = Bytes(32, 1),
                        .maker_sha256 = Bytes(32, 2),
                        .maker = "/C=X/CN=a maker"};
    EXPECT_EQ(parse_origin(format_origin(origin)).value(), origin);
}

TEST(TpmOrigin, OneThatIsDamagedIsAnError) {
    const Origin origin{.root_name = Bytes{0, 11, 1},
                        .trouble = std::nullopt,
                        .ek = "ecc-p384",
                        .ek_certificate_sha256 = Bytes(32, 1),
                        .maker_sha256 = Bytes(32, 2),
                        .maker = "/CN=a maker"};
    const auto good = format_origin(origin);
    for (std::size_t size = 0; size < good.size(); size++) {
        EXPECT_EQ(parse_origin(good.substr(0, size)).error().code, Code::tpm_changed) << size;
    }
    EXPECT_FALSE(parse_origin(good + "more\n"));
    EXPECT_FALSE(parse_origin("x" + good));
}

TEST_F(TpmOriginTest, TheWordForAnotherRootCountsForNothing) {
    const test::TempDir state;
    const Origin origin{.root_name = Bytes{0, 11, 1},
                        .trouble = std::nullopt,
                        .ek = "ecc-p256",
                        .ek_certificate_sha256 = Bytes(32, 1),
                        .maker_sha256 = Bytes(32, 2),
                        .maker = "/CN=a maker"};
    ASSERT_TRUE(save_origin(state.path(""), origin));
    EXPECT_FALSE(load_origin(state.path(""), Bytes{0, 11, 1}).value().trouble);
    EXPECT_TRUE(load_origin(state.path(""), Bytes{0, 11, 2}).value().trouble);
}

} // namespace
} // namespace dsmil::tpm
