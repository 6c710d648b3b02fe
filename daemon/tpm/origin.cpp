// SPDX-License-Identifier: Apache-2.0
#include "tpm/origin.hpp"

#include "base/file.hpp"

#include <algorithm>
#include <format>

namespace dsmil::tpm {
namespace {

constexpr std::size_t max_text_bytes = 2'048;
constexpr std::size_t hash_bytes = 32;

std::string path_of(const std::string &state_dir) {
    return state_dir + "/srk.certified";
}

std::unexpected<Error> damaged() {
    return fail(Code::tpm_changed, "srk.certified of the state directory is damaged");
}

// "NAME VALUE" and a newline, in this order; takes it off the text.
std::optional<std::string> take_line(std::string_view &text, std::string_view name) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (end == std::string_view::npos || line.size() <= name.size() || !line.starts_with(name) ||
        line[name.size()] != ' ' ||
        !std::ranges::all_of(line, [](char letter) { return letter >= ' ' && letter <= '~'; })) {
        return std::nullopt;
    }
    text.remove_prefix(end + 1);
    return std::string(line.substr(name.size() + 1));
}

std::optional<Bytes> take_hex(std::string_view &text, std::string_view name) {
    const auto line = take_line(text, name);
    return line ? from_hex(*line) : std::nullopt;
}

} // namespace

bool Origin::operator==(const Origin &other) const {
    return root_name == other.root_name && trouble.has_value() == other.trouble.has_value() &&
           ek == other.ek && ek_certificate_sha256 == other.ek_certificate_sha256 &&
           maker_sha256 == other.maker_sha256 && maker == other.maker;
}

std::string format_origin(const Origin &origin) {
    return std::format("storage_root {}\nek {}\nek_certificate_sha256 {}\nmaker_sha256 {}\nmaker {}\n",
                       to_hex(origin.root_name), origin.ek, to_hex(origin.ek_certificate_sha256),
                       to_hex(origin.maker_sha256), origin.maker);
}

Result<Origin> parse_origin(std::string_view text) {
    auto root_name = take_hex(text, "storage_root");
    auto ek = take_line(text, "ek");
    auto certificate = take_hex(text, "ek_certificate_sha256");
    auto maker_sha256 = take_hex(text, "maker_sha256");
    auto maker = take_line(text, "maker");
    if (!root_name || root_name->empty() || !ek || !certificate || certificate->size() != hash_bytes ||
        !maker_sha256 || maker_sha256->size() != hash_bytes || !maker || !text.empty()) {
        return damaged();
    }
    return Origin{.root_name = std::move(*root_name),
                  .trouble = std::nullopt,
                  .ek = std::move(*ek),
                  .ek_certificate_sha256 = std::move(*certificate),
                  .maker_sha256 = std::move(*maker_sha256),
                  .maker = std::move(*maker)};
}

Result<Origin> load_origin(const std::string &state_dir, const Bytes &root_name) {
    const auto text = read_file(path_of(state_dir), max_text_bytes);
    if (!text && text.error().code != Code::not_found) {
        return std::unexpected(text.error());
    }
    auto origin = text ? parse_origin(*text) : Result<Origin>(Origin{});
    if (!origin) {
        return origin;
    }
    if (!text || origin->root_name != root_name) {
        *origin = {};
        origin->root_name = root_name;
        origin->trouble = Error{
            Code::not_found, "it was pinned at first sight, and no certificate was looked at since", {}};
    }
    return origin;
}

Result<void> save_origin(const std::string &state_dir, const Origin &origin) {
    const std::string text = format_origin(origin);
    return write_file(path_of(state_dir), as_bytes(text), 0640);
}

std::vector<std::pair<std::string, std::string>> context_of(const Origin &origin) {
    std::vector<std::pair<std::string, std::string>> context = {
        {"storage_root", to_hex(origin.root_name)},
        {"certified", origin.trouble ? "no" : "yes"},
    };
    if (const auto &trouble = origin.trouble) {
        context.emplace_back("reason", trouble->detail);
        return context;
    }
    context.emplace_back("ek", origin.ek);
    context.emplace_back("ek_certificate_sha256", to_hex(origin.ek_certificate_sha256));
    context.emplace_back("maker", origin.maker);
    context.emplace_back("maker_sha256", to_hex(origin.maker_sha256));
    return context;
}

} // namespace dsmil::tpm
