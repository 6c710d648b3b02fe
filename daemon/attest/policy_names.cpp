// SPDX-License-Identifier: Apache-2.0
#include "attest/policy_names.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <tss2/tss2_tpm2_types.h>

namespace dsmil::attest::policy_json {
namespace {

struct Name {
    std::string_view text;
    std::uint32_t number;
};

constexpr auto command_codes = std::to_array<Name>({
    {"ACT_SetTimeout", TPM2_CC_ACT_SetTimeout},
    {"AC_GetCapability", TPM2_CC_AC_GetCapability},
    {"AC_Send", TPM2_CC_AC_Send},
    {"ActivateCredential", TPM2_CC_ActivateCredential},
    {"Certify", TPM2_CC_Certify},
    {"CertifyCreation", TPM2_CC_CertifyCreation},
    {"CertifyX509", TPM2_CC_CertifyX509},
    {"ChangeEPS", TPM2_CC_ChangeEPS},
    {"ChangePPS", TPM2_CC_ChangePPS},
    {"Clear", TPM2_CC_Clear},
    {"ClearControl", TPM2_CC_ClearControl},
    {"ClockRateAdjust", TPM2_CC_ClockRateAdjust},
    {"ClockSet", TPM2_CC_ClockSet},
    {"Commit", TPM2_CC_Commit},
    {"ContextLoad", TPM2_CC_ContextLoad},
    {"ContextSave", TPM2_CC_ContextSave},
    {"Create", TPM2_CC_Create},
    {"CreateLoaded", TPM2_CC_CreateLoaded},
    {"CreatePrimary", TPM2_CC_CreatePrimary},
    {"DictionaryAttackLockReset", TPM2_CC_DictionaryAttackLockReset},
    {"DictionaryAttackParameters", TPM2_CC_DictionaryAttackParameters},
    {"Duplicate", TPM2_CC_Duplicate},
    {"ECC_Parameters", TPM2_CC_ECC_Parameters},
    {"ECDH_KeyGen", TPM2_CC_ECDH_KeyGen},
    {"ECDH_ZGen", TPM2_CC_ECDH_ZGen},
    {"EC_Ephemeral", TPM2_CC_EC_Ephemeral},
    {"EncryptDecrypt", TPM2_CC_EncryptDecrypt},
    {"EncryptDecrypt2", TPM2_CC_EncryptDecrypt2},
    {"EventSequenceComplete", TPM2_CC_EventSequenceComplete},
    {"EvictControl", TPM2_CC_EvictControl},
    {"FieldUpgradeData", TPM2_CC_FieldUpgradeData},
    {"FieldUpgradeStart", TPM2_CC_FieldUpgradeStart},
    {"FirmwareRead", TPM2_CC_FirmwareRead},
    {"FlushContext", TPM2_CC_FlushContext},
    {"GetCapability", TPM2_CC_GetCapability},
    {"GetCommandAuditDigest", TPM2_CC_GetCommandAuditDigest},
    {"GetRandom", TPM2_CC_GetRandom},
    {"GetSessionAuditDigest", TPM2_CC_GetSessionAuditDigest},
    {"GetTestResult", TPM2_CC_GetTestResult},
    {"GetTime", TPM2_CC_GetTime},
    {"HMAC", TPM2_CC_HMAC},
    {"HMAC_Start", TPM2_CC_HMAC_Start},
    {"Hash", TPM2_CC_Hash},
    {"HashSequenceStart", TPM2_CC_HashSequenceStart},
    {"HierarchyChangeAuth", TPM2_CC_HierarchyChangeAuth},
    {"HierarchyControl", TPM2_CC_HierarchyControl},
    {"Import", TPM2_CC_Import},
    {"IncrementalSelfTest", TPM2_CC_IncrementalSelfTest},
    {"Load", TPM2_CC_Load},
    {"LoadExternal", TPM2_CC_LoadExternal},
    {"MAC", TPM2_CC_MAC},
    {"MAC_Start", TPM2_CC_MAC_Start},
    {"MakeCredential", TPM2_CC_MakeCredential},
    {"NV_Certify", TPM2_CC_NV_Certify},
    {"NV_ChangeAuth", TPM2_CC_NV_ChangeAuth},
    {"NV_DefineSpace", TPM2_CC_NV_DefineSpace},
    {"NV_Extend", TPM2_CC_NV_Extend},
    {"NV_GlobalWriteLock", TPM2_CC_NV_GlobalWriteLock},
    {"NV_Increment", TPM2_CC_NV_Increment},
    {"NV_Read", TPM2_CC_NV_Read},
    {"NV_ReadLock", TPM2_CC_NV_ReadLock},
    {"NV_ReadPublic", TPM2_CC_NV_ReadPublic},
    {"NV_SetBits", TPM2_CC_NV_SetBits},
    {"NV_UndefineSpace", TPM2_CC_NV_UndefineSpace},
    {"NV_UndefineSpaceSpecial", TPM2_CC_NV_UndefineSpaceSpecial},
    {"NV_Write", TPM2_CC_NV_Write},
    {"NV_WriteLock", TPM2_CC_NV_WriteLock},
    {"ObjectChangeAuth", TPM2_CC_ObjectChangeAuth},
    {"PCR_Allocate", TPM2_CC_PCR_Allocate},
    {"PCR_Event", TPM2_CC_PCR_Event},
    {"PCR_Extend", TPM2_CC_PCR_Extend},
    {"PCR_Read", TPM2_CC_PCR_Read},
    {"PCR_Reset", TPM2_CC_PCR_Reset},
    {"PCR_SetAuthPolicy", TPM2_CC_PCR_SetAuthPolicy},
    {"PCR_SetAuthValue", TPM2_CC_PCR_SetAuthValue},
    {"PP_Commands", TPM2_CC_PP_Commands},
    {"PolicyAuthValue", TPM2_CC_PolicyAuthValue},
    {"PolicyAuthorize", TPM2_CC_PolicyAuthorize},
    {"PolicyAuthorizeNV", TPM2_CC_PolicyAuthorizeNV},
    {"PolicyCommandCode", TPM2_CC_PolicyCommandCode},
    {"PolicyCounterTimer", TPM2_CC_PolicyCounterTimer},
    {"PolicyCpHash", TPM2_CC_PolicyCpHash},
    {"PolicyDuplicationSelect", TPM2_CC_PolicyDuplicationSelect},
    {"PolicyGetDigest", TPM2_CC_PolicyGetDigest},
    {"PolicyLocality", TPM2_CC_PolicyLocality},
    {"PolicyNV", TPM2_CC_PolicyNV},
    {"PolicyNameHash", TPM2_CC_PolicyNameHash},
    {"PolicyNvWritten", TPM2_CC_PolicyNvWritten},
    {"PolicyOR", TPM2_CC_PolicyOR},
    {"PolicyPCR", TPM2_CC_PolicyPCR},
    {"PolicyPassword", TPM2_CC_PolicyPassword},
    {"PolicyPhysicalPresence", TPM2_CC_PolicyPhysicalPresence},
    {"PolicyRestart", TPM2_CC_PolicyRestart},
    {"PolicySecret", TPM2_CC_PolicySecret},
    {"PolicySigned", TPM2_CC_PolicySigned},
    {"PolicyTemplate", TPM2_CC_PolicyTemplate},
    {"PolicyTicket", TPM2_CC_PolicyTicket},
    {"Policy_AC_SendSelect", TPM2_CC_Policy_AC_SendSelect},
    {"Quote", TPM2_CC_Quote},
    {"RSA_Decrypt", TPM2_CC_RSA_Decrypt},
    {"RSA_Encrypt", TPM2_CC_RSA_Encrypt},
    {"ReadClock", TPM2_CC_ReadClock},
    {"ReadPublic", TPM2_CC_ReadPublic},
    {"Rewrap", TPM2_CC_Rewrap},
    {"SelfTest", TPM2_CC_SelfTest},
    {"SequenceComplete", TPM2_CC_SequenceComplete},
    {"SequenceUpdate", TPM2_CC_SequenceUpdate},
    {"SetAlgorithmSet", TPM2_CC_SetAlgorithmSet},
    {"SetCommandCodeAuditStatus", TPM2_CC_SetCommandCodeAuditStatus},
    {"SetPrimaryPolicy", TPM2_CC_SetPrimaryPolicy},
    {"Shutdown", TPM2_CC_Shutdown},
    {"Sign", TPM2_CC_Sign},
    {"StartAuthSession", TPM2_CC_StartAuthSession},
    {"Startup", TPM2_CC_Startup},
    {"StirRandom", TPM2_CC_StirRandom},
    {"TestParms", TPM2_CC_TestParms},
    {"Unseal", TPM2_CC_Unseal},
    {"VerifySignature", TPM2_CC_VerifySignature},
    {"ZGen_2Phase", TPM2_CC_ZGen_2Phase},
});

constexpr auto algorithms = std::to_array<Name>({
    {"RSA", TPM2_ALG_RSA},           {"SHA1", TPM2_ALG_SHA1},
    {"HMAC", TPM2_ALG_HMAC},         {"AES", TPM2_ALG_AES},
    {"MGF1", TPM2_ALG_MGF1},         {"KEYEDHASH", TPM2_ALG_KEYEDHASH},
    {"XOR", TPM2_ALG_XOR},           {"SHA256", TPM2_ALG_SHA256},
    {"SHA384", TPM2_ALG_SHA384},     {"SHA512", TPM2_ALG_SHA512},
    {"NULL", TPM2_ALG_NULL},         {"SM3_256", TPM2_ALG_SM3_256},
    {"SM4", TPM2_ALG_SM4},           {"RSASSA", TPM2_ALG_RSASSA},
    {"RSAES", TPM2_ALG_RSAES},       {"RSAPSS", TPM2_ALG_RSAPSS},
    {"OAEP", TPM2_ALG_OAEP},         {"ECDSA", TPM2_ALG_ECDSA},
    {"ECDH", TPM2_ALG_ECDH},         {"ECDAA", TPM2_ALG_ECDAA},
    {"SM2", TPM2_ALG_SM2},           {"ECSCHNORR", TPM2_ALG_ECSCHNORR},
    {"ECMQV", TPM2_ALG_ECMQV},       {"KDF1_SP800_56A", TPM2_ALG_KDF1_SP800_56A},
    {"KDF2", TPM2_ALG_KDF2},         {"KDF1_SP800_108", TPM2_ALG_KDF1_SP800_108},
    {"ECC", TPM2_ALG_ECC},           {"SYMCIPHER", TPM2_ALG_SYMCIPHER},
    {"CAMELLIA", TPM2_ALG_CAMELLIA}, {"CTR", TPM2_ALG_CTR},
    {"OFB", TPM2_ALG_OFB},           {"CBC", TPM2_ALG_CBC},
    {"CFB", TPM2_ALG_CFB},           {"ECB", TPM2_ALG_ECB},
});

constexpr auto comparisons = std::to_array<Name>({
    {"EQ", TPM2_EO_EQ},
    {"NEQ", TPM2_EO_NEQ},
    {"SIGNED_GT", TPM2_EO_SIGNED_GT},
    {"UNSIGNED_GT", TPM2_EO_UNSIGNED_GT},
    {"SIGNED_LT", TPM2_EO_SIGNED_LT},
    {"UNSIGNED_LT", TPM2_EO_UNSIGNED_LT},
    {"SIGNED_GE", TPM2_EO_SIGNED_GE},
    {"UNSIGNED_GE", TPM2_EO_UNSIGNED_GE},
    {"SIGNED_LE", TPM2_EO_SIGNED_LE},
    {"UNSIGNED_LE", TPM2_EO_UNSIGNED_LE},
    {"BITSET", TPM2_EO_BITSET},
    {"BITCLEAR", TPM2_EO_BITCLEAR},
});

constexpr auto curves = std::to_array<Name>({
    {"NIST_P192", TPM2_ECC_NIST_P192},
    {"NIST_P224", TPM2_ECC_NIST_P224},
    {"NIST_P256", TPM2_ECC_NIST_P256},
    {"NIST_P384", TPM2_ECC_NIST_P384},
    {"NIST_P521", TPM2_ECC_NIST_P521},
    {"BN_P256", TPM2_ECC_BN_P256},
    {"BN_P638", TPM2_ECC_BN_P638},
    {"SM2_P256", TPM2_ECC_SM2_P256},
});

constexpr auto object_attributes = std::to_array<Name>({
    {"fixedTPM", TPMA_OBJECT_FIXEDTPM},
    {"stClear", TPMA_OBJECT_STCLEAR},
    {"fixedParent", TPMA_OBJECT_FIXEDPARENT},
    {"sensitiveDataOrigin", TPMA_OBJECT_SENSITIVEDATAORIGIN},
    {"userWithAuth", TPMA_OBJECT_USERWITHAUTH},
    {"adminWithPolicy", TPMA_OBJECT_ADMINWITHPOLICY},
    {"noDA", TPMA_OBJECT_NODA},
    {"encryptedDuplication", TPMA_OBJECT_ENCRYPTEDDUPLICATION},
    {"restricted", TPMA_OBJECT_RESTRICTED},
    {"decrypt", TPMA_OBJECT_DECRYPT},
    {"sign", TPMA_OBJECT_SIGN_ENCRYPT},
    {"sign_encrypt", TPMA_OBJECT_SIGN_ENCRYPT},
    {"encrypt", TPMA_OBJECT_SIGN_ENCRYPT},
});

constexpr auto nv_attributes = std::to_array<Name>({
    {"PPWRITE", TPMA_NV_PPWRITE},
    {"OWNERWRITE", TPMA_NV_OWNERWRITE},
    {"AUTHWRITE", TPMA_NV_AUTHWRITE},
    {"POLICYWRITE", TPMA_NV_POLICYWRITE},
    {"POLICY_DELETE", TPMA_NV_POLICY_DELETE},
    {"WRITELOCKED", TPMA_NV_WRITELOCKED},
    {"WRITEALL", TPMA_NV_WRITEALL},
    {"WRITEDEFINE", TPMA_NV_WRITEDEFINE},
    {"WRITE_STCLEAR", TPMA_NV_WRITE_STCLEAR},
    {"GLOBALLOCK", TPMA_NV_GLOBALLOCK},
    {"PPREAD", TPMA_NV_PPREAD},
    {"OWNERREAD", TPMA_NV_OWNERREAD},
    {"AUTHREAD", TPMA_NV_AUTHREAD},
    {"POLICYREAD", TPMA_NV_POLICYREAD},
    {"NO_DA", TPMA_NV_NO_DA},
    {"ORDERLY", TPMA_NV_ORDERLY},
    {"CLEAR_STCLEAR", TPMA_NV_CLEAR_STCLEAR},
    {"READLOCKED", TPMA_NV_READLOCKED},
    {"WRITTEN", TPMA_NV_WRITTEN},
    {"PLATFORMCREATE", TPMA_NV_PLATFORMCREATE},
    {"READ_STCLEAR", TPMA_NV_READ_STCLEAR},
    {"ORDINARY", TPM2_NT_ORDINARY << 4U},
    {"COUNTER", TPM2_NT_COUNTER << 4U},
    {"BITS", TPM2_NT_BITS << 4U},
    {"EXTEND", TPM2_NT_EXTEND << 4U},
    {"PIN_FAIL", TPM2_NT_PIN_FAIL << 4U},
    {"PIN_PASS", TPM2_NT_PIN_PASS << 4U},
});

// Longer ones first where one begins like another.
constexpr auto prefixes = std::to_array<std::string_view>({
    "TPM2_",
    "TPM_",
    "TPMA_",
    "TPMI_",
    "TPMS_",
    "ALG_",
    "ID_",
    "CC_",
    "EO_",
    "ECC_",
    "CURVE_",
    "NT_",
    "OBJECT_",
    "LOCALITY_",
    "LOC_",
    "POLICY",
});

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
}

std::optional<std::uint32_t> find(std::span<const Name> names, std::string_view text) {
    // A name can begin like a prefix (NT_..., ECC), so that it is looked for at each step.
    while (true) {
        const auto found =
            std::ranges::find_if(names, [&](const Name &name) { return same_name(name.text, text); });
        if (found != names.end()) {
            return found->number;
        }
        const auto shorter = without_prefix(text);
        if (shorter.size() == text.size()) {
            return std::nullopt;
        }
        text = shorter;
    }
}

std::optional<std::uint16_t> find16(std::span<const Name> names, std::string_view text) {
    const auto found = find(names, text);
    return found ? std::optional(static_cast<std::uint16_t>(*found)) : std::nullopt;
}

} // namespace

bool same_name(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, {}, lower, lower);
}

// One prefix, or none.
std::string_view without_prefix(std::string_view name) {
    for (const auto prefix : prefixes) {
        if (name.size() > prefix.size() && same_name(name.substr(0, prefix.size()), prefix)) {
            return name.substr(prefix.size());
        }
    }
    return name;
}

std::optional<std::uint32_t> command_code_of(std::string_view name) {
    return find(command_codes, name);
}

std::optional<std::uint16_t> comparison_of(std::string_view name) {
    return find16(comparisons, name);
}

std::optional<std::uint16_t> algorithm_of(std::string_view name) {
    return find16(algorithms, name);
}

std::optional<std::uint16_t> curve_of(std::string_view name) {
    return find16(curves, name);
}

std::optional<std::uint32_t> object_attribute_of(std::string_view name) {
    return find(object_attributes, name);
}

std::optional<std::uint32_t> nv_attribute_of(std::string_view name) {
    return find(nv_attributes, name.starts_with("NV_") ? name.substr(3) : name);
}

} // namespace dsmil::attest::policy_json
