// SPDX-License-Identifier: Apache-2.0
// Files that appear whole or not at all.
#pragma once

#include "dsmil/error.hpp"
#include "dsmil/fd.hpp"

#include <string>
#include <string_view>

namespace dsmilctl {

// A file being written beside its place. Until publish() nothing has its name;
// when the object goes without that, the unfinished file goes too.
class NewFile {
  public:
    // exists if `path` does; permission, not_found, disk_full or failed.
    [[nodiscard]] static dsmil::Result<NewFile> make(std::string path);
    NewFile(NewFile &&) noexcept;
    NewFile &operator=(NewFile &&) = delete;
    ~NewFile();

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] dsmil::Result<void> write(std::string_view bytes) const;
    // Durable, and under its name; exists if something took the name meanwhile.
    [[nodiscard]] dsmil::Result<void> publish();
    // Both: the whole content.
    [[nodiscard]] dsmil::Result<void> publish(std::string_view content);

  private:
    NewFile(std::string path, std::string partial, dsmil::Fd fd)
        : path_(std::move(path)), partial_(std::move(partial)), fd_(std::move(fd)) {}
    std::string path_;
    std::string partial_; // empty once published
    dsmil::Fd fd_;
};

// At most `limit` bytes of a file; not_found, permission, failed.
[[nodiscard]] dsmil::Result<std::string> read_file(const std::string &path, std::size_t limit);

// True if it made the folder, false if it was there; the errors of NewFile::make().
[[nodiscard]] dsmil::Result<bool> make_folder(const std::string &path);

} // namespace dsmilctl
