// SPDX-License-Identifier: Apache-2.0
// A disk for sqlite on which bad things happen at a chosen moment. It counts
// writes, truncations and syncs of all files; at number `at` it does what `what`
// says. What was written and not synced may or may not be there after a power
// cut, sector by sector, as on a disk with a cache.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace dsmil::test {

enum class Mishap : std::uint8_t {
    none,
    power_cut,   // nothing after it reaches the disk; then restore() leaves what survived
    kill,        // the process dies at once, with SIGKILL
    disk_full,   // this one write says SQLITE_FULL
    input_error, // this one write or sync says SQLITE_IOERR
};

// While it lives it is sqlite's usual file system. One at a time.
class PowerVfs {
  public:
    PowerVfs(Mishap what, std::uint64_t at);
    ~PowerVfs();
    PowerVfs(const PowerVfs &) = delete;
    PowerVfs &operator=(const PowerVfs &) = delete;

    [[nodiscard]] bool happened() const; // the moment has come
    [[nodiscard]] std::uint64_t operations() const;

    // After a power cut, with every file closed: the files as the disk has them.
    // `seed` decides which of the sectors that were not synced survived.
    void restore(std::uint64_t seed) const;
};

} // namespace dsmil::test
