// SPDX-License-Identifier: Apache-2.0
// What is done when keys, secrets or the TPM itself are not what they were.
#include "base/file.hpp"
#include "tpm/leftovers.hpp"
#include "tpm/pcr.hpp"
#include "tpm_engine.hpp"

#include <algorithm>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

namespace dsmil::tpm {
namespace {

TEST_F(TpmEngineTest, AWrongSecretOfAnyKeyIsSaidWhenTheTpmIsOpenedAndNotTriedAgain) {
    make();
    ASSERT_TRUE(service->stop(patient));
    for (const auto *key : {"attestation-key", "checkpoint-key", "grant-key"}) {
        auto later = options();
        later.secrets.set(key, {1, 2, 3}); // The key was made without.
        begin_with(Code::tpm_auth, std::move(later));
        const auto tried = bus.commands().size();
        test::run_until(reactor, [turns = 0]() mutable { return ++turns == 2'000; });
        EXPECT_EQ(bus.commands().size(), tried) << key;
        ASSERT_TRUE(service->stop(patient));
    }
    make();
    EXPECT_TRUE(sign_now());
}

TEST_F(TpmEngineTest, AKeyThatIsMissingAmongOthersIsMadeAnewAndSaidSo) {
    make();
    ASSERT_TRUE(service->stop(patient));
    std::vector<std::string> heard;
    hear = [&](const SecurityEvent &event) {
        heard.push_back(event.action + (event.context.empty() ? "" : " " + event.context.front().second));
    };
    make();
    EXPECT_TRUE(heard.empty());
    ASSERT_TRUE(service->stop(patient));
    ASSERT_EQ(::unlink(directory.path("attestation-key.pub").c_str()), 0);
    make();
    EXPECT_EQ(heard, std::vector<std::string>{"tpm_key_made attestation-key"});
    ASSERT_TRUE(service->stop(patient));
    ASSERT_EQ(::unlink(directory.path("attestation-key.priv").c_str()), 0);
    begin_with(Code::tpm_failed, options());
    EXPECT_NE(service->trouble()->detail.find("attestation-key.priv is missing"), std::string::npos)
        << service->trouble()->detail;
}

TEST_F(TpmEngineTest, OneKeyInTwoPlacesIsAnError) {
    make();
    ASSERT_TRUE(service->stop(patient));
    for (const auto *part : {".pub", ".priv"}) {
        const auto content = read_file(directory.path(std::string("checkpoint-key") + part), 4096).value();
        ASSERT_TRUE(write_file(directory.path(std::string("grant-key") + part), as_bytes(content), 0600));
    }
    begin_with(Code::tpm_failed, options());
    EXPECT_NE(service->trouble()->detail.find("are one key"), std::string::npos);
}

TEST_F(TpmEngineTest, TheKeyFileSignsWhenTheTpmGoesAndNotWhileItIsOpenedAgain) {
    std::vector<std::string> heard;
    hear = [&](const SecurityEvent &event) { heard.push_back(event.action); };
    ASSERT_EQ(test::run_program({"openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                                 "ec_paramgen_curve:P-256", "-out", directory.path("fallback.pem")}),
              0);
    ASSERT_EQ(::chmod(directory.path("fallback.pem").c_str(), 0600), 0);
    fallback = directory.path("fallback.pem");
    make();
    const auto key = service->public_key();
    bus.change(TPM2_CC_Sign, [](Bytes &answer) { answer.clear(); });
    ASSERT_FALSE(sign_now());
    test::run_until(reactor, [&] { return service->trouble() || ready; });
    EXPECT_FALSE(service->fell_back());
    EXPECT_EQ(service->public_key(), key);
    EXPECT_TRUE(sign_now()) << "by the TPM, once it is open again";
    EXPECT_FALSE(std::ranges::contains(heard, "tpm_fell_back"));
    swtpm.stop();
    ASSERT_FALSE(sign_now());
    test::run_until(reactor, [&] { return service->fell_back(); });
    EXPECT_EQ(std::ranges::count(heard, "tpm_fell_back"), 1);
    EXPECT_NE(service->public_key(), key);
    EXPECT_TRUE(sign_now());
}

TEST_F(TpmEngineTest, WhoForgesEachAnswerIsNotAskedAgainAtOnce) {
    std::vector<std::string> heard;
    hear = [&](const SecurityEvent &event) { heard.push_back(event.action); };
    retry = std::chrono::hours(1);
    make();
    for (int i = 0; i < 2; i++) {
        bus.change(TPM2_CC_Sign, [](Bytes &answer) { answer[20] ^= 1U; });
        const auto answer = sign_now();
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, Code::tpm_untrusted);
        if (i == 0) {
            test::run_until(reactor, [&] { return !service->trouble() && !heard.empty(); });
        }
    }
    test::run_until(reactor, [&] { return service->trouble().has_value(); });
    const auto opened = std::ranges::count(bus.commands(), TPM2_CC_StartAuthSession);
    EXPECT_EQ(sign_now().error().code, Code::tpm_untrusted);
    EXPECT_EQ(std::ranges::count(bus.commands(), TPM2_CC_StartAuthSession), opened);
    EXPECT_EQ(std::ranges::count(heard, "tpm_answer_forged"), 2);
}

TEST_F(TpmEngineTest, APcrThatWasChangedOnTheWayIsNotBelieved) {
    make();
    bus.change(TPM2_CC_PCR_Read, [](Bytes &answer) { answer[40] ^= 1U; }); // in the digest
    std::optional<Code> code;
    service->run<std::map<unsigned, Bytes>>(
        Urgency::normal, patient, [](Tpm &tpm) { return read_pcrs(tpm, {7}); },
        [&](const Result<std::map<unsigned, Bytes>> &read) {
            code = read ? Code::internal : read.error().code;
        });
    test::run_until(reactor, [&] { return code.has_value(); });
    EXPECT_EQ(code, Code::tpm_untrusted);
}

TEST(TpmPcr, TakesOnlyWhatWasAskedForSoThatItEnds) {
    std::map<unsigned, Bytes> values;
    TPML_DIGEST digests{};
    digests.count = 1;
    digests.digests[0].size = sizeof(Hash);
    EXPECT_TRUE(take_pcrs(values, {7, 8}, selection_of({7}), digests));
    EXPECT_EQ(values.size(), 1U);
    EXPECT_EQ(take_pcrs(values, {8}, selection_of({7}), digests).error().code, Code::tpm_failed) << "again";
    EXPECT_EQ(take_pcrs(values, {8}, selection_of({}), digests).error().code, Code::tpm_unsupported);
    EXPECT_EQ(take_pcrs(values, {8}, selection_of({8, 9}), digests).error().code, Code::tpm_unsupported);
    auto sha1 = selection_of({8});
    sha1.pcrSelections[0].hash = TPM2_ALG_SHA1;
    EXPECT_EQ(take_pcrs(values, {8}, sha1, digests).error().code, Code::tpm_unsupported);
    digests.digests[0].size = 20;
    EXPECT_EQ(take_pcrs(values, {8}, selection_of({8}), digests).error().code, Code::tpm_failed);
    auto beyond = selection_of({8});
    beyond.pcrSelections[0].sizeofSelect = 255;
    digests.digests[0].size = sizeof(Hash);
    EXPECT_TRUE(take_pcrs(values, {8}, beyond, digests));
}

TEST_F(TpmEngineTest, TheOwnersPasswordIsNotOnTheBusWhenTheRootsPlaceIsAnothers) {
    const std::string word = "owner-password";
    const auto tcti = swtpm.tcti();
    if (test::run_program({"tpm2_createprimary", "-T", tcti, "-C", "o", "-G", "rsa", "-c",
                           directory.path("other.ctx")}) != 0 ||
        test::run_program({"tpm2_evictcontrol", "-T", tcti, "-C", "o", "-c", directory.path("other.ctx"),
                           "0x81000001"}) != 0 ||
        test::run_program({"tpm2_changeauth", "-T", tcti, "-c", "o", word}) != 0) {
        GTEST_SKIP() << "tpm2-tools are not installed";
    }
    for (int life = 0; life < 2; life++) {
        auto owned = options();
        owned.secrets.set("owner", Bytes(word.begin(), word.end()));
        make(std::move(owned));
        EXPECT_TRUE(sign_now());
        const Bytes traffic = bus.take_traffic();
        EXPECT_TRUE(std::ranges::search(traffic, word).empty()) << life;
        ASSERT_TRUE(service->stop(patient));
    }
}

TEST_F(TpmEngineTest, ASimulatorThatHangsIsGivenUpToo) {
    auto direct = options();
    direct.context.open = load_tcti;
    direct.context.answer_limit = milliseconds(200);
    make(std::move(direct));
    ASSERT_TRUE(sign_now());
    swtpm.hang();
    const auto answer = sign_now();
    swtpm.go_on();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::tpm_missing);
    test::run_until(reactor, [&] { return !service->trouble(); });
    EXPECT_TRUE(sign_now());
}

TEST_F(TpmEngineTest, NothingIsLeftLoadedHoweverTheTctiIsWritten) {
    make();
    ASSERT_TRUE(service->stop(patient));
    service.reset();
    auto other = options();
    const std::string path = swtpm.tcti().substr(swtpm.tcti().find(':'));
    other.context.open = load_tcti;
    // Lives that ended with kill -9: a session each, of the three that the TPM has room for. One way shows
    // when there is an answer, the other does not.
    for (int life = 0; life < 8; life++) {
        other.context.tcti = (life % 2 == 0 ? "libtss2-tcti-swtpm.so.0" : "swtpm") + path;
        Timings timings;
        auto context = Context::open(other.context, timings);
        ASSERT_TRUE(context) << context.error().detail;
        ASSERT_TRUE(flush_leftovers(*context, other.context.tcti));
        TPMT_SYM_DEF symmetric{};
        symmetric.algorithm = TPM2_ALG_NULL;
        ESYS_TR left = ESYS_TR_NONE;
        ASSERT_TRUE(context->run(
            "StartAuthSession", "leaving a session",
            [&](ESYS_CONTEXT *esys) {
                return Esys_StartAuthSession_Async(esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                                   ESYS_TR_NONE, ESYS_TR_NONE, nullptr, TPM2_SE_HMAC,
                                                   &symmetric, TPM2_ALG_SHA256);
            },
            [&](ESYS_CONTEXT *esys) { return Esys_StartAuthSession_Finish(esys, &left); }));
        EXPECT_EQ(handles_from(*context, TPM2_LOADED_SESSION_FIRST).value().size(), 1U) << life;
    }
    other.context.open = bus.opener();
    make(std::move(other));
    for (int i = 0; i < 5; i++) {
        bus.change(TPM2_CC_Sign, [](Bytes &answer) { answer.clear(); });
        ASSERT_FALSE(sign_now());
        test::run_until(reactor, [&] { return !service->trouble(); });
    }
    std::optional<Result<std::size_t>> loaded;
    service->run<std::size_t>(
        Urgency::normal, patient,
        [](Tpm &tpm) -> Result<std::size_t> {
            return handles_from(tpm.context(), TPM2_LOADED_SESSION_FIRST).value().size() +
                   handles_from(tpm.context(), TPM2_TRANSIENT_FIRST).value().size();
        },
        [&](Result<std::size_t> count) { loaded = std::move(count); });
    test::run_until(reactor, [&] { return loaded.has_value(); });
    EXPECT_EQ(loaded->value_or(0), 1U) << "the daemon's own session";
}

TEST(TpmLeftovers, KnowWhereThereIsNoManager) {
    for (const auto *tcti : {"swtpm:path=/x", "mssim", "libtss2-tcti-swtpm.so.0:path=/x",
                             "/usr/lib/x86_64-linux-gnu/libtss2-tcti-swtpm.so.0:path=/x", "device:/dev/tpm9",
                             "libtss2-tcti-device.so.0:/dev/tpm9", "pcap:swtpm:path=/x", "cmd:nc -U /x"}) {
        EXPECT_FALSE(has_manager(tcti)) << tcti;
    }
    for (const auto *tcti : {"", "device", "device:/dev/tpmrm9", "tabrmd", "tabrmd:bus_name=x", "pcap:tabrmd",
                             "device:/dev/other", "libtss2-tcti-tabrmd.so.0", "something-new:x"}) {
        EXPECT_TRUE(has_manager(tcti)) << tcti;
    }
    EXPECT_TRUE(is_simulator("libtss2-tcti-swtpm.so.0:path=/x"));
    EXPECT_FALSE(is_simulator("device:/dev/tpm0"));
}

} // namespace
} // namespace dsmil::tpm
