// SPDX-License-Identifier: Apache-2.0
#include "ledger/tile_path.hpp"

#include "ledger/tree.hpp"

#include <format>

namespace dsmil::ledger {
namespace {

std::string path(std::string prefix, std::uint64_t index, std::uint64_t width) {
    std::string groups = std::format("{:03}", index % 1000);
    for (index /= 1000; index > 0; index /= 1000) {
        groups = std::format("x{:03}/{}", index % 1000, groups);
    }
    prefix += groups;
    return width < tile_width ? std::format("{}.p/{}", prefix, width) : prefix;
}

} // namespace

std::string tile_path(unsigned level, std::uint64_t index, std::uint64_t width) {
    return path(std::format("tile/{}/", level), index, width);
}

std::string entries_path(std::uint64_t index, std::uint64_t width) {
    return path("tile/entries/", index, width);
}

} // namespace dsmil::ledger
