// SPDX-License-Identifier: Apache-2.0
#include "accel/sha512.hpp"

#include "accel/multibuffer.hpp"

#include <array>
#include <memory>
#include <openssl/evp.h>
#include <utility>

namespace dsmil::accel {
namespace {

struct Deleter {
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
    void operator()(EVP_MD *digest) const { EVP_MD_free(digest); }
};

// From so many messages on eight lanes beat one stream (measured; docs/benchmarks.md).
constexpr std::size_t worth_lanes = 3;

// The library counts a message's bytes in 16 bits (its MB_MAX_LEN16).
constexpr std::size_t longest_of_lanes = (1U << 16) - 2;

Result<void> alone(ByteView message, Hash512 &digest) {
    static const std::unique_ptr<EVP_MD, Deleter> algorithm(EVP_MD_fetch(nullptr, "SHA512", nullptr));
    thread_local const std::unique_ptr<EVP_MD_CTX, Deleter> context(EVP_MD_CTX_new());
    if (!algorithm || !context || EVP_DigestInit_ex2(context.get(), algorithm.get(), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), message.data(), message.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) != 1) {
        return fail(Code::failed, "OpenSSL's SHA-512");
    }
    return {};
}

using Jobs = std::array<IMB_JOB, IMB_MAX_BURST_SIZE>;

void describe(IMB_JOB &job, ByteView message, Hash512 &digest) {
    static constexpr std::uint8_t nothing = 0;
    job.src = message.empty() ? &nothing : message.data();
    job.hash_start_src_offset_in_bytes = 0;
    job.msg_len_to_hash_in_bytes = message.size();
    job.auth_tag_output = digest.data();
    job.auth_tag_output_len_in_bytes = sizeof(Hash512);
    job.hash_alg = IMB_AUTH_SHA_512;
}

Result<void> submit(IMB_MGR *manager, Jobs &jobs, std::uint32_t number) {
    if (number != 0 && IMB_SUBMIT_HASH_BURST(manager, jobs.data(), number, IMB_AUTH_SHA_512) != number) {
        return fail(Code::failed, "the multi-buffer library refuses to hash",
                    {imb_get_strerror(imb_get_errno(manager))});
    }
    return {};
}

} // namespace

Result<void> sha512_many(Tier tier, std::span<const ByteView> messages, std::span<Hash512> digests) {
    // Without the library the digests are the same, only later.
    const auto manager = tier == Tier::reference || messages.size() < worth_lanes
                             ? Result<IMB_MGR *>(nullptr)
                             : multibuffer_of_thread(tier);
    thread_local Jobs jobs; // 30 KiB, and all of it is cleared once
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < messages.size(); i++) {
        if (!manager || *manager == nullptr || messages[i].size() > longest_of_lanes) {
            if (auto done = alone(messages[i], digests[i]); !done) {
                return done;
            }
            continue;
        }
        describe(jobs[number++], messages[i], digests[i]);
        if (number == jobs.size()) {
            if (auto done = submit(*manager, jobs, std::exchange(number, 0)); !done) {
                return done;
            }
        }
    }
    return number == 0 ? Result<void>() : submit(*manager, jobs, number);
}

} // namespace dsmil::accel
