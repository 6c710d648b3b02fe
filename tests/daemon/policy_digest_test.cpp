// SPDX-License-Identifier: Apache-2.0
// Policies of tpm2-tss's JSON against the digests that tpm2-tss publishes, and those of the
// TPM specification's own words; tests/cli/test_verify.py has trial sessions of a TPM.
#include "attest/policy_digest.hpp"
#include "policy_vectors.hpp"

#include <format>
#include <gtest/gtest.h>
#include <vector>

namespace dsmil::attest {
namespace {

std::string digest_of(std::string_view json, HashAlg alg = HashAlg::sha256) {
    const auto computed = policy_digest(json, alg);
    return computed ? to_hex(computed->view()) : computed.error().detail;
}

std::string of(const std::string &element) {
    return digest_of("{\"policy\":[" + element + "]}");
}

TEST(PolicyDigest, IsWhatTpm2TssPublishes) {
    for (const auto &vector : test::policy_vectors) {
        SCOPED_TRACE(vector.name);
        EXPECT_EQ(digest_of(vector.json), vector.sha256);
        // A TPM takes no cpHash of another size than the session's hash (Part 3, PolicyCpHash), and what is
        // published of this one for SHA-384 no TPM makes.
        EXPECT_EQ(digest_of(vector.json, HashAlg::sha384),
                  vector.name == "cphash"
                      ? "policy[0] (POLICYCPHASH): cpHash must have the 48 bytes of sha384"
                      : vector.sha384);
    }
}

TEST(PolicyDigest, OfNoElementsIsZero) {
    EXPECT_EQ(digest_of(R"({"policy":[]})"), std::string(64, '0'));
}

TEST(PolicyDigest, NamesAreTakenInEverySpelling) {
    const auto expected = of(R"({"type":"POLICYCOMMANDCODE","code":349})");
    for (const auto *const code :
         {"\"TPM2_CC_Sign\"", "\"sign\"", "\"TPM_CC_SIGN\"", "\"0x15d\"", "\"349\""}) {
        EXPECT_EQ(of(std::format(R"({{"type":"CommandCode","code":{}}})", code)), expected) << code;
    }
    EXPECT_EQ(of(R"({"type":"policynvwritten","writtenset":"TPM2_NO"})"),
              of(R"({"type":"NvWritten","writtenSet":0})"));
    EXPECT_EQ(of(R"({"type":"Locality","locality":["TPMA_LOCALITY_ZERO","THREE"]})"),
              of(R"({"type":"Locality","locality":9})"));
    EXPECT_EQ(of(R"({"type":"Locality","locality":{"ZERO":1,"THREE":1,"ONE":0}})"),
              of(R"({"type":"Locality","locality":"0x9"})"));
}

TEST(PolicyDigest, APublicAreaMayBeInsideOfASizedOneInEitherSpelling) {
    const std::string area = R"({"type":"ECC","nameAlg":"SHA256","objectAttributes":["sign"],)"
                             R"("parameters":{"curveID":"NIST_P256"},"unique":{"x":"01","y":"02"}})";
    const auto expected = of(std::format(R"({{"type":"Signed","keyPublic":{}}})", area));
    EXPECT_EQ(expected.size(), 64U);
    for (const auto *const name : {"publicArea", "publicarea"}) {
        EXPECT_EQ(of(std::format(R"({{"type":"Signed","keyPublic":{{"size":0,"{}":{}}}}})", name, area)),
                  expected);
    }
    EXPECT_NE(of(R"({"type":"Signed","keyPublic":{"publicarea":7}})").size(), 64U);
}

TEST(PolicyDigest, CommentsAndLineEndsAreTakenAsTpm2TssDoes) {
    EXPECT_EQ(
        digest_of(
            "{ // a \"comment\n \"description\":\"two\nlines\", \"policy\":[{\"type\":\"AuthValue\",},] }"),
        of(R"({"type":"AuthValue"})"));
}

TEST(PolicyDigest, TheOrderOfElementsMatters) {
    EXPECT_NE(of(R"({"type":"AuthValue"},{"type":"PhysicalPresence"})"),
              of(R"({"type":"PhysicalPresence"},{"type":"AuthValue"})"));
}

TEST(PolicyDigest, AuthorizeReplacesWhatWasBefore) {
    const std::string authorize =
        std::format(R"({{"type":"Authorize","keyName":"000b{}","policyRef":"01"}})", std::string(64, '1'));
    EXPECT_EQ(of(R"({"type":"AuthValue"},)" + authorize), of(authorize));
}

TEST(PolicyDigest, BranchesContinueWhatIsBeforeTheOr) {
    const std::string branches = R"({"type":"Or","branches":[{"name":"a","policy":[]},)"
                                 R"({"name":"b","policy":[{"type":"AuthValue"}]}]})";
    EXPECT_NE(of(branches), of(R"({"type":"PhysicalPresence"},)" + branches));
}

TEST(PolicyDigest, PcrsAreTakenAscendingWhateverTheirOrder) {
    const std::string one =
        std::format(R"({{"pcr":1,"hashAlg":"SHA256","digest":"{}"}})", std::string(64, '1'));
    const std::string two =
        std::format(R"({{"pcr":2,"hashAlg":"SHA256","digest":"{}"}})", std::string(64, '2'));
    EXPECT_EQ(of(std::format(R"({{"type":"PCR","pcrs":[{},{}]}})", one, two)),
              of(std::format(R"({{"type":"PCR","pcrs":[{},{}]}})", two, one)));
}

TEST(PolicyDigest, WhatOnlyTheMachineKnowsIsSaid) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {R"({"type":"NV","nvPath":"/nv/Owner/x","operandB":"00"})", "give nvPublic"},
        {R"({"type":"AuthorizeNv","nvPath":"/nv/Owner/x"})", "give nvPublic"},
        {R"({"type":"Signed","keyPath":"/HS/SRK/k"})", "give keyPEM"},
        {R"({"type":"Authorize","keyPath":"/HS/SRK/k"})", "give keyPEM"},
        {R"({"type":"Secret","objectPath":"/HS/SRK/k"})", "give objectName"},
        {R"({"type":"NameHash","namePaths":["/HS/SRK/k"]})", "give nameHash"},
        {R"({"type":"DuplicationSelect","newParentPath":"ext/k"})", "give newParentPublic"},
        {R"({"type":"PCR","currentPCRs":[16]})", "give pcrs"},
    };
    for (const auto &[element, why] : cases) {
        EXPECT_NE(of(element).find(why), std::string::npos) << of(element);
        EXPECT_TRUE(of(element).starts_with("policy[0] (")) << of(element);
    }
}

TEST(PolicyDigest, AnErrorInABranchNamesItsPlace) {
    const auto why =
        of(R"({"type":"Or","branches":[{"policy":[]},{"policy":[{"type":"AuthValue"},{"type":"X"}]}]})");
    EXPECT_EQ(why, "policy[0].branches[1].policy[1]: there is no type X");
}

TEST(PolicyDigest, WhatIsNoPolicyIsMalformed) {
    for (const std::string_view text :
         {"",
          "[]",
          "{",
          "{}",
          R"({"policy":{}})",
          R"({"policy":[1]})",
          R"({"policy":[{}]})",
          R"({"policy":[{"type":1}]})",
          R"({"policy":[{"type":"Or","branches":[{"policy":[]}]}]})",
          R"({"policy":[{"type":"Or","branches":[1,2]}]})",
          R"({"policy":[{"type":"CommandCode"}]})",
          R"({"policy":[{"type":"CommandCode","code":"Fly"}]})",
          R"({"policy":[{"type":"CommandCode","code":-1}]})",
          R"({"policy":[{"type":"CpHash","cpHash":"0"}]})",
          R"({"policy":[{"type":"CpHash","cpHash":[256]}]})",
          R"({"policy":[{"type":"Locality","locality":256}]})",
          R"({"policy":[{"type":"NvWritten","writtenSet":2}]})",
          R"({"policy":[{"type":"PCR","pcrs":[]}]})",
          R"({"policy":[{"type":"PCR","pcrs":[{"pcr":32,"hashAlg":"SHA1","digest":""}]}]})",
          R"({"policy":[{"type":"PCR","pcrs":[{"pcr":1,"hashAlg":"SHA256","digest":"00"}]}]})",
          R"({"policy":[{"type":"Signed","keyPEM":"x"}]})",
          R"({"policy":[{"type":"Signed","keyPublic":{}}]})",
          R"({"policy":[{"type":"Template"}]})",
          R"({"policy":[{"type":"NV","nvPublic":{},"operandB":"00"}]})"}) {
        const auto computed = policy_digest(text, HashAlg::sha256);
        ASSERT_FALSE(computed) << text;
        EXPECT_EQ(computed.error().code, Code::malformed);
    }
}

TEST(PolicyDigest, WhatNoTpmMakesIsSaid) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {R"({"type":"CpHash","cpHash":"ab"})", "cpHash must have the 32 bytes of sha256"},
        {R"({"type":"NameHash","nameHash":"ab"})", "nameHash must have the 32 bytes of sha256"},
        {R"({"type":"Template","templateHash":"abcd"})", "templateHash must have the 32 bytes of sha256"},
        {R"({"type":"Locality","locality":0})", "from 1 to 255"},
        {R"({"type":"Locality","locality":[]})", "from 1 to 255"},
        {R"({"type":"AuthorizeNv","nvPublic":{"nvIndex":1,"nameAlg":"sha256","attributes":0,"dataSize":8}})",
         "nvIndex (0x01......)"},
        {R"({"type":"Secret","objectName":"40"})", "an algorithm and its digest, or a handle"},
        {R"({"type":"Secret","objectName":"000b00"})", "an algorithm and its digest, or a handle"},
        {R"({"type":"NameHash","objectNames":["400000"]})", "an algorithm and its digest, or a handle"},
        {R"({"type":"Authorize","keyName":"000bff"})", "a name must be an algorithm and its digest"},
        {R"({"type":"Authorize","keyName":"40000001"})", "a name must be an algorithm and its digest"},
        {R"({"type":"DuplicationSelect","newParentName":"00"})", "an algorithm and its digest, or a handle"},
    };
    for (const auto &[element, why] : cases) {
        EXPECT_NE(of(element).find(why), std::string::npos) << of(element);
    }
    EXPECT_EQ(of(R"({"type":"Secret","objectName":"40000001"})").size(), 64U);
}

TEST(PolicyDigest, NestingAndLengthAreBounded) {
    std::string nested = R"({"type":"AuthValue"})";
    for (unsigned i = 0; i <= max_policy_depth; i++) {
        EXPECT_EQ(of(nested).size(), 64U) << i << ": " << of(nested);
        nested = std::format(R"({{"type":"Or","branches":[{{"policy":[{}]}},{{"policy":[]}}]}})", nested);
    }
    EXPECT_NE(of(nested).find("nested too deep"), std::string::npos) << of(nested);
    std::string many;
    for (unsigned i = 0; i <= max_policy_elements; i++) {
        many += R"({"type":"Action","action":"x"},)";
    }
    EXPECT_NE(of(many).find("more than 1024 elements"), std::string::npos);
}

} // namespace
} // namespace dsmil::attest
