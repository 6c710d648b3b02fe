// SPDX-License-Identifier: Apache-2.0
// The kernels over memory of which only the messages are initialised; tests/accel/msan builds it.
#include "accel/cpu.hpp"
#include "accel/sha256_kernels.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sanitizer/msan_interface.h>

using dsmil::accel::Sha256Entry;
using dsmil::accel::Sha256Lanes;
namespace accel = dsmil::accel;

namespace {

int number = 0;

void ok(const char *name) {
    std::printf("ok %d %s\n", ++number, name);
}

// All of a digest is made of what was written.
void check(const std::uint8_t *digest, std::size_t bytes) {
    __msan_check_mem_is_initialized(digest, bytes);
}

// Sixteen messages of every length, in memory that is poisoned around them. `length_of` is the
// length of the i-th of those whose longest has `length` bytes.
template <typename LengthOf, typename Kernel>
void every_length(bool zero_before, LengthOf length_of, Kernel kernel) {
    static std::uint8_t pool[16 * 512];  // NOLINT
    static std::uint8_t digests[16][32]; // NOLINT
    for (std::size_t length = 0; length <= 300; length++) {
        __msan_poison(pool, sizeof(pool));
        __msan_poison(digests, sizeof(digests));
        Sha256Entry entries[16];
        for (std::size_t i = 0; i < 16; i++) {
            std::uint8_t *const data = pool + 512 * i + 64;
            const std::size_t some = length_of(i, length);
            std::memset(data, static_cast<int>(i), some);
            entries[i] = {data, some + (zero_before ? 1 : 0), digests[i]};
        }
        kernel(entries);
        check(digests[0], sizeof(digests));
    }
}

void lanes(bool zero_before) {
    every_length(
        zero_before, [](std::size_t i, std::size_t length) { return i % 3 == 0 ? length / 2 : length; },
        [&](Sha256Entry *entries) {
            Sha256Lanes lanes{};
            accel::sha256_lanes_avx512(&lanes, entries, 16, zero_before, 1);
        });
}

void equal(bool zero_before) {
    every_length(
        zero_before, [](std::size_t, std::size_t length) { return length; },
        [&](Sha256Entry *entries) {
            accel::sha256_equal_avx512(entries, (entries[0].size + 8) / 64 + 1, zero_before);
        });
}

void nodes(void (*kernel)(const std::uint8_t *, std::uint8_t *)) {
    static std::uint8_t children[64 + 1024 + 64]; // NOLINT
    static std::uint8_t parents[512];             // NOLINT
    __msan_poison(children, sizeof(children));
    __msan_poison(parents, sizeof(parents));
    std::memset(children + 64, 7, 1024);
    kernel(children + 64, parents);
    check(parents, sizeof(parents));
}

void one(void (*kernel)(std::uint32_t *, const std::uint8_t *, std::size_t)) {
    std::uint8_t data[256]; // NOLINT
    std::memset(data, 1, sizeof(data));
    std::uint32_t state[8]; // NOLINT
    std::memcpy(state, accel::sha256_initial, sizeof(state));
    kernel(state, data, 4);
    check(reinterpret_cast<const std::uint8_t *>(state), sizeof(state));
}

} // namespace

int main() {
    const auto has = accel::features_of(accel::ask_cpu());
    const int tests = 1 + (has.sha ? 1 : 0) + (has.avx512 ? 6 : 0);
    std::printf("1..%d\n", tests);
    one(accel::sha256_one_portable);
    ok("the portable kernel");
    if (has.sha) {
        one(accel::sha256_one_ni);
        ok("SHA-NI");
    }
    if (has.avx512) {
        lanes(false);
        ok("sixteen lanes");
        lanes(true);
        ok("sixteen lanes with a zero before");
        equal(false);
        ok("sixteen equal messages");
        equal(true);
        ok("sixteen equal messages with a zero before");
        nodes(accel::sha256_nodes_prefixed_avx512);
        ok("nodes with a prefix");
        nodes(accel::sha256_nodes_plain_avx512);
        ok("plain nodes");
    }
    return 0;
}
