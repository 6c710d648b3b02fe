// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <format>
#include <sys/file.h>
#include <sys/stat.h>

namespace dsmil {
namespace {

std::unexpected<Error> file_error(const std::string &what, int number) {
    Code code = Code::failed;
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        code = Code::not_found;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        code = Code::permission;
        break;
    case ENOSPC:
    case EDQUOT:
        code = Code::disk_full;
        break;
    default:
        break;
    }
    return fail_errno(code, what, number);
}

Result<void> write_all(int fd, ByteView content, const std::string &what) {
    while (!content.empty()) {
        const ssize_t count = ::write(fd, content.data(), content.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return file_error(what, errno);
        }
        content = content.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

Result<void> write_and_sync(const std::string &path, ByteView content, unsigned mode) {
    const auto what = std::format("writing {}", path);
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!fd) {
        return file_error(what, errno);
    }
    if (auto written = write_all(fd.get(), content, what); !written) {
        return written;
    }
    if (::fsync(fd.get()) != 0) {
        return file_error(what, errno);
    }
    return {};
}

} // namespace

Result<std::string> read_file(const std::string &path, std::size_t max_bytes) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        return file_error(std::format("opening {}", path), errno);
    }
    std::string text;
    std::array<char, 4096> chunk{};
    for (;;) {
        const ssize_t count = ::read(fd.get(), chunk.data(), chunk.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return file_error(std::format("reading {}", path), errno);
        }
        if (count == 0) {
            return text;
        }
        text.append(chunk.data(), static_cast<std::size_t>(count));
        if (text.size() > max_bytes) {
            return fail(Code::failed, std::format("{} has more than {} bytes", path, max_bytes));
        }
    }
}

Result<void> write_file(const std::string &path, ByteView content, unsigned mode) {
    const std::string temporary = path + ".new";
    auto written = write_and_sync(temporary, content, mode);
    if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
        written = file_error(std::format("renaming {}", temporary), errno);
    }
    if (!written) {
        ::unlink(temporary.c_str());
        return written;
    }
    const auto parent = std::filesystem::path(path).parent_path();
    const Fd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) {
        return file_error(std::format("syncing {}", parent.string()), errno);
    }
    return {};
}

Result<Fd> lock_directory(const std::string &path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        return file_error(std::format("opening the directory {}", path), errno);
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return fail(Code::conflict, std::format("another dsmild runs on {}", path));
        }
        return file_error(std::format("locking {}", path), errno);
    }
    return fd;
}

} // namespace dsmil
