// SPDX-License-Identifier: Apache-2.0
#include "api_client.hpp"
#include "command.hpp"
#include "ledger/tiles.hpp"
#include "new_file.hpp"
#include "output.hpp"
#include "text.hpp"

#include <format>

namespace dsmilctl {
namespace {

constexpr std::chrono::seconds patience{120};

dsmil::Result<std::uint64_t> download(const Call &call, const NewFile &file) {
    return ApiClient(call.socket).download("/v1/ledger/export", file.fd(), patience);
}

dsmil::Result<int> export_file(const Call &call, Output &out, const std::string &path) {
    auto file = NewFile::make(path);
    if (!file) {
        return std::unexpected(file.error());
    }
    const auto bytes = download(call, *file);
    if (!bytes) {
        return std::unexpected(bytes.error());
    }
    if (auto published = file->publish(); !published) {
        return std::unexpected(published.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema}, {"file", path}, {"bytes", *bytes}});
    } else {
        out.line(std::format("wrote {} ({} bytes)", path, *bytes));
    }
    return 0;
}

dsmil::Result<dsmil::ledger::TilesReport> fetch_tiles(const Call &call, const std::string &directory) {
    if (const auto from = call.option("--from")) {
        return dsmil::ledger::write_tiles(*from, directory);
    }
    // The copy lies beside the folder for a while, and goes with the object.
    const auto copy = NewFile::make(directory + ".db");
    if (!copy) {
        return std::unexpected(copy.error());
    }
    if (auto bytes = download(call, *copy); !bytes) {
        return std::unexpected(std::move(bytes.error()));
    }
    return dsmil::ledger::write_tiles(std::format("/proc/self/fd/{}", copy->fd()), directory);
}

dsmil::Result<int> export_tiles(const Call &call, Output &out, const std::string &directory) {
    const auto report = fetch_tiles(call, directory);
    if (!report) {
        return std::unexpected(report.error());
    }
    if (call.json) {
        out.object({{"schema", call.command->schema},
                    {"directory", directory},
                    {"origin", report->origin},
                    {"size", report->size},
                    {"files", report->files}});
    } else {
        out.line(printable(std::format("wrote {}: {} records of {} in {} files", directory, report->size,
                                       report->origin, report->files)));
    }
    return 0;
}

} // namespace

dsmil::Result<int> run_audit_export(const Call &call, Output &out) {
    const auto file = call.option("FILE");
    const auto tiles = call.option("--tiles");
    if (file.has_value() == tiles.has_value()) {
        return dsmil::fail(dsmil::Code::usage, "give either FILE or --tiles DIR");
    }
    if (file && call.has("--from")) {
        return dsmil::fail(dsmil::Code::usage, "--from goes with --tiles");
    }
    return file ? export_file(call, out, *file) : export_tiles(call, out, *tiles);
}

} // namespace dsmilctl
