// SPDX-License-Identifier: Apache-2.0
// A machine's attestation in the verifier of a fleet, without the network: the question, the
// evidence judged against the reference values, the token signed, all of it stored durably. Against
// OpenSSL's bare verification, interleaved in this one process. Prints "name ours peer" in nanoseconds.
#include "../daemon/verifier_support.hpp"
#include "attest/eat.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <format>
#include <openssl/evp.h>
#include <vector>

namespace {

using dsmil::Bytes;
namespace attest = dsmil::attest;
namespace test = dsmil::test;
namespace verifierd = dsmil::verifierd;
using Clock = std::chrono::steady_clock;

constexpr std::size_t rounds = 400;
constexpr std::size_t verifications = 16; // of the peer, in each round

void require(bool holds, const char *what) {
    if (!holds) {
        std::fprintf(stderr, "bench_verifierd: %s\n", what);
        std::exit(1);
    }
}

double median(std::vector<double> &values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

double nanoseconds(Clock::duration duration) {
    return std::chrono::duration<double, std::nano>(duration).count();
}

// Questions and identities need not be secret here.
class Counting {
  public:
    bool operator()(std::span<std::uint8_t> bytes) {
        for (std::size_t i = 0; i < bytes.size(); i++) {
            bytes[i] = static_cast<std::uint8_t>(i < sizeof(count_) ? count_ >> (8 * i) : 0);
        }
        last_.assign(bytes.begin(), bytes.end());
        count_++;
        return true;
    }
    [[nodiscard]] const Bytes &last() const { return last_; }

  private:
    std::uint64_t count_ = 1;
    Bytes last_;
};

verifierd::Service open(const test::TestMachine &machine, const std::string &path, const dsmil::Clock &clock,
                        Counting &random) {
    const std::string reference =
        std::format("[tpm]\nek_names = [\"{}\"]\n", dsmil::to_hex(machine.ek_name()));
    auto fleet = verifierd::parse_fleet(
        "[[rules]]\nname = \"all\"\nmachines = [\"*\"]\npcrs = [0, 1, 2, 3, 4, 5, 6, 7]\n"
        "reference = \"/reference\"\n",
        "fleet.toml", [&](const std::string &) -> dsmil::Result<std::string> { return reference; });
    require(fleet.has_value(), "the fleet");
    auto store = verifierd::Store::open(path, 0);
    require(store.has_value(), "the store");
    const std::string key = attest::make_token_key().value();
    const auto pem = dsmil::as_bytes(key);
    auto made =
        verifierd::Service::make(std::move(*store), std::move(*fleet), {}, {}, Bytes(pem.begin(), pem.end()),
                                 clock, [&random](std::span<std::uint8_t> bytes) { return random(bytes); });
    require(made.has_value(), "the service");
    return std::move(*made);
}

struct Bare {
    EVP_PKEY_CTX *context;
    Bytes digest;
    Bytes der;
};

void measure(const test::TestMachine &machine, verifierd::Service &service, const Bare &bare) {
    std::vector<double> ours;
    std::vector<double> peers;
    for (std::size_t round = 0; round < rounds + rounds / 10; round++) {
        auto began = Clock::now();
        const auto session = service.ask(machine.name());
        auto spent = Clock::now() - began;
        require(session.has_value(), "the question");
        const auto evidence = machine.evidence(*session); // the machine's work
        began = Clock::now();
        const auto record = service.answer(machine.name(), session->id, evidence);
        spent += Clock::now() - began;
        require(record && record->outcome == verifierd::Outcome::verified, "the answer");
        began = Clock::now();
        for (std::size_t i = 0; i < verifications; i++) {
            require(EVP_PKEY_verify(bare.context, bare.der.data(), bare.der.size(), bare.digest.data(),
                                    bare.digest.size()) == 1,
                    "the peer");
        }
        if (round >= rounds / 10) { // after the warm-up
            ours.push_back(nanoseconds(spent));
            peers.push_back(nanoseconds(Clock::now() - began) / verifications);
        }
    }
    std::printf("attestation %.1f %.1f\n", median(ours), median(peers));
}

} // namespace

int main() {
    const test::TempDir directory;
    const test::SettableClock clock;
    test::TestMachine machine("machine");
    machine.quote.select = {0xFF, 0, 0};
    machine.quote.pcrs.clear();
    for (unsigned pcr = 0; pcr < 8; pcr++) {
        machine.quote.pcrs[pcr] = Bytes(32, static_cast<std::uint8_t>(pcr));
    }
    Counting random;
    auto service = open(machine, directory.path("verifier.db"), clock, random);
    const auto challenge = service.begin_enrolment(machine.name(), machine.enrolment());
    require(challenge.has_value(), "the challenge");
    const Bytes secret = random.last();
    require(service.finish_enrolment(machine.name(), challenge->id, secret).has_value(), "the enrolment");

    const test::AttestKey key(attest::KeyKind::p256);
    const Bytes text(100, 1);
    const auto digest = attest::digest(attest::HashAlg::sha256, text);
    const auto public_key = key.public_key();
    Bare bare{EVP_PKEY_CTX_new(public_key.get(), nullptr), Bytes(digest.view().begin(), digest.view().end()),
              key.sign_plain(text, attest::Signature::Scheme::ecdsa, attest::HashAlg::sha256)};
    require(bare.context != nullptr && EVP_PKEY_verify_init(bare.context) == 1, "the peer's key");
    measure(machine, service, bare);
    EVP_PKEY_CTX_free(bare.context);
    return 0;
}
