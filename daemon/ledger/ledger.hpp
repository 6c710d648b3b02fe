// SPDX-License-Identifier: Apache-2.0
// The append-only log. One writer a file; what append() has returned is as
// durable as was asked for. Belongs to one thread at a time and blocks on the
// disk. Its memory does not grow with the file.
#pragma once

#include "ledger/anchor_table.hpp"
#include "ledger/database.hpp"
#include "ledger/durability.hpp"
#include "ledger/notary.hpp"
#include "ledger/record.hpp"
#include "ledger/reserve.hpp"
#include "ledger/retention.hpp"
#include "ledger/schema.hpp"
#include "ledger/tree.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

struct LedgerOptions {
    std::string path;
    std::string origin;          // must be that of an existing file; empty: whatever it is
    std::string default_origin;  // of a new file when `origin` is empty
    std::uint64_t max_bytes = 0; // of the database file; 0: no limit
    // Of the disk, or of max_bytes, kept for what matters to security when that is full; 0: none.
    std::uint64_t reserve_bytes = 0;
    // The write-ahead log goes into the file when it has so many pages of 4 KiB.
    std::uint64_t wal_pages = 1'000;
    // Called at each step of a commit, by name; tests die or fail there.
    std::function<void(std::string_view step)> on_step = [](std::string_view) {};
};

struct Head {
    std::uint64_t size = 0;
    Hash root{};
};

struct Appended {
    std::uint64_t records = 0;    // that are new
    std::uint64_t duplicates = 0; // that the ledger had already, by their place in the ring
    Durability durability = Durability::power;
};

// Batches of records that share a transaction.
using Group = std::vector<std::vector<Record>>;

class Ledger {
  public:
    // Makes the file when it is not there. Checks what there is and refuses,
    // without touching it, to go on with it: tampered, cut (see verify.hpp),
    // config_invalid (another origin), permission, disk_full, failed.
    [[nodiscard]] static Result<Ledger> open(LedgerOptions options);

    // All or nothing, in one transaction. A record whose place in the ring was
    // seen is left out; a hole before it, also before the first one of a load,
    // becomes a record of its own. disk_full: nothing has changed, try again.
    [[nodiscard]] Result<Appended> append(std::vector<Record> records,
                                          Durability durability = Durability::power);

    // The same for several batches at the price of one: an answer each. A batch
    // with a record that cannot be (usage) is left out alone; any other error is
    // everybody's, and then nothing has changed.
    // When there is no room, the reserve is let go of: critical groups then have it to themselves,
    // until it could be taken back.
    [[nodiscard]] Result<std::vector<Result<Appended>>> append_group(Group group, Durability durability,
                                                                     bool critical = false);

    // False while the disk is full and the reserve is being used. True without one.
    [[nodiscard]] bool has_reserve() const { return options_.reserve_bytes == 0 || reserve_.held(); }

    // Forgets what the policy lets go of the oldest records that a checkpoint covers, and
    // appends `record` with what that was, all in one transaction. Nothing to forget: no record.
    [[nodiscard]] Result<Pruned> prune(const Retention &policy, Record record);
    [[nodiscard]] std::uint64_t first() const { return first_; } // record that is there

    // Makes durable what append() has taken so far.
    [[nodiscard]] Result<void> sync();

    [[nodiscard]] bool is_new() const { return is_new_; } // open() made it
    [[nodiscard]] Head head() const { return {edge_.size(), edge_.root()}; }
    [[nodiscard]] const std::string &origin() const { return origin_; }

    // Keeps a signed checkpoint of the first `size` records, durably, and the
    // TPM's quote of it when there is one. Only what was
    // durable before may be signed: a signature on records that are lost forks the log.
    // One that covers less than the last is not kept.
    [[nodiscard]] Result<void> add_checkpoint(std::uint64_t size, std::string_view note,
                                              const std::optional<Quote> &quote = {});
    [[nodiscard]] const std::optional<std::string> &last_checkpoint() const { return last_checkpoint_; }
    [[nodiscard]] std::uint64_t last_checkpoint_size() const { return last_checkpoint_size_; }
    // Of the newest record when it was opened; zero: there was none.
    [[nodiscard]] std::uint64_t opened_realtime_ns() const { return opened_realtime_ns_; }

    // The TPM's anchors of checkpoints (anchor_table.hpp), each step durable.
    [[nodiscard]] Result<AnchorBook> read_anchors(std::uint64_t since_ns, std::size_t limit);
    [[nodiscard]] Result<Anchor> begin_anchor(std::uint64_t at_ns, AnchorReason reason, const Hash &before);
    [[nodiscard]] Result<void> end_anchor(std::uint64_t id, std::uint64_t count);

    [[nodiscard]] Result<void> limit_bytes(std::uint64_t bytes) { return database_.limit_bytes(bytes); }

  private:
    struct Batch;
    Ledger(LedgerOptions options, Database database)
        : options_(std::move(options)), database_(std::move(database)),
          reserve_(options_.path + ".reserve", options_.reserve_bytes) {}
    [[nodiscard]] Result<void> load();
    [[nodiscard]] Result<void> prepare_to_write();
    [[nodiscard]] Result<void> prepare_statements();
    [[nodiscard]] Result<void> make_tables();
    [[nodiscard]] Result<void> be(Durability durability);
    [[nodiscard]] Result<Appended> stage(Batch &batch, std::vector<Record> records) const;
    [[nodiscard]] Result<void> write(const Batch &batch);
    [[nodiscard]] Result<void> write_tiles(const Edge &edge);
    [[nodiscard]] Result<void> take_reserve();
    [[nodiscard]] Result<void> write_with_reserve(const Batch &batch, bool critical);

    LedgerOptions options_;
    Database database_;
    Reserve reserve_;
    struct Prepared {
        Statement insert_record;
        Statement put_tile;
        Statement put_meta;
    };
    std::unique_ptr<Prepared> prepared_; // once opened
    bool full_ = true;                   // each commit reaches the disk
    bool synced_ = true;                 // nothing waits for that
    std::string origin_;
    bool is_new_ = false;
    Edge edge_;
    RingPositions rings_;
    std::uint64_t first_ = 0;
    std::optional<std::string> last_checkpoint_;
    std::uint64_t last_checkpoint_size_ = 0;
    std::uint64_t opened_realtime_ns_ = 0;
};

} // namespace dsmil::ledger
