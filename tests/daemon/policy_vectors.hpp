// SPDX-License-Identifier: Apache-2.0
// Policies, and the digests that tpm2-tss publishes for them (its
// test/data/test-fapi-policies.h): what anybody else computes. In two of its files
// digests have a digit too many, which we refuse: here they have not.
#pragma once

#include <array>
#include <string_view>

namespace dsmil::test {

struct PolicyVector {
    std::string_view name;
    std::string_view json;
    std::string_view sha256;
    std::string_view sha384;
};

inline constexpr auto policy_vectors = std::to_array<PolicyVector>({
    {"action", R"j({"policy": [{"type": "POLICYACTION", "action": "myaction"}]})j",
     "0000000000000000000000000000000000000000000000000000000000000000",
     "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
     "0000000000000000"},
    {"pcr16_0_ecc_authorized",
     R"j({"policy": [{"type": "POLICYPCR", "pcrs": [{"pcr": 16, "hashAlg": "sha256", "digest": )j"
     R"j("0000000000000000000000000000000000000000000000000000000000000000"}]}]})j",
     "bff2d58e9813f97cefc14f72ad8133bc7092d652b7c877959254af140c841f36",
     "c1923346b6d44a154b58b57b4327ee70c29ac536f9209d94880de6834f370587846a2834e3e88af6"
     "1efd8679fcccedd5"},
    {"pcr16_0_ecc_authorized_sha384",
     R"j({"policy": [{"type": "POLICYPCR", "pcrs": [{"pcr": 16, "hashAlg": "sha256", "digest": )j"
     R"j("0000000000000000000000000000000000000000000000000000000000000000"}]}]})j",
     "bff2d58e9813f97cefc14f72ad8133bc7092d652b7c877959254af140c841f36",
     "c1923346b6d44a154b58b57b4327ee70c29ac536f9209d94880de6834f370587846a2834e3e88af6"
     "1efd8679fcccedd5"},
    {"authorize_ecc_pem",
     R"j({"policy": [{"type": "POLICYAUTHORIZE", "policyRef": [1, 2, 3, 4, 5], "keyPEM": )j"
     R"j("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwl7xkJ8nywaYBzTzfr/Or0Phg)j"
     R"j(2XY\nufUHcIYJvC+x8NjOoPTFcE8CKGup6+Q7LOq21S9YmnXrt8xLiHBIxM7YOQ==\n-----END PUBLIC )j"
     R"j(KEY-----"}]})j",
     "b9b370c6b4f84887518634ab408ce23dfc092ae42281a1b8438b3f34d9ceb18e",
     "117b1812194dd8764a3a44c98126fc41ec4b07eead537c29bb3da3712a4aaec5393d4a26442f354b"
     "235060d99793fe40"},
    {"authorize_rsa_pem",
     R"j({"policy": [{"type": "POLICYAUTHORIZE", "policyRef": [1, 2, 3, 4, 5], "keyPEM": )j"
     R"j("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoGL6IrCSAznmIIzBe)j"
     R"j(ssI\nmW7tPOUy78uWTIaub32KnYHn78KXprrZ3ykp6WDrOQeMjv4AA+14mJbg77apVYXy\nEnkFdOMa1hszSJnp6cJ)j"
     R"j(vx7ILngLvFUxzbVki/ehvgS3nRk67Njal+nMTe8hpe3UK\nQeV/Ij+F0r6Yz91W+4LPmncAiUesRZLetI2BZsKwHYR)j"
     R"j(MznmpIYpoua1NtS8QpEXR\nMmsUue19eS/XRAPmmCfnb5BX2Tn06iCpk6wO+RfMo9etcX5cLSAuIYEQYCvV2/0X\nT)j"
     R"j(fEw607vttBN0Y54LrVOKno1vRXd5sxyRlfB0WL42F4VG5TfcJo5u1Xq7k9m9K57\n8wIDAQAB\n-----END PUBLIC)j"
     R"j( KEY-----"}]})j",
     "5164b89fcfdc398806c0fde7a3eb52371595fcbec1b1fcea57524c56fff67f46",
     "e424b7ebd622258a40af3a89e541a84fcccff93a54cd9605fda545c650462c4d2d4c7f385b58975b"
     "c9b63355b0ca78f9"},
    {"locality", R"j({"policy": [{"type": "POLICYLOCALITY", "locality": 1}]})j",
     "ddee6af14bf3c4e8127ced87bcf9a57e1c0c8ddb5e67735c8505f96f07b8dbb8",
     "3c6a526ff03d42da670f1cba535f9f1ea8a27e3c810fdb56f4470432b1da5f9ded3e5e330fc09402"
     "6082a7018a1005ae"},
    {"nv_change_auth",
     R"j({"policy": [{"type": "POLICYAUTHVALUE"}, {"type": "POLICYCOMMANDCODE", "code": 315}]})j",
     "363ac945b6457c47c31f3355dba0db27de8db213d6250c6bf79685003f9fe7ab",
     "ff675514b27969d171ad33e1ecca800819aca8af2636ce1dcf8a6f91193fb0fc55a19726ec85b795"
     "cf6ec14114bfda71"},
    {"password", R"j({"policy": [{"type": "POLICYPASSWORD"}]})j",
     "8fcd2169ab92694e0c633f1ab772842b8241bbc20288981fc7ac1eddc1fddb0e",
     "0eb13321e885c9603d394e1c33976d4660517111f440d377585f66a94a0eee0a7f73d10b68edc48f"
     "61bd3c8385dcddf5"},
    {"pcr16_0_or",
     R"j({"policy": [{"type": "POLICYOR", "branches": [{"name": "branch0", "policy": [{"type": )j"
     R"j("POLICYPCR", "pcrs": [{"pcr": 16, "hashAlg": "TPM2_ALG_SHA256", "digest": )j"
     R"j("0000000000000000000000000000000000000000000000000000000000000000"}]}]}, {"name": )j"
     R"j("branch1", "policy": [{"type": "POLICYPCR", "pcrs": [{"pcr": 16, "hashAlg": )j"
     R"j("TPM2_ALG_SHA256", "digest": )j"
     R"j("000000000000000000000000000000000000000000000000000000000000000A"}]}]}]}]})j",
     "04b01d728fc1ea060d943b3ca6e3e5ea9d3bbb61126542677ad7591c092eafba",
     "2ec9bcccab324ba5f50eedb045853993a37a9eab65bc00b742f85ac5ac809d234e4ac82ac70c10c3"
     "aff8196a6cf78515"},
    {"physical_presence", R"j({"policy": [{"type": "POLICYPHYSICALPRESENCE"}]})j",
     "0d7c6747b1b9facbba03492097aa9d5af792e5efc07346e05f9daa8b3d9e13b5",
     "f743b33cdfcad64b6f85105907895732ca9d4002b5167d52ca82cb65879665e29ef753b5f548eb89"
     "4b1b2d67a1376ff8"},
    {"auth_value", R"j({"policy": [{"type": "POLICYAUTHVALUE"}]})j",
     "8fcd2169ab92694e0c633f1ab772842b8241bbc20288981fc7ac1eddc1fddb0e",
     "0eb13321e885c9603d394e1c33976d4660517111f440d377585f66a94a0eee0a7f73d10b68edc48f"
     "61bd3c8385dcddf5"},
    {"command_code", R"j({"policy": [{"type": "POLICYCOMMANDCODE", "code": 349}]})j",
     "cc6918b226273b08f5bd406d7f10cf160f0a7d13dfd83b7770ccbcd1aa80d811",
     "5093ebce18eacac2fef5a1f4dcb9c8167ee1f45479b189ea362e20f9f86cc93deb6ca4270098915d"
     "b6dec7d56c9f1979"},
    {"pcr16_0",
     R"j({"policy": [{"type": "POLICYPCR", "pcrs": [{"pcr": 16, "hashAlg": "TPM2_ALG_SHA256", )j"
     R"j("digest": "0000000000000000000000000000000000000000000000000000000000000000"}]}]})j",
     "bff2d58e9813f97cefc14f72ad8133bc7092d652b7c877959254af140c841f36",
     "c1923346b6d44a154b58b57b4327ee70c29ac536f9209d94880de6834f370587846a2834e3e88af6"
     "1efd8679fcccedd5"},
    {"countertimer",
     R"j({"policy": [{"type": "POLICYCOUNTERTIMER", "operandB": "ff", "operation": "UNSIGNED_LT"}]})j",
     "7c67802209683d17c1d94f3fc9df7afb2a0d7955c3c5d0fa3f602d58ffdaf984",
     "5735b3080af6597ba9249c692fbb9689da67937d167850a9bdd3e82f08e02bb85eb1f451899bfd56"
     "07702257cc68a0ce"},
    {"cphash",
     R"j({"policy": [{"type": "POLICYCPHASH", "cpHash": )j"
     R"j("d1b4d44f20fa696f638e4f8a9cfceae97f9dee388143929eeea8982259b8f402"}]})j",
     "2d7038734b12258ae7108ab70d0e7ee36f4e64c64d53f8adb6c2bed602c95d09",
     "cc26ea5fef3eff5ebc2c1e1c143039bb4c4c20e80ac2480857182623ac29c18e3cb82792dc20ebac"
     "f9ca9e32b3eae9b7"},
    {"nv_written", R"j({"policy": [{"type": "POLICYNVWRITTEN", "writtenSet": "NO"}]})j",
     "3c326323670e28ad37bd57f63b4cc34d26ab205ef22f275c58d47fab2485466e",
     "0e017d9a6f87b88af9d8497937e825f688a4bd6681da533191a5fa6d0825ef2e3de21ef2bd4e2057"
     "8313c6ec5137e79c"},
    {"pcr16_0_fail",
     R"j({"policy": [{"type": "POLICYPCR", "pcrs": [{"pcr": 16, "hashAlg": "TPM2_ALG_SHA256", )j"
     R"j("digest": "0000000000000000000000000000000000000000000000000000000000000001"}]}]})j",
     "b740077197d46009b9c18f5ad181b7a3ac5bef1d9a881cc5dde808f1a6b8c787",
     "2f5c390f14e2587d26f1b7853703208999ca6e66da38b1c7990bce478c08662c560ae74b41003b3c"
     "db58999b365b0e82"},
    {"pcr8_0",
     R"j({"policy": [{"type": "POLICYPCR", "pcrs": [{"pcr": 8, "hashAlg": "TPM2_ALG_SHA256", )j"
     R"j("digest": "0000000000000000000000000000000000000000000000000000000000000000"}]}]})j",
     "2a90ac03196573f129e70a9e04485bff581d2890fe5882d3c2667290d84b497b",
     "895abaad2fc5af9828963a4f7d093e35f004ab4ab9819ff44745c4d8fcb9df1deca5a7d4503f9333"
     "5a110042943aeb6c"},
    {"signed_ecc",
     R"j({"policy": [{"type": "POLICYSIGNED", "keyPEM": "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj)j"
     R"j(0CAQYIKoZIzj0DAQcDQgAEoJTa3zftdAzHC96IjpqQ/dnLm+p7\npEiLMi03Jd0oP0aYnnXFjolzIB/dBZ/t+BLh0P)j"
     R"j(wLM5aAM/jugeLkHgpIyQ==\n-----END PUBLIC KEY-----\n", "keyPEMhashAlg": "SHA256"}]})j",
     "07aefc36fb098f5f59f2f74d8854235a29d1f93b4ddd488f6ec667d9c1d716b6",
     "2ba2487836fdaf772ba152469aec86218a068ce9cbc1e8343be81b927cfa178533ab5d663d1498d0"
     "c20d6bb91fc5fc58"},
    {"signed",
     R"j({"policy": [{"type": "POLICYSIGNED", "keyPEM": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhk)j"
     R"j(iG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoGL6IrCSAznmIIzBessI\nmW7tPOUy78uWTIaub32KnYHn78KXprrZ3ykp6W)j"
     R"j(DrOQeMjv4AA+14mJbg77apVYXy\nEnkFdOMa1hszSJnp6cJvx7ILngLvFUxzbVki/ehvgS3nRk67Njal+nMTe8hpe3)j"
     R"j(UK\nQeV/Ij+F0r6Yz91W+4LPmncAiUesRZLetI2BZsKwHYRMznmpIYpoua1NtS8QpEXR\nMmsUue19eS/XRAPmmCfn)j"
     R"j(b5BX2Tn06iCpk6wO+RfMo9etcX5cLSAuIYEQYCvV2/0X\nTfEw607vttBN0Y54LrVOKno1vRXd5sxyRlfB0WL42F4V)j"
     R"j(G5TfcJo5u1Xq7k9m9K57\n8wIDAQAB\n-----END PUBLIC KEY-----\n", "keyPEMhashAlg": "SHA256"}]})j",
     "b1969529af7796c5b4f5e4781713f4525049f36cb12ec63f996dad1c4401c068",
     "33645e642e0a9c249d8cba8690a87cea08069b96d1680061a2c754866af3d8928740f79681fbb8b0"
     "51afe643cfc200ba"},
    {"ek_high_range_sha256",
     R"j({"policy": [{"type": "POLICYOR", "branches": [{"name": "PolicySecret", "policy": [{"type":)j"
     R"j( "POLICYSECRET", "objectName": "4000000b"}]}, {"name": "PolicyNV", "policy": [{"type": )j"
     R"j("POLICYAUTHORIZENV", "nvPublic": {"size": 0, "nvPublic": {"nvIndex": "0x01c07f01", )j"
     R"j("nameAlg": "SHA256", "attributes": {"PPWRITE": 0, "OWNERWRITE": 0, "AUTHWRITE": 0, )j"
     R"j("POLICYWRITE": 1, "POLICY_DELETE": 0, "WRITELOCKED": 0, "WRITEALL": 1, "WRITEDEFINE": 0, )j"
     R"j("WRITE_STCLEAR": 0, "GLOBALLOCK": 0, "PPREAD": 1, "OWNERREAD": 1, "AUTHREAD": 1, )j"
     R"j("POLICYREAD": 1, "NO_DA": 1, "ORDERLY": 0, "CLEAR_STCLEAR": 0, "READLOCKED": 0, "WRITTEN":)j"
     R"j( 1, "PLATFORMCREATE": 0, "READ_STCLEAR": 0, "TPM2_NT": "ORDINARY"}, "authPolicy": )j"
     R"j("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa", "dataSize": )j"
     R"j(34}}}]}]}]})j",
     "ca3d0a99a2b93906f7a3342414efcfb3a385d44cd1fd459089d19b5071c0b7a0",
     "ad6634775155ce801c6d8371f24e570a5b4f3955c07146d7f3c476c8ac48ab30b922e1d7854b79e2"
     "1c6e7287385e841e"},
    {"ek_high_range_sha384",
     R"j({"policy": [{"type": "POLICYOR", "branches": [{"name": "PolicySecret", "policy": [{"type":)j"
     R"j( "POLICYSECRET", "objectName": "4000000b"}]}, {"name": "PolicyNV", "policy": [{"type": )j"
     R"j("POLICYAUTHORIZENV", "nvPublic": {"size": 0, "nvPublic": {"nvIndex": "0x01c07f01", )j"
     R"j("nameAlg": "SHA384", "attributes": {"PPWRITE": 0, "OWNERWRITE": 0, "AUTHWRITE": 0, )j"
     R"j("POLICYWRITE": 1, "POLICY_DELETE": 0, "WRITELOCKED": 0, "WRITEALL": 1, "WRITEDEFINE": 0, )j"
     R"j("WRITE_STCLEAR": 0, "GLOBALLOCK": 0, "PPREAD": 1, "OWNERREAD": 1, "AUTHREAD": 1, )j"
     R"j("POLICYREAD": 1, "NO_DA": 1, "ORDERLY": 0, "CLEAR_STCLEAR": 0, "READLOCKED": 0, "WRITTEN":)j"
     R"j( 1, "PLATFORMCREATE": 0, "READ_STCLEAR": 0, "TPM2_NT": "ORDINARY"}, "authPolicy": )j"
     R"j("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa", "dataSize": )j"
     R"j(34}}}]}]}]})j",
     "c1c7fbac75abb45675550fcf2e2128eb2f4f2bb57b291de05a87f380ecfb1261",
     "02feb9362e0c8a1b2074daf9fc51d82a142732365887b985c118874988004ed22cfe7bb484671b38"
     "286b8ccc9cec824e"},
    {"template",
     R"j({"policy": [{"type": "POLICYTEMPLATE", "templatePublic": {"type": "ECC", "nameAlg": )j"
     R"j("sha256", "objectAttributes": {"fixedTPM": 1, "stClear": 0, "fixedParent": 1, )j"
     R"j("sensitiveDataOrigin": 1, "userWithAuth": 1, "adminWithPolicy": 0, "noDA": 0, )j"
     R"j("encryptedDuplication": 0, "restricted": 1, "decrypt": 1, "sign": 0}, "authPolicy": "", )j"
     R"j("parameters": {"symmetric": {"algorithm": "AES", "keyBits": 128, "mode": "CFB"}, "scheme":)j"
     R"j( {"scheme": "NULL"}, "curveID": "NIST_P256", "kdf": {"scheme": "NULL"}}, "unique": {"x": )j"
     R"j("", "y": ""}}}]})j",
     "8beacb2d1cb3318856f9a51bbdede1499892b5bbe7fc491f37cf5c6ed56c7d73",
     "48e4538b32d25890d49e8f695c2eae3b1a523bc162d1e82a4842fb7da260e51e8f615e38b3ae18f4"
     "1899b339bc590f70"},
});

} // namespace dsmil::test
