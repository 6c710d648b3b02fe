// SPDX-License-Identifier: Apache-2.0
// Endorsement keys of a template, or with a nonce, that the maker left in the TPM, judged by
// tpm2-tools.
#include "base/file.hpp"
#include "support.hpp"
#include "swtpm.hpp"
#include "tpm/ek_template.hpp"
#include "tpm/identity.hpp"
#include "tpm/object_name.hpp"
#include "tpm/timing.hpp"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

Bytes encoded(const TPMT_PUBLIC &area) {
    Bytes bytes(sizeof(TPMT_PUBLIC));
    std::size_t size = 0;
    EXPECT_EQ(Tss2_MU_TPMT_PUBLIC_Marshal(&area, bytes.data(), bytes.size(), &size), 0U);
    bytes.resize(size);
    return bytes;
}

TPMT_PUBLIC template_of(EkAlgorithm algorithm) {
    return ek_template(algorithm, false).publicArea;
}

// Still an endorsement key's, and no template of the TCG's.
TPMT_PUBLIC another(EkAlgorithm algorithm) {
    TPMT_PUBLIC area = template_of(algorithm);
    area.objectAttributes |= TPMA_OBJECT_NODA;
    return area;
}

TEST(EkTemplate, WithoutAWordOfTheMakerItIsTheTcgs) {
    for (const auto algorithm : {EkAlgorithm::p256, EkAlgorithm::p384, EkAlgorithm::rsa2048}) {
        const auto standard = ek_template(algorithm, false);
        EXPECT_EQ(marshal(makers_template(standard, {}, {}).value()), marshal(standard).value());
        EXPECT_EQ(marshal(makers_template(standard, {}, Bytes{}).value()), marshal(standard).value());
    }
}

TEST(EkTemplate, ANonceStandsAtTheBeginningOfTheUniqueField) {
    const Bytes nonce = {1, 2, 3};
    const auto ecc = makers_template(ek_template(EkAlgorithm::p256, false), {}, nonce).value();
    const auto &[x, y] = ecc.publicArea.unique.ecc;
    EXPECT_EQ(x.size, 32);
    EXPECT_EQ(Bytes(x.buffer, x.buffer + 4), (Bytes{1, 2, 3, 0}));
    EXPECT_EQ(y.size, 32);
    const auto rsa = makers_template(ek_template(EkAlgorithm::rsa2048, false), {}, nonce).value();
    EXPECT_EQ(rsa.publicArea.unique.rsa.size, 256);
    EXPECT_EQ(rsa.publicArea.unique.rsa.buffer[2], 3);
    for (const auto &[algorithm, bytes] : {std::pair{EkAlgorithm::p256, 33U}, {EkAlgorithm::rsa2048, 257U}}) {
        const auto refused = makers_template(ek_template(algorithm, false), {}, Bytes(bytes, 1));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::tpm_failed);
    }
}

TEST(EkTemplate, OneThatIsNoneOrForAnotherKindOfKeyIsRefused) {
    const auto standard = ek_template(EkAlgorithm::p256, false);
    const Bytes good = encoded(another(EkAlgorithm::p256));
    EXPECT_TRUE(makers_template(standard, good, {}));
    for (std::size_t size = 0; size < good.size(); size++) {
        EXPECT_FALSE(
            makers_template(standard, Bytes(good.begin(), good.begin() + static_cast<long>(size)), {}));
    }
    Bytes longer = good;
    longer.push_back(0);
    EXPECT_FALSE(makers_template(standard, longer, {}));
    EXPECT_FALSE(makers_template(standard, encoded(template_of(EkAlgorithm::rsa2048)), {}));
    EXPECT_FALSE(makers_template(standard, encoded(template_of(EkAlgorithm::p384)), {}));
}

TEST(EkTemplate, AKeyThatCanDoMoreThanAnEndorsementKeyIsNone) {
    const auto standard = ek_template(EkAlgorithm::p256, false);
    for (const TPMA_OBJECT bit :
         {TPMA_OBJECT_FIXEDTPM, TPMA_OBJECT_FIXEDPARENT, TPMA_OBJECT_SENSITIVEDATAORIGIN,
          TPMA_OBJECT_RESTRICTED, TPMA_OBJECT_DECRYPT, TPMA_OBJECT_SIGN_ENCRYPT}) {
        TPMT_PUBLIC area = another(EkAlgorithm::p256);
        area.objectAttributes ^= bit;
        const auto refused = makers_template(standard, encoded(area), {});
        ASSERT_FALSE(refused) << bit;
        EXPECT_NE(refused.error().detail.find("can do more"), std::string::npos);
    }
}

class TpmEndorsementTest : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TSS2_LOG", "all+none", 1);
        if (!swtpm.running() || test::run_program({"tpm2_getrandom", "--version"}) != 0) {
            GTEST_SKIP() << "swtpm or tpm2-tools are not installed";
        }
        open();
    }
    void open() {
        tpm.reset(); // its end would flush what the next one loads
        TpmOptions options;
        options.context.tcti = swtpm.tcti();
        options.state_dir = directory.path("");
        auto opened = Tpm::open(options, timings);
        ASSERT_TRUE(opened) << opened.error().detail;
        tpm = std::move(*opened);
    }
    [[nodiscard]] std::string file(const std::string &name) const { return directory.path(name); }
    std::string write(const std::string &name, ByteView content) const {
        EXPECT_TRUE(write_file(file(name), content, 0600));
        return file(name);
    }
    [[nodiscard]] Bytes read(const std::string &name) const {
        const auto text = read_file(file(name), 65'536).value_or("");
        return {text.begin(), text.end()};
    }
    // Another program has the TPM: swtpm serves one at a time.
    void tool(std::vector<std::string> arguments) {
        tpm.reset();
        arguments.insert(arguments.begin() + 1, {"-T", swtpm.tcti()});
        ASSERT_EQ(test::run_program(arguments), 0) << arguments.front();
    }
    void leave(const std::string &index, ByteView content) {
        tool({"tpm2_nvdefine", "-C", "o", "-s", std::to_string(content.size()), "-a",
              "ownerwrite|ownerread|authread|no_da", index});
        tool({"tpm2_nvwrite", "-C", "o", "-i", write("left", content), index});
    }
    // As tpm2_createek -t makes it, which looks for the same indices.
    Bytes tools_key(const std::string &algorithm) {
        tool({"tpm2_createek", "-G", algorithm, "-t", "-c", file("ek.ctx"), "-u", file("ek.pub")});
        tool({"tpm2_flushcontext", "-t"});
        return read("ek.pub");
    }
    Bytes our_key(EkAlgorithm algorithm) {
        open();
        return marshal(open_ek(*tpm, algorithm).value().public_area()).value();
    }

    test::TempDir directory;
    test::Swtpm swtpm{directory};
    Timings timings;
    std::unique_ptr<Tpm> tpm;
};

TEST_F(TpmEndorsementTest, TheMakersTemplateAndNonceMakeTheKeyThatTpm2ToolsMake) {
    const Bytes before = our_key(EkAlgorithm::p256);
    leave("0x01C0000C", encoded(another(EkAlgorithm::p256)));
    const Bytes of_template = our_key(EkAlgorithm::p256);
    EXPECT_NE(of_template, before);
    EXPECT_EQ(of_template, tools_key("ecc"));
    leave("0x01C0000B", Bytes(32, 7));
    const Bytes of_nonce = our_key(EkAlgorithm::p256);
    EXPECT_NE(of_nonce, of_template);
    EXPECT_EQ(of_nonce, tools_key("ecc"));
    leave("0x01C00004", encoded(another(EkAlgorithm::rsa2048)));
    leave("0x01C00003", Bytes(256, 9));
    EXPECT_EQ(our_key(EkAlgorithm::rsa2048), tools_key("rsa"));
}

TEST_F(TpmEndorsementTest, SuchAKeyOpensACredential) {
    leave("0x01C0000B", Bytes(32, 7));
    open();
    const Bytes secret = {'s', 'e', 's', 'a', 'm', 'e'};
    {
        const auto ek = open_ek(*tpm, EkAlgorithm::p256).value();
        write("ek.pub", marshal(ek.public_area()).value());
    }
    ASSERT_EQ(test::run_program({"tpm2_makecredential", "-T", "none", "-u", file("ek.pub"), "-s",
                                 write("secret", secret), "-n", to_hex(tpm->key(Purpose::attestation).name()),
                                 "-o", file("credential")}),
              0);
    const Bytes made = read("credential");
    const auto id_end = static_cast<long>(10 + (std::size_t{made.at(8)} << 8U | made.at(9)));
    const auto ek = open_ek(*tpm, EkAlgorithm::p256).value();
    EXPECT_EQ(activate_credential(*tpm, ek, Bytes(made.begin() + 8, made.begin() + id_end),
                                  Bytes(made.begin() + id_end, made.end())),
              secret);
}

TEST_F(TpmEndorsementTest, ATemplateThatIsNoneIsAnErrorAndTheRestGoesOn) {
    leave("0x01C0000C", Bytes(20, 1));
    open();
    const auto refused = open_ek(*tpm, EkAlgorithm::p256);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_failed);
    EXPECT_TRUE(open_ek(*tpm, EkAlgorithm::rsa2048));
}

} // namespace
} // namespace dsmil::tpm
