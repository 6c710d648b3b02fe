// SPDX-License-Identifier: Apache-2.0
// What the verifier does, without network: enrolment, questions, judgement,
// history. One thread at a time; time and randomness are given.
#pragma once

#include "attest/ek_certificate.hpp"
#include "base/clock.hpp"
#include "verifierd/judgement.hpp"
#include "verifierd/requests.hpp"
#include "verifierd/rules.hpp"
#include "verifierd/store.hpp"

#include <array>
#include <boost/json/object.hpp>
#include <functional>

namespace dsmil::verifierd {

// Fills the bytes; false when the system has no randomness.
using Random = std::function<bool(std::span<std::uint8_t> bytes)>;
[[nodiscard]] Random system_random();

struct Settings {
    std::string issuer = "dsmil-verifierd"; // of tokens
    std::uint64_t session_s = 60;           // for evidence, and for the secret of an enrolment
    std::size_t history = 100;              // results of a machine that are kept
    Ages ages;
};

struct Challenge {
    std::string id;
    Bytes id_object;        // TPM2B_ID_OBJECT
    Bytes encrypted_secret; // TPM2B_ENCRYPTED_SECRET
    std::uint64_t expires_s = 0;
};

struct MachineView {
    Machine machine;
    State state = State::never;
    std::string rule; // empty: none names it any more
    bool pulled = false;
};

class Service {
  public:
    // `token_key` is the PEM of a P-256 private key; malformed if it is not.
    [[nodiscard]] static Result<Service> make(Store store, Fleet fleet,
                                              std::vector<attest::CertificatePointer> roots,
                                              Settings settings, Bytes token_key, const Clock &clock,
                                              Random random);

    // A challenge that only the TPM with this EK opens, and only for this AK. permission when no
    // rule names the machine, or the EK has no certificate and the reference values do not list it;
    // certificate_refused; attestation_failed for an AK with other attributes; conflict when the
    // machine has another TPM, or another machine this one; usage for keys that cannot be read.
    [[nodiscard]] Result<Challenge> begin_enrolment(const std::string &machine, const EnrolmentRequest &keys);
    // The AK is pinned. not_found, try_again (too late), attestation_failed (another secret; the
    // challenge is then gone).
    [[nodiscard]] Result<MachineView> finish_enrolment(const std::string &machine, const std::string &id,
                                                       ByteView secret);

    // not_found for a machine that is not enrolled; permission when no rule names it any more.
    [[nodiscard]] Result<Session> ask(const std::string &machine);
    // The record of a conclusive judgement, good or bad. not_found, conflict (the question was
    // answered already), try_again (too late, or an inconclusive answer: ask again).
    [[nodiscard]] Result<Record> answer(const std::string &machine, const std::string &id,
                                        const Evidence &evidence);

    [[nodiscard]] Result<std::vector<MachineView>> list(std::string_view after, std::size_t limit);
    [[nodiscard]] Result<MachineView> show(const std::string &machine); // not_found
    [[nodiscard]] Result<std::vector<Record>> history(const std::string &machine, std::size_t limit);
    [[nodiscard]] Result<void> remove(const std::string &machine); // not_found
    [[nodiscard]] const std::string &token_key_pem() const { return token_public_; }
    [[nodiscard]] const Rule *rule_of(std::string_view machine) const { return fleet_.rule_of(machine); }
    [[nodiscard]] const std::map<std::string, Address, std::less<>> &pulled() const { return fleet_.pull; }

    struct Numbers {
        std::array<std::uint64_t, 3> results{}; // by Outcome, since the start
        std::uint64_t inconclusive = 0;
        std::uint64_t enrolled = 0;
        std::uint64_t enrolments_refused = 0;
        Store::Counts waiting;
    };
    [[nodiscard]] Result<Numbers> numbers();
    [[nodiscard]] const Settings &settings() const { return settings_; }
    [[nodiscard]] std::uint64_t now_s() const { return clock_->realtime_ns() / 1'000'000'000U; }

  private:
    Service(Store store, Fleet fleet, std::vector<attest::CertificatePointer> roots, Settings settings,
            Bytes token_key, const Clock &clock, Random random)
        : store_(std::move(store)), fleet_(std::move(fleet)), roots_(std::move(roots)),
          settings_(std::move(settings)), token_key_(std::move(token_key)), clock_(&clock),
          random_(std::move(random)) {}
    [[nodiscard]] Result<Keys> accept(const std::string &machine, const EnrolmentRequest &request) const;
    [[nodiscard]] Result<Bytes> random_bytes(std::size_t count) const;
    [[nodiscard]] MachineView view_of(Machine machine) const;
    [[nodiscard]] Result<Machine> enrolled(const std::string &name);
    [[nodiscard]] Result<Session> open_session(const std::string &machine, const std::string &id);
    [[nodiscard]] Result<Record> conclude(const Session &session, Machine machine, const Evidence &evidence,
                                          const Judgement &judgement);

    Store store_;
    Fleet fleet_;
    std::vector<attest::CertificatePointer> roots_;
    Settings settings_;
    Bytes token_key_;
    std::string token_public_;
    const Clock *clock_;
    Random random_;
    Numbers numbers_;
};

} // namespace dsmil::verifierd
