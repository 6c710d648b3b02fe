// SPDX-License-Identifier: Apache-2.0
// A set of devices that survives: a directory with an empty file for each, whose name is
// the id ("8005"). Nothing is ever read out of the files, so that a program with more
// rights can act on the names. Blocks on the disk.
#pragma once

#include "dsmil/error.hpp"

#include <cstdint>
#include <set>
#include <string>

namespace dsmil::response {

class Marks {
  public:
    explicit Marks(std::string directory) : directory_(std::move(directory)) {}

    // Makes the directory if it is not there. Names of no device are not looked at.
    [[nodiscard]] Result<std::set<std::uint16_t>> open() const;
    // Durable; nothing to do is fine.
    [[nodiscard]] Result<void> add(std::uint16_t device) const;
    [[nodiscard]] Result<void> remove(std::uint16_t device) const;

  private:
    [[nodiscard]] std::string path_of(std::uint16_t device) const;
    std::string directory_;
};

} // namespace dsmil::response
