// SPDX-License-Identifier: Apache-2.0
#include "ledger/tiles.hpp"

#include "dsmil/fd.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/database.hpp"
#include "ledger/note.hpp"
#include "ledger/record.hpp"
#include "ledger/schema.hpp"
#include "ledger/tile_path.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <format>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace dsmil::ledger {
namespace {

std::unexpected<Error> write_error(const std::string &path, int number) {
    const Code code = number == ENOSPC || number == EDQUOT ? Code::disk_full
                      : number == EACCES                   ? Code::permission
                      : number == ENOENT                   ? Code::not_found
                                                           : Code::failed;
    return fail_errno(code, std::format("writing {}", path), number);
}

// The folder while it is being written, beside its place; it goes when it was not published.
class Folder {
  public:
    static Result<Folder> make(const std::string &path) {
        std::error_code error;
        if (std::filesystem::exists(path, error) && !std::filesystem::is_empty(path, error)) {
            return fail(Code::exists, std::format("{} is there and not an empty folder", path));
        }
        std::string partial = path + ".partial-XXXXXX";
        if (::mkdtemp(partial.data()) == nullptr) {
            return write_error(path, errno);
        }
        ::chmod(partial.c_str(), 0750); // as the ledger itself: it is not for everybody
        return Folder(path, std::move(partial));
    }
    Folder(Folder &&other) noexcept
        : path_(std::move(other.path_)), partial_(std::exchange(other.partial_, {})), files_(other.files_) {}
    Folder &operator=(Folder &&) = delete;
    ~Folder() {
        if (!partial_.empty()) {
            std::error_code error;
            std::filesystem::remove_all(partial_, error);
        }
    }

    Result<void> put(const std::string &name, ByteView content) {
        const std::filesystem::path path = std::filesystem::path(partial_) / name;
        std::error_code error;
        std::filesystem::create_directories(path.parent_path(), error);
        const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
        if (!fd) {
            return write_error(path, errno);
        }
        for (ByteView left = content; !left.empty();) {
            const ssize_t wrote = ::write(fd.get(), left.data(), left.size());
            if (wrote < 0 && errno != EINTR) {
                return write_error(path, errno);
            }
            left = left.subspan(wrote < 0 ? 0 : static_cast<std::size_t>(wrote));
        }
        files_++;
        return {};
    }

    // Durable, and under its name: the number of its files.
    Result<std::uint64_t> publish() {
        const Fd fd(::open(partial_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!fd || ::syncfs(fd.get()) != 0 || ::rename(partial_.c_str(), path_.c_str()) != 0) {
            return errno == EEXIST || errno == ENOTEMPTY
                       ? fail(Code::exists, std::format("{} is there by now", path_))
                       : write_error(path_, errno);
        }
        partial_.clear();
        return files_;
    }

  private:
    Folder(std::string path, std::string partial) : path_(std::move(path)), partial_(std::move(partial)) {}
    std::string path_;
    std::string partial_; // empty once published
    std::uint64_t files_ = 0;
};

struct Newest {
    Checkpoint checkpoint;
    std::string note;
};

Result<Newest> newest_checkpoint(Database &database, const std::string &origin) {
    auto text = newest_note(database);
    if (!text) {
        return std::unexpected(std::move(text.error()));
    }
    Newest newest{.checkpoint = {}, .note = std::move(*text)};
    auto checkpoint =
        Note::parse(newest.note).and_then([](const Note &note) { return Checkpoint::parse(note.text); });
    if (!checkpoint || checkpoint->origin != origin) {
        return fail(Code::tampered, "its newest checkpoint is none of this ledger");
    }
    newest.checkpoint = std::move(*checkpoint);
    return newest;
}

// The tiles of a level that the tree has: its full ones and what it has of the next.
Result<void> write_level(Database &database, Folder &folder, std::uint64_t size, unsigned level) {
    const std::uint64_t full = partial_index(size, level);
    const std::uint64_t rest = partial_width(size, level);
    for (std::uint64_t index = 0; index < full + (rest > 0 ? 1 : 0); index++) {
        const std::uint64_t width = index < full ? tile_width : rest;
        auto hashes = read_tile(database, level, index);
        if (!hashes) {
            return std::unexpected(std::move(hashes.error()));
        }
        if (hashes->size() < width) {
            return fail(Code::tampered,
                        std::format("tile {} of level {} is missing or too short", index, level));
        }
        hashes->resize(width);
        if (auto put = folder.put(tile_path(level, index, width), tile_bytes(*hashes)); !put) {
            return put;
        }
    }
    return {};
}

Result<void> write_bundles(Database &database, Folder &folder, std::uint64_t size) {
    auto rows = database.prepare("SELECT seq, body FROM records WHERE seq < ? ORDER BY seq");
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    rows->bind(1, size);
    Bytes bundle;
    for (std::uint64_t sequence = 0; sequence < size; sequence++) {
        const auto row = rows->step();
        if (!row) {
            return std::unexpected(row.error());
        }
        if (!*row || rows->number(0) != sequence) {
            return fail(Code::tampered, std::format("record {} is missing", sequence));
        }
        const ByteView body = rows->bytes(1);
        if (body.size() > max_record_bytes) {
            return fail(Code::tampered, std::format("record {} is too large", sequence));
        }
        bundle.push_back(static_cast<std::uint8_t>(body.size() >> 8U));
        bundle.push_back(static_cast<std::uint8_t>(body.size()));
        bundle.insert(bundle.end(), body.begin(), body.end());
        const std::uint64_t width = sequence % tile_width + 1;
        if (width < tile_width && sequence + 1 < size) {
            continue;
        }
        if (auto put = folder.put(entries_path(sequence / tile_width, width), bundle); !put) {
            return put;
        }
        bundle.clear();
    }
    return {};
}

Result<TilesReport> write_all(Database &database, Folder &folder) {
    if (auto ours = check_tables(database); !ours) {
        return std::unexpected(std::move(ours.error()));
    }
    const auto meta = read_meta(database);
    if (!meta) {
        return std::unexpected(meta.error());
    }
    const auto newest = newest_checkpoint(database, meta->origin);
    if (!newest) {
        return std::unexpected(newest.error());
    }
    const std::uint64_t size = newest->checkpoint.size;
    const auto edge = read_edge(database, size);
    if (!edge) {
        return std::unexpected(edge.error());
    }
    if (edge->root() != newest->checkpoint.root) {
        return fail(Code::tampered, "its tree is not the one that its newest checkpoint signs");
    }
    for (unsigned level = 0; level < edge->levels().size(); level++) {
        if (auto written = write_level(database, folder, size, level); !written) {
            return std::unexpected(std::move(written.error()));
        }
    }
    if (auto written = write_bundles(database, folder, size); !written) {
        return std::unexpected(std::move(written.error()));
    }
    if (auto written = folder.put("checkpoint", as_bytes(newest->note)); !written) {
        return std::unexpected(std::move(written.error()));
    }
    return TilesReport{meta->origin, size, 0};
}

} // namespace

Result<TilesReport> write_tiles(const std::string &ledger, const std::string &directory) {
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) {
        return std::unexpected(std::move(database.error()));
    }
    auto folder = Folder::make(directory);
    if (!folder) {
        return std::unexpected(std::move(folder.error()));
    }
    // One snapshot, even of a ledger that is being written.
    auto report = database->run("BEGIN").and_then([&] { return write_all(*database, *folder); });
    if (!report) {
        return std::unexpected(std::move(report.error()).in(std::format("the ledger {}", ledger)));
    }
    auto files = folder->publish();
    if (!files) {
        return std::unexpected(std::move(files.error()));
    }
    report->files = *files;
    return report;
}

} // namespace dsmil::ledger
