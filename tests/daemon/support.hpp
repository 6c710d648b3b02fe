// SPDX-License-Identifier: Apache-2.0
// What the tests of the daemon share.
#pragma once

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/reactor.hpp"
#include "ledger/note.hpp"
#include "ledger/record.hpp"
#include "ledger/signer.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::test {

class TempDir {
  public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir &) = delete;
    TempDir &operator=(const TempDir &) = delete;
    [[nodiscard]] std::string path(std::string_view name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

// A P-256 key in memory, in the place of the TPM's.
class TestKey final : public ledger::Signer {
  public:
    TestKey();
    ~TestKey() override;
    TestKey(const TestKey &) = delete;
    TestKey &operator=(const TestKey &) = delete;

    [[nodiscard]] Bytes spki() const;
    [[nodiscard]] Bytes sign_digest(const Hash &digest) const; // DER
    [[nodiscard]] ledger::VerifierKey verifier(const std::string &name) const;
    // A signed checkpoint.
    [[nodiscard]] std::string note(const std::string &origin, std::uint64_t size, const Hash &root) const;

    [[nodiscard]] std::optional<Bytes> public_key() const override {
        return usable ? std::optional(spki()) : std::nullopt;
    }
    void sign(const Hash &digest, Then<Result<Bytes>> then) override;
    // Its quotes are the digest and nothing else.
    void quote(const Hash &digest, Then<Result<ledger::Quote>> then) override;

    bool usable = true;
    bool quotes = true;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// A record of the kernel's ring.
[[nodiscard]] ledger::Record ring_record(std::uint64_t sequence, std::uint8_t load = 1);
// A record of the daemon.
[[nodiscard]] ledger::Record plain_record(std::uint64_t number);

// Writes to no terminal; what was written is in `events`.
struct TestLog {
    TestLog() : log([this](const LogEvent &event) { events.push_back(event); }, LogLevel::debug) {}
    std::vector<LogEvent> events;
    Log log;
};

// A file of the source tree.
[[nodiscard]] std::string source_path(std::string_view name);

// Runs the reactor until `done` says so; it stops itself after a minute, and
// then the test fails.
void run_until(Reactor &reactor, const std::function<bool()> &done);

} // namespace dsmil::test
