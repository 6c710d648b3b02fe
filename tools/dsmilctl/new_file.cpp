// SPDX-License-Identifier: Apache-2.0
#include "new_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <format>
#include <sys/stat.h>
#include <unistd.h>

namespace dsmilctl {
namespace {

using dsmil::Code;

constexpr mode_t private_mode = 0600;

std::unexpected<dsmil::Error> file_error(const std::string &doing, int number) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return dsmil::fail_errno(Code::not_found, doing, number);
    case EACCES:
    case EPERM:
    case EROFS:
        return dsmil::fail_errno(Code::permission, doing, number);
    case EEXIST:
        return dsmil::fail_errno(Code::exists, doing, number);
    case ENOSPC:
    case EDQUOT:
        return dsmil::fail_errno(Code::disk_full, doing, number);
    default:
        return dsmil::fail_errno(Code::failed, doing, number);
    }
}

} // namespace

dsmil::Result<NewFile> NewFile::make(std::string path) {
    if (::access(path.c_str(), F_OK) == 0) {
        return file_error(std::format("making {}", path), EEXIST);
    }
    // Evidence is its owner's until she decides otherwise.
    auto partial = std::format("{}.{}.partial", path, ::getpid());
    dsmil::Fd fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, private_mode));
    if (!fd) {
        return file_error(std::format("making {}", partial), errno);
    }
    return NewFile(std::move(path), std::move(partial), std::move(fd));
}

NewFile::NewFile(NewFile &&other) noexcept
    : path_(std::move(other.path_)), partial_(std::exchange(other.partial_, {})), fd_(std::move(other.fd_)) {}

NewFile::~NewFile() {
    if (!partial_.empty()) {
        ::unlink(partial_.c_str());
    }
}

dsmil::Result<void> NewFile::write(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto written = ::write(fd_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            return file_error(std::format("writing {}", path_), errno);
        }
        bytes.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
    return {};
}

dsmil::Result<void> NewFile::publish() {
    if (::fsync(fd_.get()) != 0) {
        return file_error(std::format("writing {}", path_), errno);
    }
    int failed = ::renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
    if (failed != 0 && errno == EINVAL) { // This file system cannot say "unless it exists".
        failed = ::rename(partial_.c_str(), path_.c_str());
    }
    if (failed != 0) {
        return file_error(std::format("making {}", path_), errno);
    }
    partial_.clear();
    return {};
}

dsmil::Result<bool> make_folder(const std::string &path) {
    if (::mkdir(path.c_str(), S_IRWXU) == 0) {
        return true;
    }
    struct stat status{};
    if (errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
        return false;
    }
    return file_error(std::format("making {}", path), errno);
}

dsmil::Result<void> NewFile::publish(std::string_view content) {
    return write(content).and_then([&] { return publish(); });
}

dsmil::Result<std::string> read_file(const std::string &path, std::size_t limit) {
    // Not to wait for the other end of a pipe that somebody put there.
    const dsmil::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd) {
        return file_error(std::format("opening {}", path), errno);
    }
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return dsmil::fail(Code::usage, std::format("{} is no regular file", path));
    }
    std::string text;
    std::array<char, 4096> chunk{};
    for (;;) {
        const auto got = ::read(fd.get(), chunk.data(), chunk.size());
        if (got < 0 && errno != EINTR) {
            return file_error(std::format("reading {}", path), errno);
        }
        if (got == 0) {
            return text;
        }
        text.append(chunk.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
        if (text.size() > limit) {
            return dsmil::fail(Code::usage, std::format("{} is larger than {} bytes", path, limit));
        }
    }
}

} // namespace dsmilctl
