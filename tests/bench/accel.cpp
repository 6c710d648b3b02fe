// SPDX-License-Identifier: Apache-2.0
// The vector engine against the libraries that one would take instead, interleaved
// in one process. tests/bench/run accel builds and runs it.
#include "accel/hashing.hpp"
#include "accel/multibuffer.hpp"
#include "base/sha256.hpp"
#include "interleave.hpp"
#include "rates.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <format>
#include <openssl/evp.h>
#include <random>

namespace {

using bench::Candidate;
using bench::measure;
using bench::print_line;
using dsmil::Bytes;
using dsmil::ByteView;
using dsmil::Hash;
using dsmil::accel::Hash512;
using dsmil::accel::Hashing;
using dsmil::accel::Tier;

using Messages = std::vector<ByteView>;

void say(const std::string &text) {
    std::puts(text.c_str());
}

class Pool {
  public:
    Pool() : bytes_(std::size_t{4} << 20) {
        for (auto &byte : bytes_) {
            byte = static_cast<std::uint8_t>(random_());
        }
    }

    // Of lengths least ... most, one behind the other.
    [[nodiscard]] Messages messages(std::size_t number, std::size_t least, std::size_t most) {
        Messages made;
        std::size_t at = 0;
        for (std::size_t i = 0; i < number; i++) {
            const std::size_t length = least + random_() % (most - least + 1);
            made.emplace_back(bytes_.data() + at, length);
            at += length;
        }
        return made;
    }
    [[nodiscard]] std::span<const Hash> hashes(std::size_t number) const {
        return {reinterpret_cast<const Hash *>(bytes_.data()), number};
    }

  private:
    std::mt19937 random_{1}; // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
    Bytes bytes_;
};

// OpenSSL with an algorithm fetched once and a context that is used again, which is its fastest way.
const EVP_MD *fetched(const char *name) {
    const EVP_MD *const algorithm = EVP_MD_fetch(nullptr, name, nullptr);
    if (algorithm == nullptr) {
        std::abort();
    }
    return algorithm;
}
const EVP_MD *const openssl_sha256 = fetched("SHA256");
const EVP_MD *const openssl_sha512 = fetched("SHA512");

void openssl(const EVP_MD *algorithm, const Messages &messages, std::uint8_t *digests, std::size_t size) {
    thread_local EVP_MD_CTX *const context = EVP_MD_CTX_new();
    for (std::size_t i = 0; i < messages.size(); i++) {
        if (EVP_DigestInit_ex2(context, algorithm, nullptr) != 1 ||
            EVP_DigestUpdate(context, messages[i].data(), messages[i].size()) != 1 ||
            EVP_DigestFinal_ex(context, digests + i * size, nullptr) != 1) {
            std::abort();
        }
    }
}

// Intel's library called bare: bursts without checks.
void multibuffer(IMB_MGR *manager, IMB_HASH_ALG algorithm, const Messages &messages, std::uint8_t *digests,
                 std::size_t size) {
    static std::array<IMB_JOB, IMB_MAX_BURST_SIZE> jobs;
    for (std::size_t done = 0; done < messages.size();) {
        const std::size_t now = std::min<std::size_t>(messages.size() - done, jobs.size());
        for (std::size_t i = 0; i < now; i++) {
            jobs[i].src = messages[done + i].data();
            jobs[i].hash_start_src_offset_in_bytes = 0;
            jobs[i].msg_len_to_hash_in_bytes = messages[done + i].size();
            jobs[i].auth_tag_output = digests + (done + i) * size;
            jobs[i].auth_tag_output_len_in_bytes = size;
            jobs[i].hash_alg = algorithm;
        }
        if (IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs.data(), static_cast<std::uint32_t>(now), algorithm) !=
            now) {
            std::abort();
        }
        done += now;
    }
}

class Sha {
  public:
    explicit Sha(Tier best) : best_(best), ours_(best), middle_(std::min(best, Tier::avx2)) {
        for (const Tier tier : {Tier::avx2, Tier::avx512}) {
            if (tier <= best) {
                const auto made = dsmil::accel::multibuffer_of_thread(tier);
                if (!made) {
                    std::abort();
                }
                managers_.push_back(*made);
            }
        }
    }

    // Ours against OpenSSL and the best of the multi-buffer library's own tiers.
    void batch(const std::string &name, const Messages &messages, double openssl_goal,
               double multibuffer_goal, double blocks_of_one = 0) {
        std::vector<Hash> digests(messages.size());
        std::vector<Candidate> candidates = {
            {"ours", [&] { run(ours_, messages, digests); }},
            {"OpenSSL", [&] { openssl(openssl_sha256, messages, digests.front().data(), sizeof(Hash)); }}};
        add_multibuffer(candidates, messages, digests);
        report(name, messages.size(), measure(candidates), openssl_goal, multibuffer_goal, blocks_of_one);
    }

    void middle(const std::string &name, const Messages &messages, double goal) {
        std::vector<Hash> digests(messages.size());
        const auto spent = measure(
            {{"ours", [&] { run(middle_, messages, digests); }},
             {"OpenSSL", [&] { openssl(openssl_sha256, messages, digests.front().data(), sizeof(Hash)); }}});
        const auto number = static_cast<double>(messages.size());
        print_line(std::format("SHA-256, {}, tier {} (a message)", name, name_of(middle_.tier())),
                   spent[0] / number, "OpenSSL", spent[1] / number, goal);
    }

    void nodes(const Pool &pool, bool prefixed, double openssl_goal, double multibuffer_goal) {
        constexpr std::size_t number = 256;
        const auto children = pool.hashes(2 * number);
        // What a library hashes: the node as a message.
        std::vector<std::array<std::uint8_t, 65>> whole(number);
        Messages messages;
        for (std::size_t i = 0; i < number; i++) {
            whole[i][0] = 1;
            std::ranges::copy(children[2 * i], whole[i].begin() + 1);
            std::ranges::copy(children[2 * i + 1], whole[i].begin() + 33);
            messages.push_back(ByteView(whole[i]).subspan(prefixed ? 0 : 1));
        }
        std::vector<Hash> parents(number);
        std::vector<Candidate> candidates = {
            {"ours",
             [&] {
                 const auto done = prefixed ? ours_.node_hashes(children, parents)
                                            : ours_.plain_node_hashes(children, parents);
                 if (!done) {
                     std::abort();
                 }
             }},
            {"OpenSSL", [&] { openssl(openssl_sha256, messages, parents.front().data(), sizeof(Hash)); }}};
        add_multibuffer(candidates, messages, parents);
        report(prefixed ? "nodes of RFC 6962 x256" : "nodes of 64 bytes x256", number, measure(candidates),
               openssl_goal, multibuffer_goal, 0);
    }

    void sha512(const Messages &messages) {
        std::vector<Hash512> digests(messages.size());
        const auto spent = measure(
            {{"ours",
              [&] {
                  if (!ours_.hash512_many(messages, digests)) {
                      std::abort();
                  }
              }},
             {"OpenSSL", [&] { openssl(openssl_sha512, messages, digests.front().data(), sizeof(Hash512)); }},
             {"ipsec-mb", [&] {
                  multibuffer(managers_.back(), IMB_AUTH_SHA_512, messages, digests.front().data(),
                              sizeof(Hash512));
              }}});
        const auto number = static_cast<double>(messages.size());
        print_line("SHA-512, 1 KiB x128 (a message)", spent[0] / number, "OpenSSL", spent[1] / number, 3.0);
        print_line("SHA-512, 1 KiB x128 (a message)", spent[0] / number, "ipsec-mb called bare",
                   spent[2] / number, 0.97);
    }

  private:
    static void run(const Hashing &hashing, const Messages &messages, std::span<Hash> digests) {
        if (!hashing.hash_many(messages, digests)) {
            std::abort();
        }
    }

    void add_multibuffer(std::vector<Candidate> &candidates, const Messages &messages,
                         std::span<Hash> digests) const {
        for (auto *const manager : managers_) {
            candidates.push_back({"ipsec-mb", [manager, &messages, digests] {
                                      multibuffer(manager, IMB_AUTH_SHA_256, messages, digests.front().data(),
                                                  sizeof(Hash));
                                  }});
        }
    }

    void report(const std::string &name, std::size_t messages, std::vector<double> spent, double openssl_goal,
                double multibuffer_goal, double blocks_of_one) const {
        for (auto &one : spent) {
            one /= static_cast<double>(messages);
        }
        const auto title = std::format("SHA-256, {} (a message)", name);
        print_line(title, spent[0], "OpenSSL", spent[1], openssl_goal);
        if (spent.size() > 2) {
            const auto best = std::min_element(spent.begin() + 2, spent.end());
            print_line(title, spent[0],
                       std::format("ipsec-mb {}", best == spent.begin() + 2 ? "AVX2 (SHA-NI)" : "AVX-512"),
                       *best, multibuffer_goal);
        }
        if (blocks_of_one != 0 && best_ == Tier::avx512) {
            const double limit = blocks_of_one * bench::sha256_limit_ns();
            say(std::format("  {:.1f} ns are the limit of sixteen lanes here: {:.0f} % of it", limit,
                            100 * limit / spent[0]));
        }
    }

    Tier best_;
    Hashing ours_;
    Hashing middle_;
    std::vector<IMB_MGR *> managers_;
};

double mean_blocks(const Messages &messages) {
    double blocks = 0;
    for (const auto message : messages) {
        blocks += static_cast<double>((message.size() + 8) / 64 + 1);
    }
    return blocks / static_cast<double>(messages.size());
}

} // namespace

int main() {
    const auto tier = dsmil::accel::selected_tier();
    if (!tier || *tier == Tier::reference) {
        std::fputs("bench: the reference tier is the measure of the others; there is nothing to compare\n",
                   stderr);
        return 1;
    }
    say(std::format("processor {}, tier {}", dsmil::accel::features().model, name_of(*tier)));
    bench::print_rates(*tier == Tier::avx512);
    Pool pool;
    Sha sha(*tier);
    const auto leaves = pool.messages(1024, 40, 120);
    const auto ragged = pool.messages(128, 100, 1000);
    const auto equal = pool.messages(128, 16384, 16384);
    sha.batch("log leaves of 40 to 120 bytes x1024", leaves, 2.0, 2.7, mean_blocks(leaves));
    sha.batch("100 to 1,000 bytes x128", ragged, 2.1, 1.9, mean_blocks(ragged));
    sha.batch("16 KiB x128", equal, 2.25, 1.03, mean_blocks(equal));
    sha.nodes(pool, true, 2.7, 2.7);
    sha.nodes(pool, false, 3.5, 3.5);
    sha.batch("1 KiB x8", pool.messages(8, 1024, 1024), 1.3, 1.0);
    sha.batch("1 KiB x2", pool.messages(2, 1024, 1024), 1.3, 1.0);
    sha.middle("100 to 1,000 bytes x128", ragged, 1.3);
    sha.middle("log leaves of 40 to 120 bytes x1024", leaves, 1.3);
    sha.sha512(pool.messages(128, 1024, 1024));
    return 0;
}
