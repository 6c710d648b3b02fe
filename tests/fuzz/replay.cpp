// SPDX-License-Identifier: Apache-2.0
// Gives a fuzzer's corpus to it, without a fuzzing engine: a plain test.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

TEST(Corpus, EveryInputIsHandled) {
    const char *corpus = std::getenv("DSMIL_CORPUS");
    ASSERT_NE(corpus, nullptr);
    unsigned count = 0;
    for (const auto &entry : std::filesystem::directory_iterator(corpus)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
        SCOPED_TRACE(entry.path().filename());
        EXPECT_EQ(
            LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t *>(content.data()), content.size()),
            0);
        count++;
    }
    EXPECT_GT(count, 0U) << "the corpus is empty";
}

} // namespace
