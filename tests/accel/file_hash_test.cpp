// SPDX-License-Identifier: Apache-2.0
#include "accel/file_hash.hpp"
#include "support.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <openssl/evp.h>

namespace {

using dsmil::Bytes;
using dsmil::Code;
using dsmil::accel::Algorithm;
using dsmil::accel::hash_files;
using dsmil::accel::Hashing;
using dsmil::accel::max_batch_files;
using dsmil::accel::max_batched_file_bytes;

class Files : public accel_test::EachTier {
  protected:
    void SetUp() override {
        EachTier::SetUp();
        auto text = (std::filesystem::temp_directory_path() / "dsmil-accel-XXXXXX").string();
        ASSERT_NE(mkdtemp(text.data()), nullptr);
        folder_ = text;
    }
    void TearDown() override {
        if (!folder_.empty()) {
            std::filesystem::remove_all(folder_);
        }
    }
    [[nodiscard]] std::string file(const std::string &name, const Bytes &content) const {
        const auto path = folder_ + "/" + name;
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char *>(content.data()),
                   static_cast<std::streamsize>(content.size()));
        return path;
    }

    std::string folder_;
};
DSMIL_EACH_TIER(Files);

Bytes digest(const Bytes &content, const EVP_MD *algorithm) {
    Bytes made(static_cast<std::size_t>(EVP_MD_get_size(algorithm)));
    EXPECT_EQ(EVP_Digest(content.data(), content.size(), made.data(), nullptr, algorithm, nullptr), 1);
    return made;
}

TEST_P(Files, small_and_large_ones_are_hashed_in_their_order) {
    std::vector<std::string> paths;
    std::vector<Bytes> expected;
    std::vector<Bytes> expected512;
    // Around what is read at once, and more files than a batch takes.
    std::vector<std::size_t> sizes = {0,
                                      1,
                                      max_batched_file_bytes - 1,
                                      max_batched_file_bytes,
                                      max_batched_file_bytes + 1,
                                      2 * max_batched_file_bytes,
                                      77};
    for (std::size_t i = 0; i < max_batch_files + 3; i++) {
        sizes.push_back(i % 150);
    }
    for (std::size_t i = 0; i < sizes.size(); i++) {
        const auto content = accel_test::random_bytes(sizes[i], i);
        paths.push_back(file(std::to_string(i), content));
        expected.push_back(digest(content, EVP_sha256()));
        expected512.push_back(digest(content, EVP_sha512()));
    }
    const Hashing hashing(GetParam());
    EXPECT_TRUE(hash_files(hashing, Algorithm::sha256, paths) == expected);
    EXPECT_TRUE(hash_files(hashing, Algorithm::sha512, paths) == expected512);
}

TEST_P(Files, one_that_cannot_be_read_is_the_error) {
    const Hashing hashing(GetParam());
    const auto good = file("good", {1, 2, 3});
    EXPECT_EQ(hash_files(hashing, Algorithm::sha256, {good, folder_ + "/missing"}).error().code,
              Code::not_found);
    EXPECT_EQ(hash_files(hashing, Algorithm::sha256, {good, folder_}).error().code, Code::failed)
        << "a folder";
    EXPECT_EQ(hash_files(hashing, Algorithm::sha256, {}), std::vector<Bytes>{});
}

} // namespace
