// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <format>
#include <memory>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// The journal then takes our fields and not this file's place in the source.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

namespace dsmil {
namespace {

constexpr std::array<std::string_view, 4> level_names = {"debug", "info", "warning", "error"};
constexpr std::array<int, 4> level_priorities = {7, 6, 4, 3}; // syslog

std::string now_text() {
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    return std::format("{:%FT%T}Z", now);
}

// systemd.exec(5): stderr leads to the journal when $JOURNAL_STREAM names its inode.
bool stderr_is_journal() {
    const char *stream = std::getenv("JOURNAL_STREAM");
    struct stat status{};
    return stream != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
           std::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

std::string journal_name(std::string_view key) {
    std::string name = "DSMIL_";
    for (const char c : key) {
        name += std::isalnum(static_cast<unsigned char>(c)) != 0
                    ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
                    : '_';
    }
    return name;
}

void send_to_journal(const LogEvent &event) {
    std::vector<std::string> fields = {
        "MESSAGE=" + event.message,
        std::format("PRIORITY={}", level_priorities.at(static_cast<std::size_t>(event.level))),
        "SYSLOG_IDENTIFIER=dsmild",
        std::format("DSMIL_EVENT_TYPE={}", event.event_type),
        std::format("DSMIL_SERVICE={}", event.service),
    };
    if (event.device_id) {
        fields.push_back(std::format("DSMIL_DEVICE_ID=0x{:04X}", *event.device_id));
    }
    if (event.layer) {
        fields.push_back(std::format("DSMIL_LAYER={}", *event.layer));
    }
    for (const auto &[key, value] : event.context) {
        fields.push_back(journal_name(key) + "=" + value);
    }
    std::vector<iovec> vectors;
    vectors.reserve(fields.size());
    for (auto &field : fields) {
        vectors.push_back({.iov_base = field.data(), .iov_len = field.size()});
    }
    sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));
}

Log::Sink stderr_sink() {
    const auto logger =
        std::make_shared<spdlog::logger>("dsmild", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%v");
    // shared_ptr: std::function wants to be copied.
    return [logger](const LogEvent &event) { logger->critical(log_line(event, now_text())); };
}

} // namespace

std::string_view name(LogLevel level) {
    return level_names.at(static_cast<std::size_t>(level));
}

std::string log_line(const LogEvent &event, std::string_view time) {
    boost::json::object line;
    line["timestamp"] = time;
    line["level"] = name(event.level);
    if (event.device_id) {
        line["device_id"] = std::format("0x{:04X}", *event.device_id);
    } else {
        line["device_id"] = nullptr;
    }
    if (event.layer) {
        line["layer"] = *event.layer;
    } else {
        line["layer"] = nullptr;
    }
    line["service"] = event.service;
    line["event_type"] = event.event_type;
    line["message"] = event.message;
    boost::json::object context;
    for (const auto &[key, value] : event.context) {
        context[key] = value;
    }
    line["context"] = std::move(context);
    return boost::json::serialize(line);
}

Log::Log(LogTarget target, LogLevel threshold) : threshold_(threshold) {
    const bool journal =
        target == LogTarget::journal || (target == LogTarget::automatic && stderr_is_journal());
    sink_ = journal ? Sink(send_to_journal) : stderr_sink();
}

void Log::write(const LogEvent &event) const {
    if (event.level >= threshold_) {
        sink_(event);
    }
}

void Log::write_error(LogLevel level, std::string_view event_type, const Error &error) const {
    LogEvent event{.level = level, .event_type = event_type, .message = {}};
    event.message = std::format("{}: {}", info(error.code).message, error.detail);
    event.context.emplace_back("code", info(error.code).name);
    for (std::size_t i = 0; i < error.causes.size(); i++) {
        event.context.emplace_back(std::format("cause_{}", i + 1), error.causes[i]);
    }
    event.context.emplace_back("remedy", info(error.code).remedy);
    write(event);
}

} // namespace dsmil
