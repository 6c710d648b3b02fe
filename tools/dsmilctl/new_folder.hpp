// SPDX-License-Identifier: Apache-2.0
// Several files of a folder that appear all, or none and no new folder.
#pragma once

#include "new_file.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dsmilctl {

class NewFolder {
  public:
    // The folder, if it is not there, and places for these files; exists if one of them is there.
    // Made before who answers is asked, so that the answer is not lost for want of a place.
    [[nodiscard]] static dsmil::Result<NewFolder> make(const std::string &folder,
                                                       std::span<const std::string> names);
    NewFolder(NewFolder &&other) noexcept;
    NewFolder &operator=(NewFolder &&) = delete;
    // Takes what is not published away again.
    ~NewFolder();

    // One for each name, in that order.
    [[nodiscard]] dsmil::Result<void> keep(std::span<const std::string_view> contents);

  private:
    NewFolder(std::string folder, bool made, std::span<const std::string> names)
        : folder_(std::move(folder)), made_(made), names_(names.begin(), names.end()) {}
    std::string folder_;
    bool made_;
    std::vector<std::string> names_;
    std::vector<NewFile> files_;
};

} // namespace dsmilctl
