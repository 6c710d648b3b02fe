// SPDX-License-Identifier: Apache-2.0
#include "ledger/tiles.hpp"

#include "base/file.hpp"
#include "dsmil/fd.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/database.hpp"
#include "ledger/note.hpp"
#include "ledger/record.hpp"
#include "ledger/retention.hpp"
#include "ledger/schema.hpp"
#include "ledger/tile_path.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <format>
#include <functional>
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

Result<void> check_root(Database &database, const Checkpoint &checkpoint, std::string_view name) {
    const auto edge = read_edge(database, checkpoint.size);
    if (!edge) {
        return std::unexpected(edge.error());
    }
    return edge->root() == checkpoint.root
               ? Result<void>{}
               : fail(Code::tampered, std::format("its tree is not the one that {} signs", name));
}

using Put = std::function<Result<void>(const std::string &name, ByteView content)>;

// What of the log is written: all of the tree of `size` leaves but what that of `from` had in full.
struct Range {
    std::uint64_t from = 0;
    std::uint64_t size = 0;
};

// The tiles of a level that the tree has: its full ones and what it has of the next.
Result<void> write_level(Database &database, const Put &put, Range range, unsigned level) {
    const std::uint64_t full = partial_index(range.size, level);
    const std::uint64_t rest = partial_width(range.size, level);
    for (std::uint64_t index = partial_index(range.from, level); index < full + (rest > 0 ? 1 : 0); index++) {
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
        if (auto written = put(tile_path(level, index, width), tile_bytes(*hashes)); !written) {
            return written;
        }
    }
    return {};
}

// Without those of the records below `first`, which were pruned; when the folder lacks them, it must
// hold the record that tells of it.
Result<void> write_bundles(Database &database, const Put &put, std::uint64_t first, Range range) {
    auto rows = database.prepare("SELECT seq, body FROM records WHERE seq >= ? AND seq < ? ORDER BY seq");
    if (!rows) {
        return std::unexpected(std::move(rows.error()));
    }
    const std::uint64_t begin = std::max(first, range.from / tile_width * tile_width);
    rows->bind(1, begin);
    rows->bind(2, range.size);
    Bytes bundle;
    bool told = begin != first || first == 0;
    for (std::uint64_t sequence = begin; sequence < range.size; sequence++) {
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
        if (!told) {
            const auto record = decode_record(body);
            const auto pruning = record ? read_pruning(*record) : std::nullopt;
            told = pruning && pruning->first == first;
        }
        bundle.push_back(static_cast<std::uint8_t>(body.size() >> 8U));
        bundle.push_back(static_cast<std::uint8_t>(body.size()));
        bundle.resize(bundle.size() + body.size()); // GCC 14 thinks that insert() overflows
        std::ranges::copy_backward(body, bundle.end());
        const std::uint64_t width = sequence % tile_width + 1;
        if (width < tile_width && sequence + 1 < range.size) {
            continue;
        }
        if (auto written = put(entries_path(sequence / tile_width, width), bundle); !written) {
            return written;
        }
        bundle.clear();
    }
    return told ? Result<void>{}
                : fail(Code::not_signed, "no checkpoint covers the record of what was pruned yet");
}

struct Log {
    std::string origin;
    std::uint64_t first = 0;
    Newest newest;
};

Result<Log> read_log(Database &database) {
    if (auto ours = check_tables(database); !ours) {
        return std::unexpected(std::move(ours.error()));
    }
    auto meta = read_meta(database);
    if (!meta) {
        return std::unexpected(std::move(meta.error()));
    }
    auto newest = newest_checkpoint(database, meta->origin);
    if (!newest) {
        return std::unexpected(std::move(newest.error()));
    }
    if (auto right = check_root(database, newest->checkpoint, "its newest checkpoint"); !right) {
        return std::unexpected(std::move(right.error()));
    }
    return Log{std::move(meta->origin), meta->first, std::move(*newest)};
}

Result<TilesReport> write_all(Database &database, const Put &put, const Log &log, std::uint64_t from) {
    const Range range{from, log.newest.checkpoint.size};
    for (unsigned level = 0; level <= max_tile_level && (range.size >> (8 * level)) > 0; level++) {
        if (auto written = write_level(database, put, range, level); !written) {
            return std::unexpected(std::move(written.error()));
        }
    }
    auto written = write_bundles(database, put, log.first, range).and_then([&] {
        return put("checkpoint", as_bytes(log.newest.note));
    });
    if (!written) {
        return std::unexpected(std::move(written.error()));
    }
    return TilesReport{log.origin, range.size, 0};
}

// How far a folder has come that an earlier call made of this ledger; 0 for an empty one.
Result<std::uint64_t> folder_size(Database &database, const Log &log, const std::string &directory) {
    const auto note = read_file(directory + "/checkpoint", max_note_bytes);
    if (!note && note.error().code == Code::not_found) {
        return 0;
    }
    const auto checkpoint =
        note ? Note::parse(*note).and_then([](const Note &parsed) { return Checkpoint::parse(parsed.text); })
             : Result<Checkpoint>(std::unexpected(note.error()));
    if (!checkpoint) {
        return std::unexpected(Error(checkpoint.error()).in(std::format("{}/checkpoint", directory)));
    }
    if (checkpoint->origin != log.origin) {
        return fail(Code::conflict, std::format("{} is of another log: {}", directory, checkpoint->origin));
    }
    if (checkpoint->size > log.newest.checkpoint.size) {
        return fail(Code::cut, std::format("{} has {} records, and the ledger signed {}", directory,
                                           checkpoint->size, log.newest.checkpoint.size));
    }
    return check_root(database, *checkpoint, directory).transform([&] { return checkpoint->size; });
}

// The partial files of what is full now.
void remove_partials(const std::string &directory, Range range) {
    const auto remove = [&](const std::string &full) {
        std::error_code error;
        std::filesystem::remove_all(std::format("{}/{}.p", directory, full), error);
    };
    for (unsigned level = 0; level <= max_tile_level && (range.size >> (8 * level)) > 0; level++) {
        for (std::uint64_t index = partial_index(range.from, level); index < partial_index(range.size, level);
             index++) {
            remove(tile_path(level, index, tile_width));
            if (level == 0) {
                remove(entries_path(index, tile_width));
            }
        }
    }
}

Result<TilesReport> update(Database &database, const std::string &directory) {
    const auto log = read_log(database);
    if (!log) {
        return std::unexpected(log.error());
    }
    const auto from = folder_size(database, *log, directory);
    if (!from) {
        return std::unexpected(from.error());
    }
    std::uint64_t files = 0;
    const Put put = [&](const std::string &name, ByteView content) -> Result<void> {
        const std::filesystem::path path = std::filesystem::path(directory) / name;
        std::error_code error;
        std::filesystem::create_directories(path.parent_path(), error);
        files++;
        return write_file(path.string(), content, 0640);
    };
    auto report = write_all(database, put, *log, *from);
    if (report) {
        remove_partials(directory, {*from, report->size});
        report->files = files;
    }
    return report;
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
    const Put put = [&](const std::string &name, ByteView content) { return folder->put(name, content); };
    // One snapshot, even of a ledger that is being written.
    auto report =
        database->run("BEGIN").and_then([&] { return read_log(*database); }).and_then([&](const Log &log) {
            return write_all(*database, put, log, 0);
        });
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

Result<TilesReport> update_tiles(const std::string &ledger, const std::string &directory) {
    auto database = Database::open(ledger, Database::Mode::read_only);
    if (!database) {
        return std::unexpected(std::move(database.error()));
    }
    auto report = database->run("BEGIN").and_then([&] { return update(*database, directory); });
    if (!report) {
        return std::unexpected(std::move(report.error()).in(std::format("the folder {}", directory)));
    }
    return report;
}

} // namespace dsmil::ledger
