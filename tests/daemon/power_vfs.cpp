// SPDX-License-Identifier: Apache-2.0
#include "power_vfs.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sqlite3.h>
#include <vector>

namespace dsmil::test {
namespace {

using Image = std::vector<char>;
constexpr std::size_t sector = 512;
constexpr auto vfs_name = "dsmil-power";

// A change that was not synced yet.
struct Change {
    bool truncate = false;
    std::uint64_t at = 0; // offset, or the new size
    Image data;
};

struct Disk {
    Image durable;
    bool exists = false; // its name is on the disk
    std::vector<Change> changes;
};

// The one disk there is: sqlite's callbacks have no better place.
struct State {
    Mishap what = Mishap::none;
    std::uint64_t at = 0;
    std::uint64_t operations = 0;
    bool happened = false;
    std::map<std::string, Disk> disks;
    sqlite3_vfs vfs{};
    sqlite3_vfs *real = nullptr;
};
State *state = nullptr;

// Of the moment that comes with this operation: what sqlite hears, or nothing.
enum class Verdict : std::uint8_t { go_on, dead, full, error };

Verdict step(bool write) {
    if (state->happened && state->what == Mishap::power_cut) {
        return Verdict::dead;
    }
    if (state->operations++ != state->at || state->what == Mishap::none) {
        return Verdict::go_on;
    }
    state->happened = true;
    switch (state->what) {
    case Mishap::kill:
        ::raise(SIGKILL);
        std::abort();
    case Mishap::power_cut:
        return Verdict::dead;
    case Mishap::disk_full:
        return write ? Verdict::full : Verdict::error;
    default:
        return Verdict::error;
    }
}

struct File {
    sqlite3_file base;
    Disk *disk; // null: of no interest (the shared memory's, a temporary one)
    sqlite3_file *real() { return reinterpret_cast<sqlite3_file *>(this + 1); }
};

File *as_file(sqlite3_file *file) {
    return reinterpret_cast<File *>(file);
}

int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at) {
    File *own = as_file(file);
    if (own->disk != nullptr) {
        switch (step(true)) {
        case Verdict::go_on:
            break;
        case Verdict::full:
            return SQLITE_FULL;
        case Verdict::dead:
        case Verdict::error:
            return SQLITE_IOERR_WRITE;
        }
        const char *bytes = static_cast<const char *>(data);
        own->disk->changes.push_back({false, static_cast<std::uint64_t>(at), Image(bytes, bytes + size)});
    }
    return own->real()->pMethods->xWrite(own->real(), data, size, at);
}

int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
    File *own = as_file(file);
    if (own->disk != nullptr) {
        if (step(true) != Verdict::go_on) {
            return SQLITE_IOERR_TRUNCATE;
        }
        own->disk->changes.push_back({true, static_cast<std::uint64_t>(size), {}});
    }
    return own->real()->pMethods->xTruncate(own->real(), size);
}

void apply(Image &image, const Change &change, std::size_t from, std::size_t to) {
    if (change.truncate) {
        image.resize(std::min<std::size_t>(image.size(), change.at));
        return;
    }
    image.resize(std::max<std::size_t>(image.size(), change.at + to));
    std::memcpy(image.data() + change.at + from, change.data.data() + from, to - from);
}

int file_sync(sqlite3_file *file, int flags) {
    File *own = as_file(file);
    if (own->disk != nullptr) {
        if (step(false) != Verdict::go_on) {
            return SQLITE_IOERR_FSYNC;
        }
        for (const Change &change : own->disk->changes) {
            apply(own->disk->durable, change, 0, change.data.size());
        }
        own->disk->changes.clear();
        own->disk->exists = true;
    }
    // The test's own disk need not be asked: nothing really loses its power.
    static_cast<void>(flags);
    return SQLITE_OK;
}

int file_close(sqlite3_file *file) {
    File *own = as_file(file);
    return own->real()->pMethods->xClose(own->real());
}
int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at) {
    return as_file(file)->real()->pMethods->xRead(as_file(file)->real(), data, size, at);
}
int file_size(sqlite3_file *file, sqlite3_int64 *size) {
    return as_file(file)->real()->pMethods->xFileSize(as_file(file)->real(), size);
}
int file_lock(sqlite3_file *file, int kind) {
    return as_file(file)->real()->pMethods->xLock(as_file(file)->real(), kind);
}
int file_unlock(sqlite3_file *file, int kind) {
    return as_file(file)->real()->pMethods->xUnlock(as_file(file)->real(), kind);
}
int file_reserved(sqlite3_file *file, int *reserved) {
    return as_file(file)->real()->pMethods->xCheckReservedLock(as_file(file)->real(), reserved);
}
int file_control(sqlite3_file *file, int kind, void *value) {
    return as_file(file)->real()->pMethods->xFileControl(as_file(file)->real(), kind, value);
}
int file_sector(sqlite3_file * /*file*/) {
    return sector;
}
int file_traits(sqlite3_file * /*file*/) {
    return 0; // promises nothing
}
int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **at) {
    return as_file(file)->real()->pMethods->xShmMap(as_file(file)->real(), page, size, extend, at);
}
int file_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return as_file(file)->real()->pMethods->xShmLock(as_file(file)->real(), offset, count, flags);
}
void file_shm_barrier(sqlite3_file *file) {
    as_file(file)->real()->pMethods->xShmBarrier(as_file(file)->real());
}
int file_shm_unmap(sqlite3_file *file, int erase) {
    return as_file(file)->real()->pMethods->xShmUnmap(as_file(file)->real(), erase);
}

const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int vfs_open(sqlite3_vfs * /*vfs*/, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    File *own = as_file(file);
    std::memset(own, 0, sizeof(File));
    const bool counts =
        name != nullptr && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    const bool is_new = counts && !state->disks.contains(name);
    if (is_new && std::filesystem::exists(name)) { // from before: the disk has it
        std::ifstream content(name, std::ios::binary);
        state->disks[name].durable.assign(std::istreambuf_iterator<char>(content), {});
        state->disks[name].exists = true;
    }
    const int opened = state->real->xOpen(state->real, name, own->real(), flags, out_flags);
    if (opened != SQLITE_OK) {
        return opened;
    }
    if (counts) {
        own->disk = &state->disks[name];
    }
    own->base.pMethods = &methods;
    return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs * /*vfs*/, const char *name, int sync) {
    if (state->disks.contains(name)) {
        if (step(false) != Verdict::go_on) {
            return SQLITE_IOERR_DELETE;
        }
        state->disks[name] = {};
    }
    return state->real->xDelete(state->real, name, sync);
}

} // namespace

PowerVfs::PowerVfs(Mishap what, std::uint64_t at) {
    state = new State; // NOLINT(cppcoreguidelines-owning-memory): deleted below
    state->what = what;
    state->at = at;
    state->real = sqlite3_vfs_find("unix");
    state->vfs = *state->real;
    state->vfs.zName = vfs_name;
    state->vfs.szOsFile = static_cast<int>(sizeof(File)) + state->real->szOsFile;
    state->vfs.xOpen = vfs_open;
    state->vfs.xDelete = vfs_delete;
    sqlite3_vfs_register(&state->vfs, 1);
}

PowerVfs::~PowerVfs() {
    sqlite3_vfs_unregister(&state->vfs);
    sqlite3_vfs_register(state->real, 1);
    delete state; // NOLINT(cppcoreguidelines-owning-memory)
    state = nullptr;
}

bool PowerVfs::happened() const { // NOLINT(readability-convert-member-functions-to-static)
    return state->happened;
}

std::uint64_t PowerVfs::operations() const { // NOLINT(readability-convert-member-functions-to-static)
    return state->operations;
}

void PowerVfs::restore(std::uint64_t seed) const { // NOLINT(readability-convert-member-functions-to-static)
    std::mt19937_64 random(seed);
    for (const auto &[name, disk] : state->disks) {
        Image image = disk.durable;
        bool exists = disk.exists;
        for (const Change &change : disk.changes) {
            if (change.truncate) {
                if (random() % 2 == 0) {
                    apply(image, change, 0, 0);
                }
                continue;
            }
            for (std::size_t from = 0; from < change.data.size(); from += sector) {
                if (random() % 2 == 0) {
                    apply(image, change, from, std::min(from + sector, change.data.size()));
                    exists = true;
                }
            }
        }
        std::filesystem::remove(name + "-shm");
        if (!exists) {
            std::filesystem::remove(name);
            continue;
        }
        std::ofstream file(name, std::ios::binary | std::ios::trunc);
        file.write(image.data(), static_cast<std::streamsize>(image.size()));
    }
}

} // namespace dsmil::test
