// SPDX-License-Identifier: Apache-2.0
// A ledger file from a stranger. The seed in corpus/verify verifies with the key below.
#include "ledger/verify.hpp"
#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace {

constexpr auto key =
    "seed.example/log+c80b7145+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOKdC3VP2oI1pCPKFjXUVHCBxr/"
    "eHfCmuJaoaU0NJzRhOyp56jfvwcwlhwdrpA+uW/KLHoY2f7Iy1PQCtW0Q67Y=";

// A file that is written anew for each input. sqlite opens no file without a name.
struct Scratch {
    Scratch() : fd(::mkstemp(path.data())) {}
    ~Scratch() { ::unlink(path.c_str()); }
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;
    std::string path = "/tmp/dsmil-verify-XXXXXX";
    int fd;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const Scratch file;
    if (::ftruncate(file.fd, 0) != 0 || ::pwrite(file.fd, data, size, 0) != static_cast<ssize_t>(size)) {
        std::abort();
    }
    // What verifies has the three records that were signed, whatever else is in the file.
    const auto report = dsmil::ledger::verify_file(file.path, key);
    if (report && (report->size != 3 || report->origin != "seed.example/log")) {
        std::abort();
    }
    return 0;
}
