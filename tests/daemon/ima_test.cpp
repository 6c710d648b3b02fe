// SPDX-License-Identifier: Apache-2.0
// The kernel's list of measured files.
#include "attest/ima.hpp"
#include "base/sha256.hpp"
#include "log_support.hpp"

#include <format>
#include <gtest/gtest.h>

namespace dsmil::attest {
namespace {

using test::extended_with;
using test::ima_ng;

Result<std::vector<ImaEntry>> parse(std::string_view text) {
    return parse_ima_list(as_bytes(text));
}

void refuses(ByteView list, Code code, const std::string &why) {
    const auto parsed = parse_ima_list(list);
    ASSERT_FALSE(parsed) << why;
    EXPECT_EQ(parsed.error().code, code);
    EXPECT_NE(parsed.error().detail.find(why), std::string::npos) << parsed.error().detail;
}

TEST(Ima, BothFormsSayTheSame) {
    const auto one = ima_ng("boot_aggregate");
    const auto two = ima_ng("/usr/bin/true");
    Bytes binary = one.binary;
    binary.insert(binary.end(), two.binary.begin(), two.binary.end());
    for (const auto &parsed : {parse(one.ascii + two.ascii), parse_ima_list(binary)}) {
        ASSERT_TRUE(parsed) << parsed.error().detail;
        ASSERT_EQ(parsed->size(), 2U);
        const auto &entry = parsed->at(1);
        EXPECT_EQ(entry.pcr, 10U);
        EXPECT_EQ(entry.path, "/usr/bin/true");
        EXPECT_EQ(entry.template_name, "ima-ng");
        EXPECT_FALSE(entry.violation);
        EXPECT_TRUE(entry.file_digest == sha256(as_bytes("/usr/bin/true")));
        EXPECT_TRUE(entry.extended == two.extended);
    }
}

TEST(Ima, ThePcrSaysHowMuchOfTheListWasQuoted) {
    const std::array lines = {ima_ng("a"), ima_ng("b"), ima_ng("c")};
    const auto list = parse(lines[0].ascii + lines[1].ascii + lines[2].ascii).value();
    EXPECT_EQ(quoted_prefix(list, 10, Bytes(32)), 0U);
    EXPECT_EQ(quoted_prefix(list, 10, extended_with({lines[0].extended, lines[1].extended})), 2U);
    EXPECT_EQ(
        quoted_prefix(list, 10, extended_with({lines[0].extended, lines[1].extended, lines[2].extended})),
        3U);
    EXPECT_FALSE(quoted_prefix(list, 10, extended_with({lines[1].extended})));
    EXPECT_FALSE(quoted_prefix(list, 11, extended_with({lines[0].extended})));
}

TEST(Ima, AViolationExtendsOnesAndSaysNothingOfTheFile) {
    const auto line = ima_ng("/var/log/open", true);
    const auto list = parse(line.ascii).value();
    EXPECT_TRUE(list[0].violation);
    EXPECT_EQ(quoted_prefix(list, 10, extended_with({Bytes(32, 0xFF)})), 1U);
    EXPECT_TRUE(parse_ima_list(line.binary).value()[0].violation);
}

TEST(Ima, AnEntryThatWasChangedIsNoticed) {
    auto text = ima_ng("/usr/bin/true").ascii;
    text.replace(text.find("/usr/bin"), 8, "/tmp/bin");
    refuses(as_bytes(text), Code::attestation_failed, "the hash of entry 1 is not that of its content");
    auto binary = ima_ng("/usr/bin/true").binary;
    binary.at(binary.size() - 3) ^= 1;
    refuses(binary, Code::attestation_failed, "the hash of entry 1 is not that of its content");
}

TEST(Ima, TheOldTemplateHashesAPaddedName) {
    const auto file = digest(HashAlg::sha1, as_bytes("content"));
    Bytes hashed(file.view().begin(), file.view().end());
    const std::string path = "/usr/bin/a file";
    hashed.insert(hashed.end(), path.begin(), path.end());
    hashed.resize(20 + 256);
    const auto listed = digest(HashAlg::sha1, hashed);
    const auto text = std::format("10 {} ima {} {}\n", to_hex(listed.view()), to_hex(file.view()), path);
    const auto parsed = parse(text);
    ASSERT_TRUE(parsed) << parsed.error().detail;
    EXPECT_EQ(parsed->at(0).path, path);
    EXPECT_TRUE(parsed->at(0).extended == sha256(hashed));

    Bytes binary;
    test::put_little(binary, 10, 4);
    binary.insert(binary.end(), listed.view().begin(), listed.view().end());
    test::put_little(binary, 3, 4);
    binary.insert(binary.end(), {'i', 'm', 'a'});
    binary.insert(binary.end(), file.view().begin(), file.view().end());
    test::put_little(binary, path.size(), 4);
    binary.insert(binary.end(), path.begin(), path.end());
    EXPECT_EQ(parse_ima_list(binary).value().at(0).path, path);
}

TEST(Ima, ASignatureIsPartOfWhatIsHashed) {
    // Its third field, which may be empty.
    for (const std::string signature : {"", "0302"}) {
        auto line = ima_ng("/usr/bin/true");
        Bytes data(line.binary.begin() + 4 + 20 + 4 + 6 + 4, line.binary.end());
        test::put_little(data, signature.size() / 2, 4);
        const auto raw = from_hex(signature).value();
        data.insert(data.end(), raw.begin(), raw.end());
        const auto listed = digest(HashAlg::sha1, data);
        const auto file = to_hex(sha256(as_bytes("/usr/bin/true")));
        const auto text =
            std::format("10 {} ima-sig sha256:{} /usr/bin/true {}\n", to_hex(listed.view()), file, signature);
        const auto parsed = parse(text);
        ASSERT_TRUE(parsed) << parsed.error().detail;
        EXPECT_TRUE(parsed->at(0).extended == sha256(data));
        EXPECT_EQ(parsed->at(0).path, "/usr/bin/true");
    }
}

TEST(Ima, AListOfTheSha256BankIsTakenToo) {
    const auto line = ima_ng("/usr/bin/true");
    auto text = line.ascii;
    text.replace(3, 40, to_hex(line.extended));
    EXPECT_TRUE(parse(text).value().at(0).extended == line.extended);
}

TEST(Ima, WhatIsNoListIsMalformed) {
    const auto good = ima_ng("/usr/bin/true").ascii;
    for (const auto &text : std::vector<std::string>{
             "hello\n", "10\n", "10 00\n", "x" + good.substr(1), "24" + good.substr(2), "\n",
             "10 " + std::string(40, '1') + " ima-new sha256:00 /x\n",
             "10 " + std::string(40, '1') + " ima-ng md5:00 /x\n",
             "10 " + std::string(40, '1') + " ima-ng sha256:00 /x\n",
             "10 " + std::string(40, '1') + " ima-ng sha256:zz /x\n",
             "10 " + std::string(40, '1') + " ima-ng\n", "10 " + std::string(40, '1') + " ima 00 /x\n"}) {
        refuses(as_bytes(text), Code::malformed, "entry 1");
    }
    EXPECT_TRUE(parse("").value().empty());
}

TEST(Ima, EveryCutListIsRefused) {
    const auto line = ima_ng("/usr/bin/true");
    for (std::size_t size = 1; size < line.binary.size(); size++) {
        EXPECT_FALSE(parse_ima_list(ByteView(line.binary).first(size))) << size;
    }
    for (std::size_t size = 1; size < line.ascii.size() - 1; size++) { // The last line's end may be missing.
        EXPECT_FALSE(parse(line.ascii.substr(0, size))) << size;
    }
}

} // namespace
} // namespace dsmil::attest
