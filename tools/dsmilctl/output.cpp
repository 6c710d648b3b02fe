// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <format>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace dsmilctl {
namespace {

constexpr std::string_view program = "dsmilctl";

void talk(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fputc('\n', stderr);
}

bool set_in_environment(const char *name) {
    const char *value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

bool colours_wanted() {
    const char *terminal = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && !set_in_environment("NO_COLOR") && terminal != nullptr &&
           std::string_view(terminal) != "dumb";
}

void talk_extra(std::string_view key, const boost::json::value &value) {
    if (value.is_string()) {
        talk(std::format("  {}: {}", key, std::string_view(value.get_string())));
    } else if (value.is_array()) {
        for (const auto &element : value.get_array()) {
            talk_extra(key, element);
        }
    }
}

} // namespace

Output::Output(bool json) : json_(json), colours_(colours_wanted()) {}

void Output::write(std::string_view text) {
    if (failed_ == 0 && std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
        failed_ = errno;
    }
}

bool Output::flush() {
    if (failed_ == 0 && std::fflush(stdout) != 0) {
        failed_ = errno;
    }
    return failed_ == 0;
}

void Output::line(std::string_view text) {
    write(text);
    write("\n");
}

void Output::text(std::string_view lines) {
    write(lines);
}

void Output::object(const boost::json::object &object) {
    line(boost::json::serialize(object));
}

void Output::table(const std::vector<std::vector<std::string>> &rows,
                   const std::vector<std::string_view> &colours) {
    std::vector<std::size_t> widths;
    for (const auto &row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); i++) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    for (std::size_t r = 0; r < rows.size(); r++) {
        std::string text;
        for (std::size_t i = 0; i < rows[r].size(); i++) {
            const bool last = i + 1 == rows[r].size();
            text += last ? rows[r][i] : std::format("{:<{}}  ", rows[r][i], widths[i]);
        }
        const auto colour = r < colours.size() ? colours[r] : std::string_view{};
        line(colour.empty() ? text : std::format("\x1b[{}m{}\x1b[0m", colour, text));
    }
}

std::string_view Output::colour(dsmil::Risk risk) const {
    if (!colours_) {
        return {};
    }
    switch (risk) {
    case dsmil::Risk::safe:
        return "32";
    case dsmil::Risk::monitored:
        return {};
    case dsmil::Risk::guarded:
        return "33";
    case dsmil::Risk::locked:
        return "35";
    case dsmil::Risk::quarantined:
        return "31";
    }
    return {};
}

bool Output::reader_gone() const {
    pollfd out{STDOUT_FILENO, 0, 0};
    return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLNVAL)) != 0;
}

int Output::fail(const dsmil::Error &error, const boost::json::object &extra) {
    const auto &info = dsmil::info(error.code);
    if (json_) {
        boost::json::object inner{
            {"code", info.name}, {"message", info.message}, {"detail", printable(error.detail)}};
        auto &causes = inner["causes"].emplace_array();
        for (const auto &cause : error.causes) {
            causes.emplace_back(printable(cause));
        }
        inner["remedy"] = info.remedy;
        for (const auto &[key, value] : extra) {
            inner[key] = value;
        }
        object({{"schema", "dsmil.error/1"}, {"error", std::move(inner)}});
        return info.exit;
    }
    // What was printed so far comes first, also when both go to one terminal.
    (void)flush();
    talk(std::format("{}: {}{}{}", program, info.message, error.detail.empty() ? "" : ": ",
                     printable(error.detail)));
    for (const auto &cause : error.causes) {
        talk(std::format("  {}", printable(cause)));
    }
    for (const auto &[key, value] : extra) {
        talk_extra(key, value);
    }
    talk(std::format("  remedy: {}", info.remedy));
    return info.exit;
}

int Output::finish(int status) {
    if (flush() || (failed_ == EPIPE && may_lose_reader_)) {
        return status;
    }
    // Not as JSON: the place where that would go is the one that does not work.
    talk(std::format("{}: writing the output: {}", program, std::generic_category().message(failed_)));
    return status != 0 ? status : dsmil::info(dsmil::Code::failed).exit;
}

std::string printable(std::string_view text) {
    std::string result(text);
    std::ranges::replace_if(result, [](char c) { return c < ' ' || c > '~'; }, '?');
    return result;
}

} // namespace dsmilctl
