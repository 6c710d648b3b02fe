// SPDX-License-Identifier: Apache-2.0
#include "accel/sequential.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <openssl/crypto.h>
#include <utility>

namespace dsmil::accel {
namespace {

constexpr std::size_t block_bytes = 64;
constexpr std::size_t length_bytes = 8;

void put_big_endian(std::uint8_t *to, std::uint64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i++) {
        to[i] = static_cast<std::uint8_t>(value >> (8 * (bytes - 1 - i)));
    }
}

// A message, or what is left of one.
struct Rest {
    std::uintptr_t next = 0; // an address: with a zero before it, one less than any object's may be
    std::int64_t left = 0;   // < 0: only padding with the length
    bool zero_before = false;
    std::uint64_t bits = 0; // of the whole message
    std::uint8_t *digest = nullptr;
};

// Its way through the kernel: whole blocks where they lie, the others in a buffer.
class Stream {
  public:
    ~Stream() { OPENSSL_cleanse(this, sizeof(*this)); }

    std::uint32_t state[8];

    void start(const Rest &rest) {
        digest_ = rest.digest;
        runs_ = at_ = 0;
        std::size_t used = 0;
        const auto *data =
            reinterpret_cast<const std::uint8_t *>(rest.next); // NOLINT(performance-no-int-to-ptr)
        auto left = static_cast<std::size_t>(std::max<std::int64_t>(rest.left, 0));
        if (rest.zero_before) {
            // The first block, of which a byte is not in memory.
            const std::size_t taken = std::min(left, block_bytes) - 1;
            buffer_[0] = 0;
            data = reinterpret_cast<const std::uint8_t *>(rest.next + 1); // NOLINT(performance-no-int-to-ptr)
            copy(buffer_.data() + 1, data, taken);
            data += taken;
            left -= taken + 1;
            used = taken + 1;
        }
        if (used == block_bytes) {
            add(buffer_.data(), 1);
        }
        const std::size_t first = used == block_bytes ? block_bytes : 0; // where what is padded begins
        if (left >= block_bytes) {
            const std::size_t whole = left / block_bytes;
            add(data, whole);
            data += whole * block_bytes;
            left -= whole * block_bytes;
        }
        copy(buffer_.data() + used, data, left);
        used += left;
        if (rest.left >= 0) {
            buffer_[used++] = 0x80;
        }
        const std::size_t blocks = (used - first + length_bytes + block_bytes - 1) / block_bytes;
        const std::size_t end = first + blocks * block_bytes;
        std::memset(buffer_.data() + used, 0, end - length_bytes - used);
        put_big_endian(buffer_.data() + end - length_bytes, rest.bits, length_bytes);
        add(buffer_.data() + first, blocks);
    }

    [[nodiscard]] const std::uint8_t *data() const { return run_[at_].data; }
    [[nodiscard]] std::size_t blocks() const { return run_[at_].blocks; }
    // True when the message is hashed; its digest is written then.
    [[nodiscard]] bool advance(std::size_t blocks) {
        auto &run = run_[at_];
        run.data += blocks * block_bytes;
        run.blocks -= blocks;
        if (run.blocks == 0 && ++at_ == runs_) {
            for (std::size_t i = 0; i < std::size(state); i++) {
                put_big_endian(digest_ + 4 * i, state[i], 4);
            }
            return true;
        }
        return false;
    }

  private:
    static void copy(std::uint8_t *to, const std::uint8_t *from, std::size_t bytes) {
        if (bytes != 0) { // an empty message may have no address
            std::memcpy(to, from, bytes);
        }
    }
    void add(const std::uint8_t *data, std::size_t blocks) { run_[runs_++] = {data, blocks}; }

    struct Run {
        const std::uint8_t *data;
        std::size_t blocks;
    };
    std::array<std::uint8_t, 3 * block_bytes> buffer_;
    std::array<Run, 3> run_;
    std::size_t runs_;
    std::size_t at_;
    std::uint8_t *digest_;
};

// `next(stream)` starts the next message in the stream; false when there is none.
template <typename Next>
void drive(const Sha256Kernels &kernels, const Next &next) {
    std::array<Stream, 2> streams;
    bool first = next(streams[0]);
    if (kernels.two != nullptr) {
        bool second = first && next(streams[1]);
        while (first && second) {
            const std::size_t blocks = std::min(streams[0].blocks(), streams[1].blocks());
            kernels.two(streams[0].state, streams[0].data(), streams[1].state, streams[1].data(), blocks);
            first = !streams[0].advance(blocks) || next(streams[0]);
            second = !streams[1].advance(blocks) || next(streams[1]);
        }
        if (second) {
            while (true) {
                const std::size_t blocks = streams[1].blocks();
                kernels.one(streams[1].state, streams[1].data(), blocks);
                if (streams[1].advance(blocks)) {
                    return;
                }
            }
        }
    }
    while (first) {
        const std::size_t blocks = streams[0].blocks();
        kernels.one(streams[0].state, streams[0].data(), blocks);
        first = !streams[0].advance(blocks) || next(streams[0]);
    }
}

} // namespace

void hash_sequentially(const Sha256Kernels &kernels, std::span<const Sha256Entry> entries, bool zero_before) {
    drive(kernels, [&](Stream &stream) {
        if (entries.empty()) {
            return false;
        }
        const auto &entry = entries.front();
        std::copy_n(sha256_initial, std::size(stream.state), stream.state);
        stream.start({.next = reinterpret_cast<std::uintptr_t>(entry.data) - (zero_before ? 1 : 0),
                      .left = static_cast<std::int64_t>(entry.size),
                      .zero_before = zero_before,
                      .bits = entry.size * 8,
                      .digest = entry.digest});
        entries = entries.subspan(1);
        return true;
    });
}

void hash_rest(const Sha256Kernels &kernels, Sha256Lanes &lanes) {
    drive(kernels, [&](Stream &stream) {
        if (lanes.live == 0) {
            return false;
        }
        const auto lane = static_cast<std::size_t>(std::countr_zero(lanes.live));
        for (std::size_t i = 0; i < std::size(stream.state); i++) {
            stream.state[i] = lanes.state[i][lane];
        }
        stream.start({.next = lanes.next[lane],
                      .left = lanes.left[lane],
                      .zero_before = lanes.skip[lane] != 0,
                      .bits = std::uint64_t{lanes.bits_high[lane]} << 32 | lanes.bits_low[lane],
                      .digest = lanes.digest[lane]});
        lanes.live &= lanes.live - 1;
        return true;
    });
}

} // namespace dsmil::accel
