// SPDX-License-Identifier: Apache-2.0
// The verifier's memory: one sqlite file (WAL). What a call has changed is durable
// when it returns, or nothing is. Belongs to one thread at a time.
#pragma once

#include "ledger/database.hpp"
#include "verifierd/machine.hpp"

#include <array>

namespace dsmil::verifierd {

class Store {
  public:
    // failed when the file is something else or of a later release; what opening a database gives.
    // A file may grow to `max_bytes` (0: no limit), then disk_full.
    [[nodiscard]] static Result<Store> open(const std::string &path, std::uint64_t max_bytes);

    [[nodiscard]] Result<std::optional<Machine>> machine(std::string_view name);
    [[nodiscard]] Result<std::optional<std::string>> machine_with_ek(ByteView ek_name);
    // By name, after `after`; at most `limit`.
    [[nodiscard]] Result<std::vector<Machine>> machines(std::string_view after, std::size_t limit);
    [[nodiscard]] Result<std::size_t> machine_count();
    // With its history and whatever waits for it.
    [[nodiscard]] Result<void> remove(std::string_view name);

    // Replaces what waits for the same machine, and what ran out by `now_s` goes. try_again when
    // max_enrolments (max_sessions) of others wait.
    [[nodiscard]] Result<void> put(const Enrolment &enrolment, std::uint64_t now_s);
    [[nodiscard]] Result<void> put(const Session &session, std::uint64_t now_s);
    [[nodiscard]] Result<std::optional<Enrolment>> enrolment(std::string_view id);
    [[nodiscard]] Result<std::optional<Session>> session(std::string_view id);
    [[nodiscard]] Result<void> drop_enrolment(std::string_view id);

    // The machine is pinned, or takes its new keys, and the enrolment is gone: at once. `machine`
    // has the name and the keys; its history stays. try_again beyond max_machines.
    [[nodiscard]] Result<void> pin(const Machine &machine, std::string_view enrolment);

    // The session is used, the machine is as given and, with a record, that is its newest and only
    // `history` of them are kept: at once. The record's number.
    [[nodiscard]] Result<std::uint64_t> conclude(std::string_view session, const Machine &machine,
                                                 const Record *record, std::size_t history);

    // The newest first.
    [[nodiscard]] Result<std::vector<Record>> records(std::string_view machine, std::size_t limit);

    struct Counts {
        std::size_t sessions = 0; // that wait and have not run out
        std::size_t enrolments = 0;
    };
    [[nodiscard]] Result<Counts> counts(std::uint64_t now_s);

  private:
    explicit Store(ledger::Database database) : database_(std::move(database)) {}
    [[nodiscard]] Result<void> prepare(std::uint64_t max_bytes);
    [[nodiscard]] Result<std::uint64_t> count(std::string_view sql, std::uint64_t now_s);
    [[nodiscard]] Result<void> update(const Machine &machine);
    [[nodiscard]] Result<std::uint64_t> add_record(std::string_view machine, const Record &record,
                                                   std::size_t history);
    ledger::Database database_;
};

} // namespace dsmil::verifierd
