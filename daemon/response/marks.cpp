// SPDX-License-Identifier: Apache-2.0
#include "response/marks.hpp"

#include "base/file.hpp"
#include "dsmil/catalog.hpp"

#include <cerrno>
#include <filesystem>
#include <format>
#include <sys/stat.h>
#include <unistd.h>

namespace dsmil::response {

std::string Marks::path_of(std::uint16_t device) const {
    return std::format("{}/{:04x}", directory_, device);
}

Result<std::set<std::uint16_t>> Marks::open() const {
    if (::mkdir(directory_.c_str(), 0750) != 0 && errno != EEXIST) {
        return fail_errno(Code::failed, std::format("making {}", directory_), errno);
    }
    std::set<std::uint16_t> devices;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory_, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        const auto *device = name.size() == 4 ? find_device("0x" + name) : nullptr;
        if (device != nullptr) {
            devices.insert(device->id);
        }
    }
    if (error) {
        return fail_errno(Code::failed, std::format("reading {}", directory_), error.value());
    }
    return devices;
}

Result<void> Marks::add(std::uint16_t device) const {
    return write_file(path_of(device), {}, 0640);
}

Result<void> Marks::remove(std::uint16_t device) const {
    if (::unlink(path_of(device).c_str()) != 0 && errno != ENOENT) {
        return fail_errno(Code::failed, std::format("removing {}", path_of(device)), errno);
    }
    return {};
}

} // namespace dsmil::response
