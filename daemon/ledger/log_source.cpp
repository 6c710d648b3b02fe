// SPDX-License-Identifier: Apache-2.0
#include "ledger/log_source.hpp"

#include "base/file.hpp"
#include "ledger/database.hpp"
#include "ledger/note.hpp"
#include "ledger/record.hpp"
#include "ledger/schema.hpp"
#include "ledger/tile_path.hpp"
#include "ledger/tree.hpp"

#include <algorithm>
#include <filesystem>
#include <format>

namespace dsmil::ledger {
namespace {

constexpr std::size_t max_tile_bytes = tile_width * sizeof(Hash);
constexpr std::size_t max_bundle_bytes = tile_width * (2 + max_record_bytes);

class LedgerFile final : public LogSource {
  public:
    explicit LedgerFile(Database database) : database_(std::move(database)) {}

    Result<std::string> checkpoint() override { return newest_note(database_); }

    Result<std::vector<Hash>> tile(unsigned level, std::uint64_t index, std::uint64_t /*width*/) override {
        return read_tile(database_, level, index);
    }

    Result<std::vector<Bytes>> entries(std::uint64_t index, std::uint64_t width) override {
        auto rows = database_.prepare("SELECT seq, body FROM records WHERE seq >= ? ORDER BY seq LIMIT ?");
        if (!rows) {
            return std::unexpected(std::move(rows.error()));
        }
        rows->bind(1, index * tile_width);
        rows->bind(2, width);
        std::vector<Bytes> records;
        while (records.size() < width) {
            const auto row = rows->step();
            if (!row) {
                return std::unexpected(row.error());
            }
            if (!*row || rows->number(0) != index * tile_width + records.size()) {
                return fail(Code::not_found,
                            std::format("record {} is not there", index * tile_width + records.size()));
            }
            const auto body = rows->bytes(1);
            records.emplace_back(body.begin(), body.end());
        }
        return records;
    }

  private:
    Database database_;
};

class TilesFolder final : public LogSource {
  public:
    explicit TilesFolder(std::string path) : path_(std::move(path)) {}

    Result<std::string> checkpoint() override { return read("checkpoint", max_note_bytes); }

    Result<std::vector<Hash>> tile(unsigned level, std::uint64_t index, std::uint64_t width) override {
        const auto found = partial_or_full(
            width, [&](std::uint64_t wide) { return tile_path(level, index, wide); }, max_tile_bytes);
        if (!found) {
            return std::unexpected(found.error());
        }
        auto hashes = parse_tile(as_bytes(found->bytes));
        if (!hashes || hashes->size() != found->width) {
            return fail(Code::tampered, std::format("tile {} of level {}: it has not its {} hashes", index,
                                                    level, found->width));
        }
        return hashes;
    }

    Result<std::vector<Bytes>> entries(std::uint64_t index, std::uint64_t width) override {
        const auto found = partial_or_full(
            width, [&](std::uint64_t wide) { return entries_path(index, wide); }, max_bundle_bytes);
        if (!found) {
            return std::unexpected(found.error());
        }
        auto bundle = parse_bundle(as_bytes(found->bytes), found->width);
        if (!bundle) {
            return fail(Code::tampered,
                        std::format("the records from {} on: {}", index * tile_width, bundle.error().detail));
        }
        bundle->resize(width);
        return bundle;
    }

  private:
    struct Found {
        std::string bytes;
        std::uint64_t width; // that its name says
    };

    // A partial resource may be gone once the full one is there.
    template <typename Name>
    Result<Found> partial_or_full(std::uint64_t width, const Name &name, std::size_t limit) const {
        auto bytes = read(name(width), limit);
        if (!bytes && bytes.error().code == Code::not_found && width < tile_width) {
            if (auto full = read(name(tile_width), limit)) {
                return Found{std::move(*full), tile_width};
            }
        }
        return bytes.transform([&](std::string &text) { return Found{std::move(text), width}; });
    }

    [[nodiscard]] Result<std::string> read(const std::string &name, std::size_t limit) const {
        const auto path = std::format("{}/{}", path_, name);
        std::error_code error;
        if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
            return fail(Code::failed, std::format("{} is no regular file", path));
        }
        return read_file(path, limit);
    }

    std::string path_;
};

} // namespace

Result<std::unique_ptr<LogSource>> LogSource::open(const std::string &path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        if (!std::filesystem::exists(path + "/checkpoint", error)) {
            return fail(Code::failed, std::format("{} is no folder of a log: it has no checkpoint", path));
        }
        return std::make_unique<TilesFolder>(path);
    }
    auto database = Database::open(path, Database::Mode::read_only);
    if (!database) {
        return std::unexpected(std::move(database.error()));
    }
    if (auto ours = check_tables(*database); !ours) {
        return std::unexpected(std::move(ours.error()).in(std::format("reading {}", path)));
    }
    return std::make_unique<LedgerFile>(std::move(*database));
}

Result<std::vector<Bytes>> parse_bundle(ByteView bundle, std::uint64_t width) {
    std::vector<Bytes> entries;
    while (!bundle.empty()) {
        if (entries.size() == width) {
            return fail(Code::tampered, std::format("there are more than {}", width));
        }
        if (bundle.size() < 2) {
            return fail(Code::tampered, "the bundle ends within a length");
        }
        const std::size_t length = static_cast<std::size_t>(bundle[0]) << 8U | bundle[1];
        bundle = bundle.subspan(2);
        if (bundle.size() < length) {
            return fail(Code::tampered, "the bundle ends within a record");
        }
        entries.emplace_back(bundle.begin(), bundle.begin() + static_cast<std::ptrdiff_t>(length));
        bundle = bundle.subspan(length);
    }
    if (entries.size() != width) {
        return fail(Code::tampered, std::format("there are {}, not {}", entries.size(), width));
    }
    return entries;
}

Result<std::vector<Hash>> parse_tile(ByteView bytes) {
    constexpr std::size_t width = sizeof(Hash);
    if (bytes.empty() || bytes.size() % width != 0 || bytes.size() > max_tile_bytes) {
        return fail(Code::tampered, "it is malformed");
    }
    std::vector<Hash> hashes(bytes.size() / width);
    for (std::size_t i = 0; i < hashes.size(); i++) {
        std::ranges::copy(bytes.subspan(i * width, width), hashes[i].begin());
    }
    return hashes;
}

} // namespace dsmil::ledger
