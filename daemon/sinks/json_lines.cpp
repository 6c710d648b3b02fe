// SPDX-License-Identifier: Apache-2.0
#include "dsmil/fd.hpp"
#include "sinks/record_text.hpp"
#include "sinks/sink.hpp"

#include <cerrno>
#include <fcntl.h>
#include <format>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace dsmil::sinks {
namespace {

class JsonLines final : public Sink {
  public:
    explicit JsonLines(std::string path) : path_(std::move(path)) {}

    Result<Delivery> send(std::span<const ledger::Record> records) override {
        if (auto opened = open(); !opened) {
            return std::unexpected(std::move(opened.error()));
        }
        std::string lines;
        for (const auto &record : records) {
            lines += json_text(record) + "\n";
        }
        const off_t before = ::lseek(file_.get(), 0, SEEK_END);
        if (auto written = write(lines); !written) {
            // Half a line would be none of ours.
            if (::ftruncate(file_.get(), before) != 0) {
                file_ = Fd();
            }
            return std::unexpected(std::move(written.error()));
        }
        return Delivery{.next = records.back().sequence + 1, .refused = 0};
    }

  private:
    std::unexpected<Error> error() const {
        const Code code = errno == ENOSPC || errno == EDQUOT ? Code::disk_full
                          : errno == EACCES                  ? Code::permission
                                                             : Code::failed;
        return fail_errno(code, std::format("writing {}", path_), errno);
    }

    // Anew when the name stands for another file, or for none.
    Result<void> open() {
        struct stat named{};
        struct stat held{};
        if (file_ && ::stat(path_.c_str(), &named) == 0 && ::fstat(file_.get(), &held) == 0 &&
            named.st_ino == held.st_ino && named.st_dev == held.st_dev) {
            return {};
        }
        file_ = Fd(
            ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0640));
        if (!file_ || ::fstat(file_.get(), &held) != 0) {
            return error();
        }
        if (!S_ISREG(held.st_mode)) {
            file_ = Fd();
            return fail(Code::failed, std::format("{} is no file", path_));
        }
        char last = '\n';
        if (held.st_size > 0 && ::pread(file_.get(), &last, 1, held.st_size - 1) != 1) {
            return error();
        }
        return last == '\n' ? Result<void>{} : write("\n"); // the end of a line that a crash cut
    }

    Result<void> write(std::string_view text) {
        while (!text.empty()) {
            const ssize_t wrote = ::write(file_.get(), text.data(), text.size());
            if (wrote < 0 && errno != EINTR) {
                return error();
            }
            text.remove_prefix(wrote < 0 ? 0 : static_cast<std::size_t>(wrote));
        }
        return ::fdatasync(file_.get()) == 0 ? Result<void>{} : error();
    }

    std::string path_;
    Fd file_;
};

} // namespace

std::unique_ptr<Sink> json_lines_sink(std::string path) {
    return std::make_unique<JsonLines>(std::move(path));
}

} // namespace dsmil::sinks
