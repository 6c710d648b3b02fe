// SPDX-License-Identifier: Apache-2.0
#include "base/host.hpp"

#include "base/bytes.hpp"
#include "base/file.hpp"

#include <algorithm>
#include <cctype>
#include <sys/utsname.h>

namespace dsmil {

Id128 boot_id() {
    Id128 id{};
    auto text = read_file("/proc/sys/kernel/random/boot_id", 64);
    if (!text) {
        return id;
    }
    std::erase_if(*text, [](char c) { return c == '-' || c == '\n'; });
    const auto bytes = from_hex(*text);
    if (bytes && bytes->size() == id.size()) {
        std::ranges::copy(*bytes, id.begin());
    }
    return id;
}

std::string host_name() {
    utsname names{};
    std::string host = ::uname(&names) == 0 ? names.nodename : "";
    std::erase_if(host, [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '-'; });
    return host.empty() ? "localhost" : host;
}

} // namespace dsmil
