// SPDX-License-Identifier: Apache-2.0
#include "accel/file_hash.hpp"
#include "command.hpp"
#include "output.hpp"

#include <boost/json/array.hpp>
#include <format>

namespace dsmilctl {
namespace {

// As sha256sum writes a name: what would break the line is escaped, and then the line begins with
// a backslash.
std::string sum_line(const std::string &digest, const std::string &name) {
    std::string escaped;
    for (const char letter : name) {
        switch (letter) {
        case '\\':
            escaped += "\\\\";
            break;
        case '\n':
            escaped += "\\n";
            break;
        case '\r':
            escaped += "\\r";
            break;
        default:
            escaped += letter;
        }
    }
    return std::format("{}{}  {}", escaped == name ? "" : "\\", digest, escaped);
}

} // namespace

dsmil::Result<int> run_accel_hash(const Call &call, Output &out) {
    const auto &tier = dsmil::accel::selected_tier();
    if (!tier) {
        return std::unexpected(tier.error());
    }
    const bool longer = call.has("--sha512");
    const auto &files = call.values.find("FILE")->second;
    const auto digests =
        hash_files(dsmil::accel::hashing(),
                   longer ? dsmil::accel::Algorithm::sha512 : dsmil::accel::Algorithm::sha256, files);
    if (!digests) {
        return std::unexpected(digests.error());
    }
    boost::json::array list;
    for (std::size_t i = 0; i < files.size(); i++) {
        const auto digest = dsmil::to_hex((*digests)[i]);
        if (call.json) {
            list.push_back({{"file", printable(files[i])}, {"digest", digest}});
        } else {
            out.line(sum_line(digest, files[i]));
        }
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"algorithm", longer ? "sha512" : "sha256"},
                    {"tier", name_of(*tier)},
                    {"files", std::move(list)}});
    }
    return 0;
}

} // namespace dsmilctl
