// SPDX-License-Identifier: Apache-2.0
#include "ledger/checkpoint.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>

namespace dsmil::ledger {

std::string Checkpoint::text() const {
    return std::format("{}\n{}\n{}\n", origin, size, to_base64(root));
}

Result<Checkpoint> Checkpoint::parse(std::string_view text) {
    const auto bad = [](std::string_view why) {
        return fail(Code::failed, std::format("not a checkpoint: {}", why));
    };
    std::array<std::string_view, 3> lines;
    for (auto &line : lines) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos || end == 0) {
            return bad("it lacks one of its three lines");
        }
        line = text.substr(0, end);
        text.remove_prefix(end + 1);
    }
    if (text.starts_with('\n') || text.contains("\n\n")) {
        return bad("it has an empty line");
    }
    Checkpoint checkpoint;
    checkpoint.origin = lines[0];
    const auto [end, error] =
        std::from_chars(lines[1].data(), lines[1].data() + lines[1].size(), checkpoint.size);
    if (error != std::errc{} || end != lines[1].data() + lines[1].size() ||
        (lines[1].size() > 1 && lines[1].starts_with('0'))) {
        return bad("its size is not a number");
    }
    const auto root = from_base64(lines[2]);
    if (!root || root->size() != checkpoint.root.size()) {
        return bad("its root is not a hash");
    }
    std::ranges::copy(*root, checkpoint.root.begin());
    return checkpoint;
}

} // namespace dsmil::ledger
