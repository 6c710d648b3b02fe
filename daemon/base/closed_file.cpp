// SPDX-License-Identifier: Apache-2.0
#include "base/closed_file.hpp"

#include "base/file.hpp"

#include <format>
#include <sys/stat.h>

namespace dsmil {

// Who may change the mode or the name may change the content, so that it need not be
// the same file that is looked at and read.
Result<std::string> read_closed_file(const std::string &path, std::size_t max_bytes) {
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IWOTH) != 0) {
        return fail(Code::permission, std::format("everybody may write {0}: chmod o-w {0}", path));
    }
    return read_file(path, max_bytes);
}

} // namespace dsmil
