// SPDX-License-Identifier: Apache-2.0
// The doctor, shown machines that are made of files.
#include "doctor.hpp"
#include "module_signature.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

namespace {

using dsmilctl::Machine;
using dsmilctl::State;

class Doctor : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (std::filesystem::temp_directory_path() / "dsmil-doctor-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(root_); }

    void put(const std::string &path, const std::string &content = "") const {
        const std::filesystem::path file(root_ + path);
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << content;
    }

    // A machine without module and daemon, but for what the test put there.
    [[nodiscard]] Machine machine() const {
        auto machine = Machine::look({root_ + "/dev/dsmil"}, root_ + "/no.sock", root_);
        machine.release = "6.12.0-test";
        return machine;
    }

    [[nodiscard]] Machine with_info(dsmil_info info) const {
        auto here = machine();
        here.info = info;
        return here;
    }

    void put_secure_boot(char value) const {
        put("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
            std::string("\6\0\0\0", 4) + value);
    }

    void put_program(const std::string &path, const std::string &body) const {
        put(path, "#!/bin/sh\n" + body + "\n");
        std::filesystem::permissions(root_ + path, std::filesystem::perms::owner_all);
    }

    // Under Secure Boot; modinfo says this of it.
    void put_installed_module(const std::string &modinfo) const {
        put_secure_boot('\1');
        put("/lib/modules/6.12.0-test/modules.dep", "updates/dkms/dsmil.ko.xz:\n");
        put_program("/usr/sbin/modinfo", "cat <<'end'\n" + modinfo + "\nend");
    }

    std::string root_;
};

const std::string signed_by_dkms = "license:        GPL\nsig_id:         PKCS#7\n"
                                   "signer:         DKMS module signing key\nsig_key:        5A:01";

dsmil_info info_of(std::uint32_t kind) {
    dsmil_info info{};
    info.firmware_kind = kind;
    info.present_count = 108;
    info.device_count = 108;
    info.audit_capacity = 100;
    info.audit_reader = 1;
    return info;
}

TEST_F(Doctor, EveryFailureOnABareMachineSaysWhatMendsIt) {
    for (const auto &check : {dsmilctl::check_headers(machine()), dsmilctl::check_installed(machine()),
                              dsmilctl::check_loaded(machine()), dsmilctl::check_dell_smbios(machine()),
                              dsmilctl::check_nodes(machine()), dsmilctl::check_tpm(machine()),
                              dsmilctl::check_daemon(machine())}) {
        EXPECT_EQ(check.state, State::fail) << check.name;
        EXPECT_FALSE(check.remedy.empty()) << check.name;
    }
}

TEST_F(Doctor, WhatDependsOnAMissingModuleIsNotKnown) {
    for (const auto &check : {dsmilctl::check_firmware(machine()), dsmilctl::check_devices(machine()),
                              dsmilctl::check_audit_ring(machine()), dsmilctl::check_version(machine())}) {
        EXPECT_EQ(check.state, State::warn) << check.name;
    }
}

TEST_F(Doctor, HeadersOfTheRunningKernelAreNamed) {
    EXPECT_EQ(dsmilctl::check_headers(machine()).remedy, "apt-get install linux-headers-6.12.0-test");
    put("/lib/modules/6.12.0-test/build/Makefile");
    EXPECT_EQ(dsmilctl::check_headers(machine()).state, State::ok);
}

TEST_F(Doctor, AnInstalledModuleIsFoundCompressedOrNot) {
    put("/lib/modules/6.12.0-test/modules.dep",
        "kernel/a.ko.xz:\nupdates/dkms/dsmil.ko.xz: kernel/a.ko.xz\n");
    EXPECT_EQ(dsmilctl::check_installed(machine()).state, State::ok);
}

TEST_F(Doctor, OtherModulesOfTheFamilyAreNotTheModule) {
    put("/lib/modules/6.12.0-test/modules.dep", "updates/dsmil_dell.ko: updates/dsmilx.ko\n");
    EXPECT_EQ(dsmilctl::check_installed(machine()).state, State::fail);
}

TEST_F(Doctor, AModuleThatIsOnlyLoadedWillBeGoneAfterAReboot) {
    put("/sys/module/dsmil/version", DSMIL_VERSION);
    EXPECT_EQ(dsmilctl::check_installed(machine()).state, State::warn);
    EXPECT_EQ(dsmilctl::check_loaded(machine()).state, State::ok);
    EXPECT_EQ(dsmilctl::check_version(machine()).state, State::ok);
}

TEST_F(Doctor, AnotherVersionOfTheModuleIsAWarning) {
    put("/sys/module/dsmil/version", "0.0.9");
    EXPECT_EQ(dsmilctl::check_version(machine()).state, State::warn);
}

TEST_F(Doctor, AnotherInterfaceOfTheModuleIsAFailure) {
    auto here = machine();
    here.info = dsmil::fail(dsmil::Code::abi_mismatch, "the module speaks version 2");
    EXPECT_EQ(dsmilctl::check_version(here).state, State::fail);
}

TEST_F(Doctor, AnUnsignedModuleUnderSecureBootFailsWithTheSteps) {
    put_installed_module("filename: dsmil.ko\nlicense: GPL");
    const auto check = dsmilctl::check_secure_boot(machine());
    EXPECT_EQ(check.state, State::fail);
    EXPECT_NE(check.text.find("is not signed"), std::string::npos);
    EXPECT_NE(check.remedy.find("dkms build --force dsmil/"), std::string::npos);
    EXPECT_NE(check.remedy.find("mokutil --import"), std::string::npos);
}

TEST_F(Doctor, AModuleWhoseKeyIsEnrolledIsFine) {
    put_installed_module(signed_by_dkms);
    put("/proc/keys",
        "0 I------ 1 perm 1f010000 0 0 asymmetri DKMS module signing key: c3a1: X509.rsa c3a1 []\n");
    EXPECT_EQ(dsmilctl::check_secure_boot(machine()).state, State::ok);
}

TEST_F(Doctor, AModuleWhoseKeyIsNotEnrolledFailsAndTheKeyIsNamed) {
    put_installed_module(signed_by_dkms);
    put("/proc/keys",
        "0 I------ 1 perm 1f010000 0 0 asymmetri Another DKMS module signing key: c3: X509.rsa c3 []\n");
    const auto check = dsmilctl::check_secure_boot(machine());
    EXPECT_EQ(check.state, State::fail);
    EXPECT_NE(check.text.find("\"DKMS module signing key\", whose key is not enrolled"), std::string::npos);
    EXPECT_NE(check.remedy.find("mokutil --import"), std::string::npos);
}

TEST_F(Doctor, WhoMayNotSeeTheKeysIsOnlyWarned) {
    put_installed_module(signed_by_dkms);
    put("/proc/keys", "0 I--Q--- 3 perm 1f3f0000 1000 65534 keyring _uid.1000: empty\n");
    EXPECT_EQ(dsmilctl::check_secure_boot(machine()).state, State::warn);
}

TEST_F(Doctor, WithoutModinfoASignatureIsOnlyAWarning) {
    put_installed_module(signed_by_dkms);
    std::filesystem::remove(root_ + "/usr/sbin/modinfo");
    EXPECT_EQ(dsmilctl::check_secure_boot(machine()).state, State::warn);
    put_program("/usr/sbin/modinfo", "exit 1");
    EXPECT_EQ(dsmilctl::check_secure_boot(machine()).state, State::warn);
}

TEST(KeyEnrolled, AnOrganisationMayStandBeforeTheName) {
    EXPECT_EQ(dsmilctl::key_enrolled("0 asymmetri Example: Key 1: aa: X509.rsa aa []", "Key 1"), true);
    EXPECT_EQ(dsmilctl::key_enrolled("0 asymmetri Example: Key 10: aa: X509.rsa aa []", "Key 1"), false);
    EXPECT_EQ(dsmilctl::key_enrolled("", "Key 1"), std::nullopt);
}

TEST_F(Doctor, WithoutSecureBootSignaturesDoNotMatter) {
    put_secure_boot('\0');
    put("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    const auto check = dsmilctl::check_secure_boot(machine());
    EXPECT_EQ(check.state, State::ok);
    EXPECT_EQ(check.text, "Secure Boot is off, lockdown is none");
}

TEST_F(Doctor, LockdownAloneAlsoAsksForASignature) {
    put("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    EXPECT_EQ(dsmilctl::check_secure_boot(machine()).state, State::warn);
}

TEST_F(Doctor, AnotherVendorIsToldThatThereIsNoDellFirmware) {
    put("/sys/class/dmi/id/sys_vendor", "QEMU\n");
    const auto check = dsmilctl::check_dell_smbios(machine());
    EXPECT_EQ(check.state, State::fail);
    EXPECT_NE(check.text.find("QEMU"), std::string::npos);
}

TEST_F(Doctor, TheDellDriverWithoutBackendIsAFailure) {
    put("/sys/module/dell_smbios/initstate");
    EXPECT_EQ(dsmilctl::check_dell_smbios(machine()).state, State::fail);
    put("/sys/bus/platform/devices/dell-smbios.1/uevent");
    EXPECT_EQ(dsmilctl::check_dell_smbios(machine()).state, State::ok);
}

TEST_F(Doctor, SimulatedFirmwareNeedsNoDellDriver) {
    EXPECT_EQ(dsmilctl::check_dell_smbios(with_info(info_of(DSMIL_FIRMWARE_SIM))).state, State::ok);
}

TEST_F(Doctor, NoFirmwareAndNoDevicesAreFailures) {
    auto info = info_of(DSMIL_FIRMWARE_NONE);
    info.present_count = 0;
    EXPECT_EQ(dsmilctl::check_firmware(with_info(info)).state, State::fail);
    EXPECT_EQ(dsmilctl::check_devices(with_info(info)).state, State::fail);
}

TEST_F(Doctor, AFullAuditRingIsAFailureBecauseWritesAreRefused) {
    auto info = info_of(DSMIL_FIRMWARE_SIM);
    info.audit_head = 150;
    info.audit_tail = 50;
    const auto check = dsmilctl::check_audit_ring(with_info(info));
    EXPECT_EQ(check.state, State::fail);
    EXPECT_NE(check.text.find("writes are refused"), std::string::npos);
}

TEST_F(Doctor, AnAuditRingWithoutReaderIsAWarning) {
    auto info = info_of(DSMIL_FIRMWARE_SIM);
    EXPECT_EQ(dsmilctl::check_audit_ring(with_info(info)).state, State::ok);
    info.audit_reader = 0;
    EXPECT_EQ(dsmilctl::check_audit_ring(with_info(info)).state, State::warn);
}

TEST_F(Doctor, AnOldTpmIsAFailure) {
    put("/sys/class/tpm/tpm0/tpm_version_major", "1\n");
    EXPECT_EQ(dsmilctl::check_tpm(machine()).state, State::fail);
}

TEST_F(Doctor, ATpmNeedsItsResourceManagersNode) {
    put("/sys/class/tpm/tpm0/tpm_version_major", "2\n");
    EXPECT_EQ(dsmilctl::check_tpm(machine()).state, State::fail);
    put("/dev/tpmrm0");
    EXPECT_EQ(dsmilctl::check_tpm(machine()).state, State::ok);
}

TEST_F(Doctor, ADaemonThatIsNotThereSaysHowToStartIt) {
    EXPECT_EQ(dsmilctl::check_daemon(machine()).remedy, "systemctl start dsmild");
    EXPECT_EQ(dsmilctl::check_ledger(machine()).state, State::warn);
}

} // namespace
