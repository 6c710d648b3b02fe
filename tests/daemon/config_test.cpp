// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"
#include "config/config.hpp"
#include "support.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

namespace dsmil {
namespace {

std::string complaint(std::string_view text) {
    const auto config = parse_config(text, "f.toml");
    if (config) {
        return "";
    }
    EXPECT_EQ(config.error().code, Code::config_invalid);
    return config.error().detail;
}

TEST(Config, NamesTheLineOfAnUnknownKey) {
    EXPECT_EQ(complaint("[ledger]\norigin = \"a\"\norigine = \"b\"\n"),
              "f.toml:3: there is no key ledger.origine");
    EXPECT_EQ(complaint("\n[nonsense]\n"), "f.toml:2: there is no section nonsense");
    EXPECT_EQ(complaint("state_dir = \"/x\"\n"), "f.toml:1: there is no key state_dir");
    EXPECT_EQ(complaint("ledger = 1\n"), "f.toml:1: ledger must be a section");
}

TEST(Config, NamesTheLineAndTheKeyOfAWrongType) {
    EXPECT_EQ(complaint("[ledger]\nstate_dir = 1\n"), "f.toml:2: ledger.state_dir must be a string");
    EXPECT_EQ(complaint("[ledger]\nmax_bytes = \"1\"\n"),
              "f.toml:2: ledger.max_bytes must be a whole number");
    EXPECT_EQ(complaint("[ledger]\nmax_bytes = 1.5\n"), "f.toml:2: ledger.max_bytes must be a whole number");
    EXPECT_EQ(complaint("[device]\nfollow = 1\n"), "f.toml:2: device.follow must be true or false");
    EXPECT_EQ(complaint("[roles]\nreader = \"dsmil\"\n"),
              "f.toml:2: roles.reader must be an array of at most 16 strings");
    EXPECT_EQ(complaint("[roles]\nreader = [1]\n"),
              "f.toml:2: roles.reader must be an array of strings that are not empty");
    EXPECT_EQ(complaint("[tpm.tcti]\n"), "f.toml:1: tpm.tcti must be a string");
}

TEST(Config, NamesTheRangeOfAWrongValue) {
    EXPECT_EQ(complaint("[ledger]\ncheckpoint_interval_ms = 999\n"),
              "f.toml:2: ledger.checkpoint_interval_ms must be from 1000 to 3600000");
    EXPECT_EQ(complaint("[ledger]\nmax_bytes = -1\n"),
              "f.toml:2: ledger.max_bytes must be from 0 to 8796093022208");
    EXPECT_EQ(complaint("[ledger]\nanchor_interval_ms = 599999\n"),
              "f.toml:2: ledger.anchor_interval_ms must be from 600000 to 86400000");
    EXPECT_NE(complaint("[ledger]\nanchors_per_day = 4\n").find("must be 0 or at least 5"),
              std::string::npos);
    EXPECT_EQ(complaint("[ledger]\nstate_dir = \"relative\"\n"),
              "f.toml:2: ledger.state_dir must be an absolute path");
    EXPECT_EQ(complaint("[log]\nlevel = \"loud\"\n"),
              "f.toml:2: log.level must be one of \"debug\", \"info\", \"warning\", \"error\"");
    EXPECT_EQ(complaint("[tpm]\ntcti = \"\"\n"), "f.toml:2: tpm.tcti must not be empty");
    EXPECT_EQ(complaint("[api]\nsocket = \"/" + std::string(107, 'a') + "\"\n"),
              "f.toml:2: api.socket must have at most 107 bytes");
}

TEST(Config, SurvivesWhatTheParserDidNotExpect) {
    EXPECT_TRUE(complaint("[,").starts_with("f.toml:1: ")) << complaint("[,");
    EXPECT_TRUE(complaint("[[,").starts_with("f.toml:1: ")) << complaint("[[,");
    EXPECT_TRUE(complaint("\u03b3").starts_with("f.toml:1: ")) << complaint("\u03b3");
}

TEST(Config, NamesTheLineOfWhatIsNoToml) {
    EXPECT_TRUE(complaint("[ledger]\norigin = \n").starts_with("f.toml:2: "))
        << complaint("[ledger]\norigin = \n");
    EXPECT_TRUE(complaint("[ledger\n").starts_with("f.toml:1: "));
    EXPECT_TRUE(complaint("[ledger]\norigin = \"a\"\norigin = \"b\"\n").starts_with("f.toml:3: "));
}

TEST(Config, ThatIsNotThereIsNamed) {
    const auto config = read_config("/nonexistent/dsmild.toml");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().code, Code::config_invalid);
    EXPECT_NE(config.error().causes.front().find("/nonexistent/dsmild.toml"), std::string::npos);
}

TEST(Config, OfNothingIsTheDefaults) {
    const auto config = parse_config("", "empty");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->ledger.state_dir, "/var/lib/dsmil");
    EXPECT_TRUE(config->device.follow);
}

TEST(Config, TakesWhatItSays) {
    const auto config =
        parse_config("[ledger]\ncheckpoint_interval_ms = 5000\n[roles]\nadmin = [\"a\", \"b\"]\n"
                     "[log]\ntarget = \"journal\"\nlevel = \"error\"\n",
                     "f");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->ledger.checkpoint_interval, std::chrono::seconds(5));
    EXPECT_EQ(config->roles.admin, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(config->log.target, LogTarget::journal);
    EXPECT_EQ(config->log.level, LogLevel::error);
}

// The documented file: every key with its default, and none besides.
class DocumentedConfig : public testing::Test {
  protected:
    std::string text = read_file(test::source_path("docs/dsmild.toml"), 1 << 20).value();
};

TEST_F(DocumentedConfig, HasEveryKey) {
    for (const auto &key : config_keys()) {
        const auto name = key.substr(key.find('.') + 1);
        EXPECT_NE(text.find("\n" + name + " = "), std::string::npos) << key;
    }
}

TEST_F(DocumentedConfig, SaysTheDefaults) {
    const auto documented = parse_config(text, "docs/dsmild.toml");
    ASSERT_TRUE(documented) << documented.error().detail;
    const Config defaults;
    EXPECT_EQ(documented->ledger.state_dir, defaults.ledger.state_dir);
    EXPECT_EQ(documented->ledger.origin, defaults.ledger.origin);
    EXPECT_EQ(documented->ledger.checkpoint_interval, defaults.ledger.checkpoint_interval);
    EXPECT_EQ(documented->ledger.evidence_interval, defaults.ledger.evidence_interval);
    EXPECT_EQ(documented->ledger.anchors_per_day, defaults.ledger.anchors_per_day);
    EXPECT_EQ(documented->ledger.anchor_interval, defaults.ledger.anchor_interval);
    EXPECT_EQ(documented->ledger.max_bytes, defaults.ledger.max_bytes);
    EXPECT_EQ(documented->tpm.tcti, defaults.tpm.tcti);
    EXPECT_EQ(documented->tpm.limits.extend_pcrs, defaults.tpm.limits.extend_pcrs);
    EXPECT_EQ(documented->tpm.limits.nv_first, defaults.tpm.limits.nv_first);
    EXPECT_EQ(documented->tpm.limits.nv_last, defaults.tpm.limits.nv_last);
    EXPECT_EQ(documented->tpm.limits.nv_writes_per_day, defaults.tpm.limits.nv_writes_per_day);
    EXPECT_EQ(documented->response.rules, defaults.response.rules);
    EXPECT_EQ(documented->device.follow, defaults.device.follow);
    EXPECT_EQ(documented->device.nodes, defaults.device.nodes);
    EXPECT_EQ(documented->api.socket, defaults.api.socket);
    EXPECT_EQ(documented->api.group, defaults.api.group);
    EXPECT_EQ(documented->roles.reader, defaults.roles.reader);
    EXPECT_EQ(documented->roles.operator_, defaults.roles.operator_);
    EXPECT_EQ(documented->roles.approver, defaults.roles.approver);
    EXPECT_EQ(documented->roles.admin, defaults.roles.admin);
    EXPECT_EQ(documented->log.target, defaults.log.target);
    EXPECT_EQ(documented->log.level, defaults.log.level);
}

} // namespace
} // namespace dsmil
