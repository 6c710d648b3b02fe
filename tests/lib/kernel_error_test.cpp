// SPDX-License-Identifier: Apache-2.0
#include "kernel_error.hpp"

#include "dsmil/catalog.hpp"

#include <algorithm>
#include <cerrno>
#include <gtest/gtest.h>
#include <string>

namespace {

using dsmil::Code;
using dsmil::write_error;

constexpr std::uint16_t config_of_9 = 0x801C;

dsmil_reg_write refused(std::uint32_t reason, std::uint16_t rule_token, std::uint32_t risk) {
    dsmil_reg_write answer{};
    answer.reason = reason;
    answer.rule_token = rule_token;
    answer.rule_risk = risk;
    answer.sequence = 57;
    return answer;
}

struct Mapping {
    int number;
    Code code;
};

TEST(KernelError, EveryErrnoOfTheAbiHasItsCode) {
    for (const auto &[number, code] : {
             Mapping{EACCES, Code::permission},
             Mapping{EPERM, Code::permission},
             Mapping{EIO, Code::firmware_failed},
             Mapping{ENXIO, Code::firmware_unsupported},
             Mapping{ENODEV, Code::firmware_gone},
             Mapping{E2BIG, Code::abi_mismatch},
             Mapping{ENOTTY, Code::abi_mismatch},
             Mapping{ERANGE, Code::register_unknown},
             Mapping{EBUSY, Code::conflict},
             Mapping{EINVAL, Code::internal},
             Mapping{ENOMEM, Code::failed},
             Mapping{EINTR, Code::try_again},
         }) {
        EXPECT_EQ(dsmil::ioctl_error("asking", number).code, code) << number;
    }
}

TEST(KernelError, AMissingNodeIsAMissingModule) {
    const auto error = dsmil::open_error("/nowhere/ctl", ENOENT);
    EXPECT_EQ(error.code, Code::module_missing);
    EXPECT_NE(error.detail.find("/nowhere/ctl"), std::string::npos);
}

TEST(KernelError, AClosedNodeIsNamedWithItsGroupAndMode) {
    const auto error = dsmil::open_error("/dev/null", EACCES);
    EXPECT_EQ(error.code, Code::permission);
    EXPECT_EQ(error.detail, "/dev/null belongs to group root (mode 0666)");
}

TEST(KernelError, EveryReasonOfTheGuardHasItsCode) {
    const std::pair<std::uint32_t, Code> reasons[] = {
        {DSMIL_REASON_QUARANTINED, Code::refused_quarantined},
        {DSMIL_REASON_QUARANTINED_AS_ID, Code::refused_quarantined_as_id},
        {DSMIL_REASON_ALIAS, Code::refused_alias},
        {DSMIL_REASON_LOCKED, Code::refused_locked},
        {DSMIL_REASON_LOCATION_UNKNOWN, Code::refused_location_unknown},
        {DSMIL_REASON_GRANT_REQUIRED, Code::refused_grant_required},
        {DSMIL_REASON_CAPABILITY_REQUIRED, Code::capability_required},
        {DSMIL_REASON_NOT_A_REGISTER, Code::register_unknown},
        {DSMIL_REASON_ALLOWED, Code::permission},
        {99, Code::abi_mismatch},
    };
    for (const auto &[reason, code] : reasons) {
        EXPECT_EQ(write_error(config_of_9, refused(reason, config_of_9, 4), EPERM).code, code) << reason;
    }
}

TEST(KernelError, NoReasonOfThisReleaseIsUnknown) {
    for (std::uint32_t reason = 0; reason <= DSMIL_REASON_GRANT_UNCHECKED; reason++) {
        EXPECT_NE(write_error(config_of_9, refused(reason, config_of_9, 4), EPERM).code, Code::abi_mismatch)
            << reason;
    }
    EXPECT_EQ(write_error(config_of_9, refused(DSMIL_REASON_GRANT_UNCHECKED, config_of_9, 4), EPERM).code,
              Code::refused_grant_unchecked);
}

TEST(KernelError, ARefusalNamesTheTokenAndTheAuditRecord) {
    const auto error = write_error(config_of_9, refused(DSMIL_REASON_QUARANTINED, config_of_9, 4), EPERM);
    EXPECT_EQ(error.detail, "token 0x801C (CONFIG of device 0x8009 Data Destruction) is quarantined");
    EXPECT_EQ(error.causes, std::vector<std::string>{"audit record 57 keeps the refusal"});
}

TEST(KernelError, ARefusalForAnAliasNamesBothTokens) {
    const auto error = write_error(0x8091, refused(DSMIL_REASON_ALIAS, 0x807C, 4), EPERM);
    EXPECT_EQ(error.detail,
              "token 0x8091 (CONFIG of device 0x8030 Storage Encryption) shares its location with "
              "token 0x807C (CONFIG of device 0x8029 Communications Blackout), which is quarantined");
}

TEST(KernelError, ARefusalByTheReadingAsIdNamesThatDevice) {
    const auto error = write_error(0x8019, refused(DSMIL_REASON_QUARANTINED_AS_ID, 0x8019, 4), EPERM);
    EXPECT_EQ(error.detail,
              "token 0x8019 (CONFIG of device 0x8008 Emergency Response), read as a device id, is "
              "device 0x8019 Network Kill Switch, which is quarantined");
}

TEST(KernelError, AFullAuditRingIsNoRefusal) {
    const auto error = write_error(config_of_9, {}, EAGAIN);
    EXPECT_EQ(error.code, Code::audit_full);
    EXPECT_NE(error.detail.find("nothing was done"), std::string::npos);
}

TEST(KernelError, AReadOnlyDescriptorIsAQuestionOfPermission) {
    EXPECT_EQ(write_error(config_of_9, {}, EBADF).code, Code::permission);
}

} // namespace
