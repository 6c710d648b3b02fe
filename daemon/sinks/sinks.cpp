// SPDX-License-Identifier: Apache-2.0
#include "sinks/sinks.hpp"

#include <algorithm>

namespace dsmil::sinks {

Result<void> check(const SinkOptions &options) {
    if (options.loki.empty()) {
        return {};
    }
    return loki_sink(options.loki, {})
        .transform([](const auto & /*sink*/) {})
        .transform_error([](Error error) {
            error.detail = "sinks.loki: " + error.detail;
            return error;
        });
}

Result<void> Sinks::add(FeedOptions options, std::unique_ptr<Sink> sink) {
    feeds_.push_back(std::make_unique<Feed>(reactor_, log_, ledger_, std::move(options), std::move(sink)));
    return feeds_.back()->start();
}

Result<void> Sinks::start(const SinkOptions &options, const std::string &state_dir,
                          const std::string &ledger_path) {
    // Files may take their time, above all when a folder of tiles begins.
    constexpr std::chrono::milliseconds for_a_folder{60'000};
    Result<void> started;
    const auto begin = [&](bool wanted, std::string name, const std::string &target, const auto &make) {
        if (!wanted || !started) {
            return;
        }
        FeedOptions feed{.name = std::move(name), .target = target, .state_dir = state_dir};
        if (feed.name == "tiles") {
            feed.blocked_after = for_a_folder;
        }
        Result<std::unique_ptr<Sink>> sink = make();
        started = sink ? add(std::move(feed), std::move(*sink)) : std::unexpected(std::move(sink.error()));
    };
    begin(options.journald, "journald", "the journal", [] { return journald_sink(); });
    begin(!options.syslog.empty(), "syslog", options.syslog, [&] { return syslog_sink(options.syslog); });
    begin(!options.json_lines.empty(), "json_lines", options.json_lines,
          [&] { return json_lines_sink(options.json_lines); });
    begin(!options.loki.empty(), "loki", options.loki,
          [&] { return loki_sink(options.loki, ledger_.snapshot().origin); });
    begin(!options.tiles.empty(), "tiles", options.tiles,
          [&] { return tiles_sink(ledger_path, options.tiles); });
    if (started && !feeds_.empty()) {
        ledger_.on_change([this] {
            for (const auto &feed : feeds_) {
                feed->hear();
            }
        });
    }
    return started;
}

std::vector<Status> Sinks::status() const {
    std::vector<Status> all;
    all.reserve(feeds_.size());
    for (const auto &feed : feeds_) {
        all.push_back(feed->status());
    }
    return all;
}

bool Sinks::stop(std::chrono::milliseconds patience) {
    bool ended = true;
    for (const auto &feed : feeds_) {
        ended = feed->stop(patience) && ended;
    }
    return ended;
}

} // namespace dsmil::sinks
