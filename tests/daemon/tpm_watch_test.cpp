// SPDX-License-Identifier: Apache-2.0
// What shows that a TPM was reset or exchanged.
#include "tpm/watch.hpp"

#include <gtest/gtest.h>

namespace dsmil::tpm {
namespace {

Mark mark() {
    return {.boot_id = "0011", .reset_count = 7, .restart_count = 2, .null_name = "000b-aa", .nv_writes = 5};
}

std::string only_event(const Mark &before, const Mark &now) {
    const auto events = compare(before, now);
    return events.size() == 1 ? events.front().action : std::to_string(events.size()) + " events";
}

TEST(TpmWatch, NothingChangedIsNoEvent) {
    EXPECT_TRUE(compare(mark(), mark()).empty());
    auto more = mark();
    more.nv_writes = 9;
    EXPECT_TRUE(compare(mark(), more).empty());
}

TEST(TpmWatch, AResetWithinABootIsAnEvent) {
    auto now = mark();
    now.reset_count = 8;
    now.restart_count = 0;
    EXPECT_EQ(only_event(mark(), now), "tpm_reset");
    EXPECT_FALSE(compare(mark(), now).front().context.empty());
    now.reset_count = 0; // A cleared TPM begins anew.
    EXPECT_EQ(only_event(mark(), now), "tpm_reset");
}

TEST(TpmWatch, AResumeIsAnEventOfItsOwn) {
    auto now = mark();
    now.restart_count = 3;
    EXPECT_EQ(only_event(mark(), now), "tpm_restarted");
}

TEST(TpmWatch, AnotherNullKeyIsAnEventAndSoIsOneThatIsGone) {
    auto now = mark();
    now.null_name = "000b-bb";
    EXPECT_EQ(only_event(mark(), now), "tpm_null_key_changed");
    now.null_name.clear();
    EXPECT_EQ(only_event(mark(), now), "tpm_null_key_changed");
}

TEST(TpmWatch, AnOrdinaryBootIsNone) {
    auto now = mark();
    now.boot_id = "2233";
    now.reset_count = 8;
    now.restart_count = 0;
    now.null_name = "000b-cc";
    EXPECT_TRUE(compare(mark(), now).empty());
}

TEST(TpmWatch, ABootWithoutAResetOfTheTpmIsAnEventAndSoAreFewerResets) {
    auto now = mark();
    now.boot_id = "2233";
    EXPECT_EQ(only_event(mark(), now), "tpm_not_reset");
    now.reset_count = 6;
    EXPECT_EQ(only_event(mark(), now), "tpm_count_went_back");
}

TEST(TpmWatch, AMarkIsReadAsItWasWritten) {
    EXPECT_EQ(parse_mark(format_mark(mark())).value(), mark());
    auto without = mark();
    without.null_name.clear();
    EXPECT_EQ(parse_mark(format_mark(without)).value(), without);
}

TEST(TpmWatch, AMarkThatIsDamagedIsAnError) {
    const std::string good = format_mark(mark());
    for (const auto *text :
         {"", "\n", "boot_id 00\n", "boot_id\nreset_count\nrestart_count\nnull_name\nnv_writes\n"}) {
        EXPECT_FALSE(parse_mark(text)) << text;
    }
    EXPECT_FALSE(parse_mark(good.substr(0, good.size() - 1)));
    EXPECT_FALSE(parse_mark(good + "more 1\n"));
    EXPECT_FALSE(parse_mark("x" + good));
    for (std::size_t i = 0; i < good.size(); i++) {
        std::string flipped = good;
        flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
        const auto parsed = parse_mark(flipped); // An error, or another number: never a crash.
        EXPECT_TRUE(!parsed || *parsed != mark());
    }
}

} // namespace
} // namespace dsmil::tpm
