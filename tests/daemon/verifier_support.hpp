// SPDX-License-Identifier: Apache-2.0
// A verifier with a clock and randomness of the test's, and machines whose TPMs are
// keys in memory.
#pragma once

#include "attest_support.hpp"
#include "base/clock.hpp"
#include "log_support.hpp"
#include "support.hpp"
#include "verifierd/service.hpp"

#include <gtest/gtest.h>

namespace dsmil::test {

class SettableClock final : public Clock {
  public:
    [[nodiscard]] std::uint64_t boottime_ns() const override { return seconds * 1'000'000'000; }
    [[nodiscard]] std::uint64_t realtime_ns() const override { return seconds * 1'000'000'000; }
    std::uint64_t seconds = 1'800'000'000;
};

inline constexpr std::uint32_t ak_attributes = 0x00050072; // as tpm2_createak makes it
inline constexpr std::uint32_t ek_attributes = 0x000300B2; // the TCG's template

// A machine, as it shows itself.
class TestMachine {
  public:
    explicit TestMachine(std::string name) : name_(std::move(name)) {}

    [[nodiscard]] const std::string &name() const { return name_; }
    [[nodiscard]] Bytes ek_public(std::uint32_t attributes = ek_attributes) const;
    [[nodiscard]] Bytes ek_name() const;
    [[nodiscard]] Bytes ak_public(std::uint32_t attributes = ak_attributes) const {
        return ak_.area(attributes);
    }
    [[nodiscard]] Bytes ak_name() const;
    // Without a certificate.
    [[nodiscard]] verifierd::EnrolmentRequest enrolment() const;
    // The answer to a question, from `quote` with the question's nonce and PCRs.
    [[nodiscard]] verifierd::Evidence evidence(const verifierd::Session &session) const;

    QuoteIngredients quote;

  private:
    std::string name_;
    AttestKey ek_{attest::KeyKind::p256};
    AttestKey ak_{attest::KeyKind::p256};
};

class VerifierTest : public testing::Test {
  protected:
    // With a fleet.toml and the reference values "/reference" of it.
    void open(const std::string &fleet, const std::string &reference);
    void reopen() {
        service.reset();
        open(fleet_text, reference_text);
    }
    // "any machine, PCRs 0 and 7, and this EK may come without a certificate".
    void open_for(const TestMachine &machine, const std::string &more_reference = "");
    void enrol(const TestMachine &machine);
    Result<verifierd::Record> attest(const TestMachine &machine);

    TempDir directory;
    SettableClock clock;
    std::uint8_t random_byte = 0; // the next one that there will be
    std::string fleet_text;
    std::string reference_text;
    std::vector<attest::CertificatePointer> roots;
    verifierd::Settings settings;
    std::optional<verifierd::Service> service;
};

} // namespace dsmil::test
