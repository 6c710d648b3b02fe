// SPDX-License-Identifier: Apache-2.0
#include "command.hpp"
#include "output.hpp"
#include "roots_option.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <chrono>
#include <filesystem>
#include <format>

namespace dsmilctl {
namespace {

using dsmil::Result;
using dsmil::attest::Root;

std::string now_text() {
    return std::format("{:%FT%TZ}",
                       std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

// The texts are all of one form, so that they compare as the times do.
std::string_view state_of(const Root &root, std::string_view now) {
    if (now < root.facts.not_before) {
        return "not yet valid";
    }
    if (root.facts.not_after < now) {
        return "expired";
    }
    return root.self_signed ? "root" : "between";
}

void print_text(const std::vector<Root> &roots, const std::vector<std::string> &folders, Output &out) {
    if (roots.empty()) {
        std::string names;
        for (const auto &folder : folders) {
            names += (names.empty() ? "" : ", ") + folder;
        }
        out.line(std::format("there are none in {}: no endorsement key's certificate can be verified; "
                             "docs/tpm-roots.md says how to choose them",
                             printable(names)));
        return;
    }
    const auto now = now_text();
    for (const auto &root : roots) {
        out.table({{std::string(state_of(root, now)), root.facts.subject},
                   {"", "sha256 " + dsmil::to_hex(root.facts.sha256)},
                   {"", std::format("from {} until {}", root.facts.not_before, root.facts.not_after)},
                   {"", printable(root.file)}});
    }
}

} // namespace

Result<int> run_identity_roots(const Call &call, Output &out) {
    const auto folders = root_folders(call);
    const auto roots = read_roots(call);
    if (!roots) {
        return std::unexpected(roots.error());
    }
    if (!call.json) {
        print_text(*roots, folders, out);
        return 0;
    }
    const auto now = now_text();
    boost::json::array list;
    for (const auto &root : *roots) {
        list.push_back({{"subject", root.facts.subject},
                        {"issuer", root.facts.issuer},
                        {"serial", root.facts.serial},
                        {"sha256", dsmil::to_hex(root.facts.sha256)},
                        {"not_before", root.facts.not_before},
                        {"not_after", root.facts.not_after},
                        {"state", state_of(root, now)},
                        {"file", printable(root.file)},
                        {"folder", printable(std::filesystem::path(root.file).parent_path().string())}});
    }
    out.object({{"schema", call.command->schema},
                {"folders", boost::json::array(folders.begin(), folders.end())},
                {"roots", std::move(list)}});
    return 0;
}

} // namespace dsmilctl
