// SPDX-License-Identifier: Apache-2.0
#include "accel/cpu.hpp"
#include "accel/tier.hpp"

#include <gtest/gtest.h>

namespace {

using dsmil::accel::best_tier;
using dsmil::accel::choose_tier;
using dsmil::accel::CpuidAnswers;
using dsmil::accel::Features;
using dsmil::accel::features;
using dsmil::accel::features_of;
using dsmil::accel::has_tier;
using dsmil::accel::Tier;

constexpr std::uint32_t bit(unsigned number) {
    return 1U << number;
}

// A server of 2023: everything that the engine asks for.
CpuidAnswers everything() {
    CpuidAnswers answers;
    answers.basic = {.eax = 0x20, .ebx = 0x756E6547, .ecx = 0x6C65746E, .edx = 0x49656E69};
    answers.leaf1.ecx = bit(1) | bit(9) | bit(12) | bit(19) | bit(25) | bit(27) | bit(28);
    answers.leaf7.ebx = bit(5) | bit(8) | bit(16) | bit(17) | bit(21) | bit(29) | bit(30) | bit(31);
    answers.leaf7.ecx = bit(1) | bit(9) | bit(10) | bit(11);
    answers.leaf7_1.eax = bit(4);
    answers.xcr0 = 0xE7;
    answers.model = "A processor";
    return answers;
}

TEST(Cpu, everything_is_found_where_everything_is) {
    const auto has = features_of(everything());
    EXPECT_EQ(has.vendor, "GenuineIntel");
    EXPECT_EQ(has.model, "A processor");
    EXPECT_TRUE(has.sse41 && has.aes && has.pclmul && has.sha && has.avx2 && has.vaes && has.vpclmul);
    EXPECT_TRUE(has.avx_vnni && has.avx512 && has.avx512_vbmi && has.avx512_vnni && has.avx512_ifma);
    EXPECT_EQ(best_tier(has), Tier::avx512);
}

TEST(Cpu, nothing_is_found_where_nothing_is) {
    const auto has = features_of({});
    Features none;
    none.vendor = has.vendor;
    EXPECT_EQ(has, none);
    EXPECT_EQ(best_tier(has), Tier::reference);
}

TEST(Cpu, registers_that_the_system_does_not_save_are_not_there) {
    auto answers = everything();
    answers.xcr0 = 0x07; // no opmask, no zmm
    const auto has = features_of(answers);
    EXPECT_TRUE(has.avx2 && has.vaes && has.avx_vnni);
    EXPECT_FALSE(has.avx512 || has.avx512_vbmi || has.avx512_vnni || has.avx512_ifma);
    EXPECT_EQ(best_tier(has), Tier::avx2);

    answers.xcr0 = 0x03; // no ymm either
    EXPECT_FALSE(features_of(answers).avx2 || features_of(answers).vaes);
    EXPECT_TRUE(features_of(answers).sha) << "SHA-NI needs no AVX";
    EXPECT_EQ(best_tier(features_of(answers)), Tier::reference);
}

TEST(Cpu, each_part_of_the_zmm_state_is_needed) {
    for (const unsigned missing : {1U, 2U, 5U, 6U, 7U}) {
        auto answers = everything();
        answers.xcr0 &= ~std::uint64_t{bit(missing)};
        EXPECT_FALSE(features_of(answers).avx512) << "without bit " << missing << " of XCR0";
    }
}

TEST(Cpu, without_osxsave_there_is_no_vector_state_whatever_xcr0_says) {
    auto answers = everything();
    answers.leaf1.ecx &= ~bit(27);
    EXPECT_FALSE(features_of(answers).avx2 || features_of(answers).avx512);
}

TEST(Cpu, each_of_the_four_parts_of_avx512_is_needed) {
    for (const unsigned missing : {16U, 17U, 30U, 31U}) {
        auto answers = everything();
        answers.leaf7.ebx &= ~bit(missing);
        EXPECT_FALSE(features_of(answers).avx512) << "without bit " << missing;
        EXPECT_TRUE(features_of(answers).sha) << "SHA-NI is a bit of its own";
    }
}

TEST(Cpu, this_processor_answers) {
    EXPECT_FALSE(features().vendor.empty());
    EXPECT_TRUE(has_tier(features(), Tier::reference));
}

TEST(Tier, the_best_is_chosen_when_nobody_says_otherwise) {
    const auto has = features_of(everything());
    EXPECT_EQ(choose_tier(has, ""), Tier::avx512);
    EXPECT_EQ(choose_tier(has, "auto"), Tier::avx512);
    EXPECT_EQ(choose_tier(has, "avx2"), Tier::avx2);
    EXPECT_EQ(choose_tier(has, "reference"), Tier::reference);
}

TEST(Tier, one_that_the_processor_lacks_is_an_error_that_says_what_there_is) {
    const auto chosen = choose_tier(features_of({}), "avx512");
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().code, dsmil::Code::usage);
    EXPECT_NE(chosen.error().detail.find("reference"), std::string::npos) << chosen.error().detail;
}

TEST(Tier, a_name_that_there_is_not_is_a_usage_error) {
    for (const auto *name : {"AVX512", "avx", "sse", " avx2", "avx2 "}) {
        const auto chosen = choose_tier(features_of(everything()), name);
        ASSERT_FALSE(chosen) << name;
        EXPECT_EQ(chosen.error().code, dsmil::Code::usage) << name;
    }
}

} // namespace
