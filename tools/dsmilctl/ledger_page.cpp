// SPDX-License-Identifier: Apache-2.0
#include "ledger_page.hpp"

#include "api_answer.hpp"
#include "api_client.hpp"
#include "ledger/export.hpp"
#include "ledger/record_json.hpp"
#include "ledger_record.hpp"

#include <chrono>
#include <format>

namespace dsmilctl {
namespace {

constexpr std::chrono::seconds patience{60};

class Daemon final : public RecordSource {
  public:
    explicit Daemon(const std::string &socket) : api_(socket) {}

    dsmil::Result<Page> page(const std::map<std::string, std::string> &conditions, std::uint64_t first,
                             std::uint64_t limit) override {
        auto target = std::format("/v1/ledger/search?after={}&limit={}", first, limit);
        for (const auto &[name, value] : conditions) {
            target += std::format("&{}={}", name, percent_encode(value));
        }
        return api_.get(target, patience).and_then([first](const std::string &body) {
            return decode(body, first);
        });
    }

  private:
    static dsmil::Result<Page> decode(const std::string &body, std::uint64_t first) {
        const auto answer = decode_object("dsmild", body);
        auto records = answer ? decode_records(body) : std::unexpected(answer.error());
        const auto next = records ? number_member(*answer, "next") : std::unexpected(records.error());
        if (!next) {
            return std::unexpected(next.error());
        }
        const auto *complete = answer->if_contains("complete");
        if (complete == nullptr || !complete->is_bool()) {
            return dsmil::fail(dsmil::Code::failed,
                               "the answer of dsmild does not say whether it is complete");
        }
        if (!complete->get_bool() && *next <= first) { // It would be asked for ever.
            return dsmil::fail(dsmil::Code::failed, "the answer of dsmild leads nowhere");
        }
        return Page{std::move(*records), *next, complete->get_bool()};
    }

    ApiClient api_;
};

class File final : public RecordSource {
  public:
    File(std::string path, dsmil::ledger::LedgerReader reader)
        : path_(std::move(path)), reader_(std::move(reader)) {}

    dsmil::Result<Page> page(const std::map<std::string, std::string> &conditions, std::uint64_t first,
                             std::uint64_t limit) override {
        const auto query = dsmil::ledger::Query::parse(conditions);
        auto found = query ? reader_.search(*query, first, limit) : std::unexpected(query.error());
        if (!found) {
            return std::unexpected(std::move(found.error()).in(std::format("reading {}", path_)));
        }
        Page page{.records = {}, .next = found->next, .complete = found->complete};
        for (const auto &record : found->records) {
            page.records.emplace_back(to_json(record));
        }
        return page;
    }

  private:
    std::string path_;
    dsmil::ledger::LedgerReader reader_;
};

} // namespace

dsmil::Result<std::unique_ptr<RecordSource>> RecordSource::open(const Call &call) {
    const auto path = call.option("--from");
    if (!path) {
        return std::make_unique<Daemon>(call.socket);
    }
    auto reader = dsmil::ledger::LedgerReader::open_copy(*path);
    if (!reader) {
        return std::unexpected(std::move(reader.error()));
    }
    return std::make_unique<File>(*path, std::move(*reader));
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string encoded;
    for (const char c : text) {
        encoded +=
            plain.contains(c) ? std::string(1, c) : std::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

} // namespace dsmilctl
