// SPDX-License-Identifier: Apache-2.0
// The ledger against bare sqlite of the same bytes, interleaved in this one process.
//   ledger_speed DIR [ROUNDS [RECORDS]]
// DIR must be on a disk: on tmpfs a sync costs nothing. Prints a line each: a name, ours, the peer's.
#include "ledger/ledger.hpp"
#include "ledger/service.hpp"
#include "ledger_bench.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <format>
#include <fstream>
#include <string>
#include <vector>

namespace dsmil::ledger {
namespace {

constexpr std::uint64_t writers = 64;
constexpr std::uint64_t group_commits = 40; // of 64 rows, in a round
constexpr std::uint64_t single_commits = 80;
constexpr std::uint64_t batch_records = 256; // as the audit ring gives them
constexpr std::uint64_t batches_in_flight = 4;
constexpr std::uint64_t made_ahead = group_commits * writers; // records; the others cost time that counts

class Scratch {
  public:
    explicit Scratch(std::string path) : path_(std::move(path)) { remove(); }
    ~Scratch() { remove(); }
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;
    [[nodiscard]] const std::string &path() const { return path_; }
    // What is on the disk of it.
    [[nodiscard]] std::uintmax_t bytes() const {
        std::error_code none;
        const auto wal = std::filesystem::file_size(path_ + "-wal", none);
        return std::filesystem::file_size(path_) + (none ? 0 : wal);
    }

  private:
    void remove() const {
        for (const char *suffix : {"", "-wal", "-shm"}) {
            std::filesystem::remove(path_ + suffix);
        }
    }
    std::string path_;
};

// The peer: the same bodies in a table, nothing else.
class Raw {
  public:
    explicit Raw(const std::string &path) : database_(require(Database::open(path, Database::Mode::create))) {
        require(database_.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                              "CREATE TABLE records(seq INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT"));
        insert_.emplace(require(database_.prepare("INSERT INTO records VALUES(?, ?)")));
    }
    // Time for each row.
    double append(std::uint64_t commits, std::uint64_t rows) {
        std::vector<Bytes> bodies;
        for (std::uint64_t i = 0; i < commits * rows; i++) {
            Record record = event(next_ + i);
            record.sequence = next_ + i;
            bodies.push_back(require(encode(std::move(record))));
        }
        auto body = bodies.begin();
        return microseconds([&] {
                   for (std::uint64_t i = 0; i < commits; i++) {
                       auto transaction = require(Transaction::begin(database_));
                       for (std::uint64_t j = 0; j < rows; j++) {
                           insert_->bind(1, next_++);
                           insert_->bind(2, ByteView(*body++));
                           require(insert_->run());
                       }
                       require(transaction.commit());
                   }
               }) /
               static_cast<double>(commits * rows);
    }

  private:
    Database database_;
    std::optional<Statement> insert_;
    std::uint64_t next_ = 0;
};

class NoKey final : public Signer {
  public:
    [[nodiscard]] std::optional<Bytes> public_key() const override { return std::nullopt; }
    void sign(const Hash & /*digest*/, Then<Result<Bytes>> then) override {
        then(fail(Code::tpm_missing, "none here"));
    }
};

// Ours, as the daemon has it: asked and answered on the reactor's thread.
class Ours {
  public:
    explicit Ours(const std::string &path) : service_(reactor_, log_, system_clock(), key_) {
        ServiceOptions options;
        options.state_dir = std::filesystem::path(path).parent_path();
        options.ledger.path = path;
        options.ledger.default_origin = "bench.example/log";
        require(service_.start(std::move(options)));
    }
    // So many at a time wait for their acknowledgement. Time for each record.
    double append(std::uint64_t records, std::uint64_t at_a_time, std::uint64_t in_flight,
                  Durability durability) {
        to_send_ = records / at_a_time;
        to_hear_ = to_send_;
        at_a_time_ = at_a_time;
        durability_ = durability;
        // As the peer's are made before its time counts.
        while (ready_.size() < std::min(to_send_, made_ahead / at_a_time)) {
            ready_.push_back(make());
        }
        return microseconds([&] {
                   for (std::uint64_t i = 0; i < in_flight; i++) {
                       reactor_.post([this] { send(); });
                   }
                   reactor_.run();
               }) /
               static_cast<double>(records);
    }
    [[nodiscard]] const Service &service() const { return service_; }
    void stop() { static_cast<void>(service_.stop(std::chrono::seconds(60))); }

  private:
    void send() {
        if (to_send_ == 0) {
            return;
        }
        to_send_--;
        auto batch = ready_.empty() ? make() : std::move(ready_.front());
        if (!ready_.empty()) {
            ready_.pop_front();
        }
        service_.append(std::move(batch), durability_, [this](Result<Appended> kept) {
            require(std::move(kept));
            if (--to_hear_ == 0) {
                reactor_.stop();
            }
            send();
        });
    }

    std::vector<Record> make() {
        std::vector<Record> batch;
        batch.reserve(at_a_time_);
        for (std::uint64_t i = 0; i < at_a_time_; i++) {
            batch.push_back(event(next_++));
        }
        return batch;
    }

    Reactor reactor_;
    Log log_{[](const LogEvent & /*event*/) {}, LogLevel::error};
    NoKey key_;
    Service service_;
    std::deque<std::vector<Record>> ready_;
    std::uint64_t next_ = 0;
    std::uint64_t to_send_ = 0;
    std::uint64_t to_hear_ = 0;
    std::uint64_t at_a_time_ = 1;
    Durability durability_ = Durability::power;
};

// The most that this process had in memory until now.
double memory_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("VmHWM:")) {
            return std::strtod(line.c_str() + 6, nullptr);
        }
    }
    return 0;
}

void power(const std::string &directory, unsigned rounds) {
    const Scratch raw_file(directory + "/raw.db");
    const Scratch single_file(directory + "/single.db");
    const Scratch our_file(directory + "/ours.db");
    Raw raw(raw_file.path());
    Raw single(single_file.path());
    Ours ours(our_file.path());
    std::vector<double> of_raw;
    std::vector<double> of_single;
    std::vector<double> of_ours;
    for (unsigned i = 0; i < rounds; i++) {
        of_raw.push_back(raw.append(group_commits, writers));
        of_ours.push_back(ours.append(group_commits * writers, 1, writers, Durability::power));
        of_single.push_back(single.append(single_commits, 1));
    }
    ours.stop();
    std::printf("power %f %f\n", median(of_ours), median(of_raw));
    std::printf("single %f %f\n", median(of_ours), median(of_single));
}

void process(const std::string &directory, std::uint64_t records) {
    const Scratch file(directory + "/process.db");
    std::uint64_t raw_bytes = 0;
    for (std::uint64_t i = 0; i < 1'000; i++) {
        Record record = event(i * records / 1'000);
        record.sequence = i * records / 1'000;
        raw_bytes += require(encode(std::move(record))).size();
    }
    Ours ours(file.path());
    const double first = ours.append(records / 10, batch_records, batches_in_flight, Durability::process);
    const double memory_early = memory_kib();
    const double rest =
        ours.append(records - records / 10, batch_records, batches_in_flight, Durability::process);
    const double memory_late = memory_kib();
    ours.stop();
    std::printf("process %f 5.0\n", 0.1 * first + 0.9 * rest);
    std::printf("memory %f 32768.0\n", memory_late);
    std::printf("growth %f %f\n", memory_late, memory_early);
    std::printf("disk %f %f\n",
                static_cast<double>(file.bytes()) / static_cast<double>(ours.service().snapshot().head.size),
                static_cast<double>(raw_bytes) / 1'000);
}

} // namespace
} // namespace dsmil::ledger

// NOLINTNEXTLINE(bugprone-exception-escape): one that comes here is a bug, and ends the process
int main(int argc, char **argv) {
    if (argc < 2) {
        std::fputs("usage: ledger_speed DIR [ROUNDS [RECORDS]]\n", stderr);
        return 2;
    }
    const unsigned rounds = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 20;
    const std::uint64_t records = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 10'000'000;
    dsmil::ledger::power(argv[1], rounds);
    dsmil::ledger::process(argv[1], records);
    return 0;
}
