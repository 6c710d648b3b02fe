// SPDX-License-Identifier: Apache-2.0
// What the TPM does for us, judged by tpm2-tools and openssl.
#include "base/file.hpp"
#include "support.hpp"
#include "swtpm.hpp"
#include "tpm/certify.hpp"
#include "tpm/crypt.hpp"
#include "tpm/endorsement.hpp"
#include "tpm/nv.hpp"
#include "tpm/object_name.hpp"
#include "tpm/pcr.hpp"
#include "tpm/policy_session.hpp"
#include "tpm/public_key.hpp"
#include "tpm/quote.hpp"
#include "tpm/random.hpp"
#include "tpm/seal.hpp"
#include "tpm/sign.hpp"
#include "tpm/timing.hpp"
#include "tpm/tpm.hpp"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <tss2/tss2_mu.h>

namespace dsmil::tpm {
namespace {

constexpr TPM2_HANDLE test_index = 0x01800D01;
const Bytes secret_word = {'s', 'e', 's', 'a', 'm', 'e'};

Bytes bytes_of(std::string_view text) {
    const auto view = as_bytes(text);
    return {view.begin(), view.end()};
}

class TpmOperationsTest : public testing::Test {
  protected:
    void SetUp() override {
        ::setenv("TSS2_LOG", "all+none", 1);
        if (!swtpm.running()) {
            GTEST_SKIP() << "swtpm is not installed";
        }
        if (test::run_program({"tpm2_getrandom", "--version"}) != 0) {
            GTEST_SKIP() << "tpm2-tools are not installed";
        }
        open();
    }
    void open() {
        TpmOptions options;
        options.context.tcti = swtpm.tcti();
        options.state_dir = directory.path("");
        auto opened = Tpm::open(options, timings);
        ASSERT_TRUE(opened) << opened.error().detail;
        tpm = std::move(*opened);
    }
    // Another program has the TPM: swtpm serves one at a time. What it prints is in "output".
    [[nodiscard]] int tool(std::vector<std::string> arguments) {
        tpm.reset();
        arguments.insert(arguments.begin() + 1, {"-T", swtpm.tcti()});
        return test::run_program(arguments, file("output"));
    }
    [[nodiscard]] int openssl(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "openssl");
        return test::run_program(arguments, file("output"));
    }
    [[nodiscard]] std::string file(const std::string &name) const { return directory.path(name); }
    std::string write(const std::string &name, ByteView content) const {
        EXPECT_TRUE(write_file(file(name), content, 0600));
        return file(name);
    }
    [[nodiscard]] Bytes read(const std::string &name) const {
        return bytes_of(read_file(file(name), 65'536).value_or(""));
    }
    void define(NvKind kind, std::size_t size = 8) const {
        ASSERT_TRUE(define_index(*tpm, test_index, kind, size, secret_word));
    }
    [[nodiscard]] NvIndex index() const {
        return std::move(*find_index(*tpm, test_index, secret_word).value());
    }
    struct Made {
        Blobs blobs;
        Object object;
    };
    [[nodiscard]] Made make(const TPM2B_PUBLIC &wanted) const {
        auto blobs = create_key(tpm->parent(), wanted, {}).value();
        auto object = load_key(tpm->parent(), blobs).value();
        return {blobs, std::move(object)};
    }
    void move_pcr() const { ASSERT_TRUE(extend_pcr(*tpm, 16, sha256(secret_word))); }

    test::TempDir directory;
    test::Swtpm swtpm{directory};
    Timings timings;
    std::unique_ptr<Tpm> tpm;
};

TEST_F(TpmOperationsTest, Tpm2ToolsLoadAndUseOurKeys) {
    const Bytes spki = tpm->key(Purpose::checkpoint).spki();
    write("text", secret_word);
    ASSERT_EQ(tool({"tpm2_load", "-C", "0x81000001", "-u", file("checkpoint-key.pub"), "-r",
                    file("checkpoint-key.priv"), "-c", file("key.ctx")}),
              0);
    ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
    ASSERT_EQ(tool({"tpm2_sign", "-c", file("key.ctx"), "-g", "sha256", "-f", "plain", "-o", file("sig"),
                    file("text")}),
              0);
    EXPECT_EQ(openssl({"dgst", "-sha256", "-keyform", "DER", "-verify", write("key.der", spki), "-signature",
                       file("sig"), file("text")}),
              0);
}

TEST_F(TpmOperationsTest, TheAttestationKeyPersistsForTpm2Quote) {
    EXPECT_TRUE(tpm->key(Purpose::attestation).persistent());
    const std::string pem = spki_to_pem(tpm->key(Purpose::attestation).spki());
    ASSERT_EQ(tool({"tpm2_quote", "-c", "0x8100D501", "-l", "sha256:0,7", "-q", "0011", "-m", file("msg"),
                    "-s", file("sig")}),
              0);
    EXPECT_EQ(test::run_program({"tpm2_checkquote", "-u", write("ak.pem", as_bytes(pem)), "-m", file("msg"),
                                 "-s", file("sig"), "-q", "0011"}),
              0);
    attest::QuoteBundle bundle{read("msg"), read("sig"), pem, {}};
    open();
    bundle.pcrs = read_pcrs(*tpm, {0, 7}).value();
    EXPECT_TRUE(attest::verify_quote(bundle, Bytes{0, 0x11}, std::vector<unsigned>{0, 7}));
}

TEST_F(TpmOperationsTest, KeysOfEveryKindSignForOpenssl) {
    for (const auto algorithm : {Algorithm::p256, Algorithm::p384, Algorithm::rsa2048}) {
        const auto made = make(key_template(algorithm, Use::sign));
        const bool larger = algorithm == Algorithm::p384;
        write("text", secret_word);
        ASSERT_EQ(openssl({"dgst", larger ? "-sha384" : "-sha256", "-binary", "-out", file("digest"),
                           file("text")}),
                  0);
        const Bytes digest = read("digest");
        const auto signed_by = sign_with(*tpm, made.object.handle(), digest);
        ASSERT_TRUE(signed_by) << signed_by.error().causes.front();
        const Bytes signature = signature_bytes(*signed_by).value();
        EXPECT_EQ(openssl({"dgst", larger ? "-sha384" : "-sha256", "-keyform", "DER", "-verify",
                           write("key.der", spki_of(made.blobs.public_area).value()), "-signature",
                           write("sig", signature), file("text")}),
                  0);
        EXPECT_TRUE(verify_with(*tpm, made.object.handle(), made.blobs.public_area, digest, signature));
        Bytes other = digest;
        other.front() ^= 1U;
        const auto refused =
            verify_with(*tpm, made.object.handle(), made.blobs.public_area, other, signature);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::attestation_failed);
        EXPECT_EQ(verify_with(*tpm, made.object.handle(), made.blobs.public_area, digest, Bytes(600, 1))
                      .error()
                      .code,
                  Code::usage);
    }
}

TEST_F(TpmOperationsTest, ADigestOfTheWrongSizeIsRefused) {
    const auto key = tpm->key(Purpose::checkpoint).handle();
    EXPECT_EQ(sign_with(*tpm, key, {}).error().code, Code::usage);
    EXPECT_EQ(sign_with(*tpm, key, Bytes(65, 1)).error().code, Code::usage);
    EXPECT_FALSE(sign_with(*tpm, key, Bytes(20, 1)));
    EXPECT_TRUE(sign(*tpm, Purpose::checkpoint, Hash{}));
}

TEST_F(TpmOperationsTest, DecryptsWhatOpensslEncrypted) {
    const auto made = make(key_template(Algorithm::rsa2048, Use::decrypt));
    ASSERT_EQ(openssl({"pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey",
                       write("key.der", spki_of(made.blobs.public_area).value()), "-pkeyopt",
                       "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-in",
                       write("plain", secret_word), "-out", file("cipher")}),
              0);
    Bytes cipher = read("cipher");
    EXPECT_EQ(decrypt_with(*tpm, made.object.handle(), cipher), secret_word);
    cipher.back() ^= 1U;
    EXPECT_FALSE(decrypt_with(*tpm, made.object.handle(), cipher));
    EXPECT_EQ(decrypt_with(*tpm, made.object.handle(), Bytes(600, 1)).error().code, Code::usage);
}

TEST_F(TpmOperationsTest, EncryptsAndDecryptsOrSaysThatTheChipCannot) {
    const auto made = make(cipher_template());
    const Bytes iv(block_bytes, 7);
    const auto cipher = crypt_with(*tpm, made.object.handle(), Direction::encrypt, iv, secret_word);
    if (!cipher) {
        EXPECT_EQ(cipher.error().code, Code::tpm_unsupported);
        return;
    }
    EXPECT_NE(*cipher, secret_word);
    EXPECT_EQ(crypt_with(*tpm, made.object.handle(), Direction::decrypt, iv, *cipher), secret_word);
    EXPECT_EQ(crypt_with(*tpm, made.object.handle(), Direction::decrypt, iv, Bytes(2'000, 1)).error().code,
              Code::usage);
    EXPECT_EQ(crypt_with(*tpm, made.object.handle(), Direction::decrypt, {}, *cipher).error().code,
              Code::usage);
}

TEST_F(TpmOperationsTest, RandomBytesAreManyAndDiffer) {
    const auto one = random_bytes(*tpm, max_random_bytes);
    const auto two = random_bytes(*tpm, max_random_bytes);
    ASSERT_TRUE(one && two);
    EXPECT_EQ(one->size(), max_random_bytes);
    EXPECT_NE(*one, *two);
    EXPECT_EQ(random_bytes(*tpm, 0).error().code, Code::usage);
    EXPECT_EQ(random_bytes(*tpm, max_random_bytes + 1).error().code, Code::usage);
}

TEST_F(TpmOperationsTest, PcrsAreExtendedAsAnybodyComputes) {
    const auto before = read_pcrs(*tpm, {16}).value().at(16);
    move_pcr();
    const Hash expected = sha256({before, sha256(secret_word)});
    EXPECT_TRUE(std::ranges::equal(read_pcrs(*tpm, {16}).value().at(16), expected));
    EXPECT_EQ(extend_pcr(*tpm, 24, Hash{}).error().code, Code::usage);
    EXPECT_FALSE(extend_pcr(*tpm, 17, Hash{})); // not at this locality
}

TEST_F(TpmOperationsTest, Tpm2ToolsReadWhatWeWroteToNv) {
    define(NvKind::data, 1'500); // more than one command takes
    Bytes content(1'500);
    for (std::size_t i = 0; i < content.size(); i++) {
        content[i] = static_cast<std::uint8_t>(i * 7);
    }
    ASSERT_TRUE(write_index(*tpm, index(), content));
    EXPECT_EQ(read_index(*tpm, index()), content);
    ASSERT_EQ(tool({"tpm2_nvread", "-C", "o", "-o", file("nv"), "0x01800D01"}), 0);
    EXPECT_EQ(read("nv"), content);
}

TEST_F(TpmOperationsTest, WeReadWhatTpm2ToolsWroteToNv) {
    write("content", secret_word);
    ASSERT_EQ(tool({"tpm2_nvdefine", "-C", "o", "-s", "6", "-a", "ownerwrite|authread|no_da", "-p", "sesame",
                    "0x01800D01"}),
              0);
    ASSERT_EQ(tool({"tpm2_nvwrite", "-C", "o", "-i", file("content"), "0x01800D01"}), 0);
    open();
    EXPECT_EQ(read_index(*tpm, index()), secret_word);
    const auto wrong = find_index(*tpm, test_index, Bytes{1}).value();
    EXPECT_EQ(read_index(*tpm, *wrong).error().code, Code::tpm_auth);
}

TEST_F(TpmOperationsTest, ACounterOnlyCountsUp) {
    define(NvKind::counter);
    EXPECT_EQ(read_index(*tpm, index()).error().code, Code::not_found); // never written
    ASSERT_TRUE(increment_index(*tpm, index()));
    const Bytes first = read_index(*tpm, index()).value();
    ASSERT_TRUE(increment_index(*tpm, index()));
    EXPECT_GT(read_index(*tpm, index()).value(), first);
    EXPECT_FALSE(write_index(*tpm, index(), first));
    // Made again, it does not begin below.
    ASSERT_TRUE(undefine_index(*tpm, test_index));
    define(NvKind::counter);
    ASSERT_TRUE(increment_index(*tpm, index()));
    EXPECT_GT(read_index(*tpm, index()).value(), first);
}

TEST_F(TpmOperationsTest, AnExtendIndexHashesWhatItGets) {
    define(NvKind::extend);
    ASSERT_TRUE(extend_index(*tpm, index(), secret_word));
    const Hash expected = sha256({Hash{}, secret_word});
    EXPECT_TRUE(std::ranges::equal(read_index(*tpm, index()).value(), expected));
}

TEST_F(TpmOperationsTest, NvRefusesWhatDoesNotFit) {
    define(NvKind::data);
    EXPECT_EQ(define_index(*tpm, test_index, NvKind::data, 8, {}).error().code, Code::exists);
    EXPECT_EQ(define_index(*tpm, 0x01C00002, NvKind::data, 8, {}).error().code, Code::usage);
    EXPECT_EQ(define_index(*tpm, test_index + 1, NvKind::data, 0, {}).error().code, Code::usage);
    EXPECT_EQ(define_index(*tpm, test_index + 1, NvKind::data, 4'000, {}).error().code, Code::usage);
    EXPECT_EQ(write_index(*tpm, index(), Bytes(9)).error().code, Code::usage);
    EXPECT_EQ(extend_index(*tpm, index(), {}).error().code, Code::usage);
    EXPECT_EQ(undefine_index(*tpm, test_index + 1).error().code, Code::not_found);
    EXPECT_EQ(find_index(*tpm, 0x81000001, {}).error().code, Code::usage);
    EXPECT_FALSE(find_index(*tpm, test_index + 1, {}).value());
}

TEST_F(TpmOperationsTest, TheNameOfAnIndexChangesWithItsFirstWrite) {
    define(NvKind::data);
    const auto fresh = index().name().value();
    EXPECT_FALSE(index().written());
    ASSERT_TRUE(write_index(*tpm, index(), Bytes(8)));
    EXPECT_TRUE(index().written());
    EXPECT_NE(index().name().value(), fresh);
}

TEST_F(TpmOperationsTest, Tpm2ToolsUnsealWhatWeSealed) {
    const auto sealed = seal(*tpm, secret_word, {.pcrs = {0, 16}, .approver = {}, .nv = {}, .recovery = {}});
    ASSERT_TRUE(sealed) << sealed.error().causes.front();
    ASSERT_TRUE(write_blobs(file("sealed"), sealed->blobs));
    ASSERT_EQ(tool({"tpm2_load", "-C", "0x81000001", "-u", file("sealed.pub"), "-r", file("sealed.priv"),
                    "-c", file("sealed.ctx")}),
              0);
    ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
    ASSERT_EQ(tool({"tpm2_unseal", "-c", file("sealed.ctx"), "-p", "pcr:sha256:0,16", "-o", file("plain")}),
              0);
    EXPECT_EQ(read("plain"), secret_word);
    ASSERT_EQ(tool({"tpm2_flushcontext", "-t"}), 0);
    EXPECT_NE(tool({"tpm2_unseal", "-c", file("sealed.ctx"), "-p", ""}), 0); // userWithAuth is clear
}

TEST_F(TpmOperationsTest, WeUnsealWhatTpm2ToolsSealed) {
    const auto pcrs = read_pcrs(*tpm, {0, 16}).value();
    ASSERT_EQ(tool({"tpm2_createpolicy", "--policy-pcr", "-l", "sha256:0,16", "-L", file("policy")}), 0);
    const std::vector<unsigned> numbers = {0, 16};
    EXPECT_TRUE(
        std::ranges::equal(read("policy"), policy::pcr(policy::nothing, numbers, policy::pcr_digest(pcrs))));
    ASSERT_EQ(tool({"tpm2_create", "-C", "0x81000001", "-i", write("plain", secret_word), "-L",
                    file("policy"), "-u", file("sealed.pub"), "-r", file("sealed.priv")}),
              0);
    open();
    const Sealed sealed{*read_blobs(file("sealed")).value(), pcrs, {}, {}, false};
    EXPECT_EQ(unseal(*tpm, sealed), secret_word);
}

TEST_F(TpmOperationsTest, AnotherStateDoesNotOpenAndTheErrorNamesThePcr) {
    const auto sealed =
        seal(*tpm, secret_word, {.pcrs = {0, 16}, .approver = {}, .nv = {}, .recovery = {}}).value();
    EXPECT_EQ(unseal(*tpm, sealed), secret_word);
    move_pcr();
    const auto refused = unseal(*tpm, sealed);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_policy);
    EXPECT_TRUE(refused.error().causes.back().starts_with("PCR 16 is ")) << refused.error().causes.back();
    EXPECT_EQ(unseal_with_recovery(*tpm, sealed, secret_word).error().code, Code::usage);
}

TEST_F(TpmOperationsTest, TheRecoverySecretOpensInAnyState) {
    const Bytes recovery(32, 9);
    const auto sealed =
        seal(*tpm, secret_word, {.pcrs = {16}, .approver = {}, .nv = {}, .recovery = recovery}).value();
    EXPECT_EQ(unseal(*tpm, sealed), secret_word);
    move_pcr();
    EXPECT_EQ(unseal(*tpm, sealed).error().code, Code::tpm_policy);
    EXPECT_EQ(unseal_with_recovery(*tpm, sealed, recovery), secret_word);
    EXPECT_EQ(unseal_with_recovery(*tpm, sealed, Bytes(32, 8)).error().code, Code::tpm_auth);
    EXPECT_EQ(unseal_with_recovery(*tpm, sealed, {}).error().code, Code::usage);
    EXPECT_TRUE(sign(*tpm, Purpose::checkpoint, Hash{})); // Nothing is locked out.
}

TEST_F(TpmOperationsTest, AnApproverSaysWhichStatesAreGood) {
    const test::TestKey approver;
    const test::TestKey stranger;
    const Approver who{approver.spki(), {'v', '1'}};
    const auto sealed =
        seal(*tpm, secret_word, {.pcrs = {16}, .approver = who, .nv = {}, .recovery = {}}).value();
    const auto approve = [&](const test::TestKey &key) {
        const std::vector<unsigned> numbers = {16};
        const Hash good =
            policy::pcr(policy::nothing, numbers, policy::pcr_digest(read_pcrs(*tpm, numbers).value()));
        return Approval{good, key.sign_digest(policy::to_be_approved(good, who.reference))};
    };
    const auto first = approve(approver);
    EXPECT_EQ(unseal(*tpm, sealed, first), secret_word);
    EXPECT_EQ(unseal(*tpm, sealed).error().code, Code::usage);
    move_pcr();
    EXPECT_EQ(unseal(*tpm, sealed, first).error().code, Code::tpm_policy);
    EXPECT_EQ(unseal(*tpm, sealed, approve(stranger)).error().code, Code::attestation_failed);
    EXPECT_EQ(unseal(*tpm, sealed, approve(approver)), secret_word); // the same blob, after the update
}

TEST_F(TpmOperationsTest, TheNameOfAnApproversKeyIsTheOneOfTpm2Tools) {
    const test::TestKey approver;
    const std::string pem = spki_to_pem(approver.spki());
    const auto area = external_key(approver.spki()).value();
    ASSERT_EQ(tool({"tpm2_loadexternal", "-C", "o", "-G", "ecc", "-u", write("key.pem", as_bytes(pem)), "-n",
                    file("name"), "-c", file("key.ctx")}),
              0);
    EXPECT_EQ(read("name"), name_of(area.publicArea).value());
    EXPECT_EQ(external_key(Bytes{1, 2}).error().code, Code::usage);
}

TEST_F(TpmOperationsTest, AnNvIndexTakesBackWhatWasSealed) {
    define(NvKind::data, 1);
    ASSERT_TRUE(undefine_index(*tpm, test_index));
    ASSERT_TRUE(define_index(*tpm, test_index, NvKind::data, 1, {}));
    const auto open_index = [&] { return std::move(*find_index(*tpm, test_index, {}).value()); };
    ASSERT_TRUE(write_index(*tpm, open_index(), Bytes{1}));
    const NvCondition condition{
        test_index, open_index().name().value(), {1}, policy::Comparison::unsigned_le};
    const auto sealed =
        seal(*tpm, secret_word, {.pcrs = {16}, .approver = {}, .nv = condition, .recovery = {}}).value();
    EXPECT_EQ(unseal(*tpm, sealed), secret_word);
    ASSERT_TRUE(write_index(*tpm, open_index(), Bytes{2}));
    EXPECT_EQ(unseal(*tpm, sealed).error().code, Code::tpm_policy);
    ASSERT_TRUE(undefine_index(*tpm, test_index));
    EXPECT_EQ(unseal(*tpm, sealed).error().code, Code::tpm_policy);
}

TEST_F(TpmOperationsTest, OurPolicyDigestsAreTheTpms) {
    const std::vector<unsigned> numbers = {0, 7, 16};
    const auto values = read_pcrs(*tpm, numbers).value();
    auto session = PolicySession::start(*tpm).value();
    ASSERT_TRUE(session.pcr(numbers));
    const Hash first = policy::pcr(policy::nothing, numbers, policy::pcr_digest(values));
    EXPECT_EQ(session.digest(), first);
    ASSERT_TRUE(session.auth_value());
    const Hash second = policy::auth_value(first);
    EXPECT_EQ(session.digest(), second);
    const std::array both = {second, Hash{}};
    ASSERT_TRUE(session.any_of(both));
    EXPECT_EQ(session.digest(), policy::any_of(both).value());
    EXPECT_EQ(session.any_of(std::array{Hash{}, Hash{}}).error().code, Code::tpm_policy);
    EXPECT_EQ(policy::any_of({}).error().code, Code::usage);
}

TEST_F(TpmOperationsTest, SealingRefusesWhatMakesNoSense) {
    const auto code_of = [&](ByteView secret, const SealOptions &options) {
        return seal(*tpm, secret, options).error().code;
    };
    EXPECT_EQ(code_of({}, {.pcrs = {0}, .approver = {}, .nv = {}, .recovery = {}}), Code::usage);
    EXPECT_EQ(code_of(Bytes(129), {.pcrs = {0}, .approver = {}, .nv = {}, .recovery = {}}), Code::usage);
    EXPECT_EQ(code_of(secret_word, {.pcrs = {}, .approver = {}, .nv = {}, .recovery = {}}), Code::usage);
    EXPECT_EQ(code_of(secret_word, {.pcrs = {24}, .approver = {}, .nv = {}, .recovery = {}}), Code::usage);
    EXPECT_EQ(code_of(secret_word, {.pcrs = {1, 1}, .approver = {}, .nv = {}, .recovery = {}}), Code::usage);
    EXPECT_EQ(code_of(secret_word, {.pcrs = {1}, .approver = {}, .nv = {}, .recovery = Bytes(33)}),
              Code::usage);
}

TEST_F(TpmOperationsTest, TheAttestationKeyCertifiesOthers) {
    const Bytes nonce = {1, 2, 3};
    const auto &key = tpm->key(Purpose::grant);
    const auto statement = certify_key(*tpm, key.handle(), nonce);
    ASSERT_TRUE(statement) << statement.error().causes.front();
    TPMS_ATTEST attest{};
    std::size_t at = 0;
    ASSERT_EQ(Tss2_MU_TPMS_ATTEST_Unmarshal(statement->attest.data(), statement->attest.size(), &at, &attest),
              0U);
    EXPECT_EQ(attest.magic, 0xFF544347U);
    EXPECT_EQ(attest.type, TPM2_ST_ATTEST_CERTIFY);
    const auto &name = attest.attested.certify.name;
    EXPECT_EQ(Bytes(name.name, name.name + name.size), key.name());
    EXPECT_EQ(Bytes(attest.extraData.buffer, attest.extraData.buffer + attest.extraData.size), nonce);
    EXPECT_EQ(certify_key(*tpm, key.handle(), Bytes(33)).error().code, Code::usage);
    define(NvKind::counter);
    ASSERT_TRUE(increment_index(*tpm, index()));
    EXPECT_TRUE(certify_index(*tpm, index(), nonce));
}

TEST_F(TpmOperationsTest, ActivatesACredentialThatTpm2ToolsMade) {
    for (const auto algorithm : {EkAlgorithm::p256, EkAlgorithm::rsa2048}) {
        Bytes area(sizeof(TPM2B_PUBLIC));
        {
            const auto ek = EndorsementKey::derive(*tpm, algorithm).value();
            std::size_t size = 0;
            ASSERT_EQ(Tss2_MU_TPM2B_PUBLIC_Marshal(&ek.public_area(), area.data(), area.size(), &size), 0U);
            area.resize(size);
        }
        ASSERT_EQ(
            test::run_program({"tpm2_makecredential", "-T", "none", "-u", write("ek.pub", area), "-s",
                               write("secret", secret_word), "-n",
                               to_hex(tpm->key(Purpose::attestation).name()), "-o", file("credential")}),
            0);
        const Bytes made = read("credential");
        const std::size_t id_bytes = 2 + (std::size_t{made.at(8)} << 8U | made.at(9));
        const Bytes id(made.begin() + 8, made.begin() + 8 + static_cast<std::ptrdiff_t>(id_bytes));
        const Bytes seed(made.begin() + 8 + static_cast<std::ptrdiff_t>(id_bytes), made.end());
        const auto ek = EndorsementKey::derive(*tpm, algorithm).value();
        const auto activated = activate_credential(*tpm, ek, id, seed);
        ASSERT_TRUE(activated) << activated.error().causes.front();
        EXPECT_EQ(*activated, secret_word);
        Bytes other = id;
        other.back() ^= 1U;
        EXPECT_FALSE(activate_credential(*tpm, ek, other, seed));
        EXPECT_EQ(activate_credential(*tpm, ek, Bytes{0, 1}, seed).error().code, Code::usage);
        EXPECT_EQ(activate_credential(*tpm, ek, id, Bytes(2'000, 0xFF)).error().code, Code::usage);
    }
    EXPECT_EQ(EndorsementKey::derive(*tpm, EkAlgorithm::p384).error().code, Code::tpm_unsupported);
}

TEST_F(TpmOperationsTest, ReadsTheMakersCertificateWithoutItsPadding) {
    EXPECT_TRUE(read_ek_certificates(*tpm).value().empty());
    ASSERT_EQ(openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                       "-subj", "/CN=a maker of TPMs in a town with a long name", "-keyout",
                       file("maker.key"), "-outform", "DER", "-out", file("maker.der")}),
              0);
    const Bytes certificate = read("maker.der");
    Bytes padded = certificate;
    padded.resize(1'000, 0xFF);
    ASSERT_EQ(tool({"tpm2_nvdefine", "-C", "o", "-s", "1000", "-a", "ownerwrite|ownerread|authread|no_da",
                    "0x01C0000A"}),
              0);
    ASSERT_EQ(tool({"tpm2_nvwrite", "-C", "o", "-i", write("padded", padded), "0x01C0000A"}), 0);
    open();
    const auto read = read_ek_certificates(*tpm).value();
    ASSERT_EQ(read.size(), 1U);
    EXPECT_EQ(read[0].algorithm, EkAlgorithm::p256);
    EXPECT_EQ(read[0].der, certificate);
    EXPECT_TRUE(read_ek_chain(*tpm).value().empty());
}

TEST_F(TpmOperationsTest, ALockedOutTpmSaysSoAndOurKeysGoOn) {
    ASSERT_EQ(tool({"tpm2_dictionarylockout", "-s", "-n", "1", "-t", "3600", "-l", "3600"}), 0);
    ASSERT_EQ(tool({"tpm2_nvdefine", "-C", "o", "-s", "8", "-a", "authread|authwrite", "-p", "sesame",
                    "0x01800D01"}),
              0);
    open();
    for (int i = 0; i < 3; i++) {
        const auto wrong = find_index(*tpm, test_index, Bytes{1}).value();
        static_cast<void>(write_index(*tpm, *wrong, Bytes(8)));
    }
    const auto refused = write_index(*tpm, index(), Bytes(8));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_locked_out);
    EXPECT_TRUE(sign(*tpm, Purpose::checkpoint, Hash{}));
    EXPECT_TRUE(make_quote(*tpm, Bytes(8, 1), {0}));
}

TEST_F(TpmOperationsTest, AForgedStorageRootIsNoticed) {
    tpm.reset();
    // Somebody evicts the root and leaves a key of the same kind, of which he knows more, in its place.
    ASSERT_EQ(tool({"tpm2_evictcontrol", "-C", "o", "-c", "0x81000001"}), 0);
    ASSERT_EQ(tool({"tpm2_createprimary", "-C", "n", "-G", "ecc", "-c", file("other.ctx")}), 0);
    open(); // The one that the TPM derives is the one that was pinned, wherever it is.
    EXPECT_TRUE(sign(*tpm, Purpose::checkpoint, Hash{}));
    tpm.reset();
    ASSERT_TRUE(write_file(file("srk.name"), as_bytes("000b" + std::string(64, 'a') + "\n"), 0600));
    TpmOptions options;
    options.context.tcti = swtpm.tcti();
    options.state_dir = directory.path("");
    const auto refused = Tpm::open(options, timings);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::tpm_changed);
}

// The storage root is of an elliptic curve; an endorsement key may be RSA.
TEST_F(TpmOperationsTest, ASessionMayBeSaltedToAnRsaKey) {
    const auto blobs = create_key(tpm->parent(), key_template(Algorithm::rsa2048, Use::decrypt), {});
    ASSERT_TRUE(blobs);
    const auto key = load_key(tpm->parent(), *blobs);
    ASSERT_TRUE(key);
    const auto session = Session::start(tpm->context(), key->handle(), Session::Kind::hmac);
    ASSERT_TRUE(session) << session.error().detail << session.error().causes.front();
    TPM2B_DIGEST *bytes = nullptr;
    const auto got = tpm->context().run(
        "GetRandom", "asking for random bytes",
        [&](ESYS_CONTEXT *esys) {
            return Esys_GetRandom_Async(esys, session->handle(Protect::answer), ESYS_TR_NONE, ESYS_TR_NONE,
                                        16);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_GetRandom_Finish(esys, &bytes); });
    const EsysPtr<TPM2B_DIGEST> owned(bytes);
    ASSERT_TRUE(got) << got.error().detail << got.error().causes.front();
    EXPECT_EQ(bytes->size, 16);
}

} // namespace
} // namespace dsmil::tpm
