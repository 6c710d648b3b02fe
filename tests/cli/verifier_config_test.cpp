// SPDX-License-Identifier: Apache-2.0
// /etc/dsmil/verifier.toml.
#include "verifier_config.hpp"

#include <cstdlib>
#include <format>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace dsmilctl {
namespace {

TEST(VerifierConfig, EveryKeyIsDocumented) {
    std::ifstream file(std::format("{}/docs/verifier.toml", std::getenv("DSMIL_SOURCE")));
    std::stringstream text;
    text << file.rdbuf();
    const auto parsed = parse_verifier_config(text.str(), "verifier.toml");
    ASSERT_TRUE(parsed) << parsed.error().detail;
    for (const auto &key : verifier_config_keys()) {
        EXPECT_TRUE(text.str().contains(std::format("\n{} = ", key.substr(key.find('.') + 1)))) << key;
    }
    const VerifierConfig defaults;
    EXPECT_EQ(parsed->verifier.certificate, defaults.verifier.certificate);
    EXPECT_EQ(parsed->evidence.event_log, defaults.evidence.event_log);
    EXPECT_EQ(parsed->serve.address, defaults.serve.address);
}

TEST(VerifierConfig, NamesTheLine) {
    const auto wrong = parse_verifier_config("[verifier]\nurl = \"x\"\n", "f");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, dsmil::Code::config_invalid);
    EXPECT_EQ(wrong.error().detail, "f:2: there is no key verifier.url");
}

} // namespace
} // namespace dsmilctl
