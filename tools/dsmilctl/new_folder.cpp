// SPDX-License-Identifier: Apache-2.0
#include "new_folder.hpp"

#include <format>
#include <unistd.h>
#include <utility>

namespace dsmilctl {

using dsmil::Result;

Result<NewFolder> NewFolder::make(const std::string &folder, std::span<const std::string> names) {
    const auto made = make_folder(folder);
    if (!made) {
        return std::unexpected(made.error());
    }
    NewFolder place(folder, *made, names);
    for (const auto &name : names) {
        auto file = NewFile::make(std::format("{}/{}", folder, name));
        if (!file) {
            return std::unexpected(std::move(file.error()));
        }
        place.files_.push_back(std::move(*file));
    }
    return place;
}

NewFolder::NewFolder(NewFolder &&other) noexcept
    : folder_(std::move(other.folder_)), made_(std::exchange(other.made_, false)),
      names_(std::move(other.names_)), files_(std::move(other.files_)) {}

NewFolder::~NewFolder() {
    files_.clear();
    if (made_) {
        ::rmdir(folder_.c_str()); // Only if it is empty.
    }
}

Result<void> NewFolder::keep(std::span<const std::string_view> contents) {
    for (std::size_t i = 0; i < files_.size(); i++) {
        if (auto written = files_[i].write(contents[i]); !written) {
            return written;
        }
    }
    for (std::size_t i = 0; i < files_.size(); i++) {
        if (auto published = files_[i].publish(); !published) {
            for (std::size_t j = 0; j < i; j++) {
                ::unlink(std::format("{}/{}", folder_, names_[j]).c_str());
            }
            return published;
        }
    }
    return {};
}

} // namespace dsmilctl
