// SPDX-License-Identifier: Apache-2.0
#include "verifier_support.hpp"

#include "attest/eat.hpp"

#include <algorithm>
#include <format>

namespace dsmil::test {
namespace {

// Where the symmetric algorithm of an ECC key's TPMT_PUBLIC is: behind type, name algorithm,
// attributes and an empty policy.
constexpr std::size_t symmetric_at = 10;

} // namespace

Bytes TestMachine::ek_public(std::uint32_t attributes) const {
    Bytes area = ek_.area(attributes);
    const Bytes aes128_cfb = {0x00, 0x06, 0x00, 0x80, 0x00, 0x43};
    area.erase(area.begin() + symmetric_at, area.begin() + symmetric_at + 2);
    area.insert(area.begin() + symmetric_at, aes128_cfb.begin(), aes128_cfb.end());
    return area;
}

Bytes TestMachine::ek_name() const {
    return attest::PublicKey::read(ek_public())->area()->name;
}

Bytes TestMachine::ak_name() const {
    return attest::PublicKey::read(ak_public())->area()->name;
}

verifierd::EnrolmentRequest TestMachine::enrolment() const {
    return {.ek_public = ek_public(), .certificate = {}, .chain = {}, .ak_public = ak_public()};
}

verifierd::Evidence TestMachine::evidence(const verifierd::Session &session) const {
    QuoteIngredients in = quote;
    in.nonce = session.nonce;
    const Bytes quoted = make_quoted(in);
    return {.quoted = quoted,
            .signature = ak_.sign(quoted, attest::Signature::Scheme::ecdsa, attest::HashAlg::sha256),
            .pcrs = in.pcrs,
            .event_log = {},
            .ima = {}};
}

void VerifierTest::open(const std::string &fleet, const std::string &reference) {
    fleet_text = fleet;
    reference_text = reference;
    auto parsed = verifierd::parse_fleet(
        fleet, "fleet.toml", [&](const std::string &) -> Result<std::string> { return reference; });
    ASSERT_TRUE(parsed) << parsed.error().detail;
    auto store = verifierd::Store::open(directory.path("verifier.db"), 0);
    ASSERT_TRUE(store) << store.error().detail;
    const auto random = [this](std::span<std::uint8_t> bytes) {
        std::ranges::fill(bytes, random_byte++);
        return true;
    };
    static const std::string key = attest::make_token_key().value();
    const ByteView pem = as_bytes(key);
    std::vector<attest::CertificatePointer> own;
    auto made = verifierd::Service::make(std::move(*store), std::move(*parsed), std::move(own), settings,
                                         Bytes(pem.begin(), pem.end()), clock, random);
    ASSERT_TRUE(made) << made.error().detail;
    service.emplace(std::move(*made));
}

void VerifierTest::open_for(const TestMachine &machine, const std::string &more_reference) {
    open("[[rules]]\nname = \"all\"\nmachines = [\"*\"]\npcrs = [0, 7]\nreference = \"/reference\"\n",
         std::format("[tpm]\nek_names = [\"{}\"]\n{}", to_hex(machine.ek_name()), more_reference));
}

void VerifierTest::enrol(const TestMachine &machine) {
    const std::uint8_t secret = random_byte + 1; // the id comes first
    const auto challenge = service->begin_enrolment(machine.name(), machine.enrolment());
    ASSERT_TRUE(challenge) << challenge.error().detail;
    const auto done = service->finish_enrolment(machine.name(), challenge->id, Bytes(32, secret));
    ASSERT_TRUE(done) << done.error().detail;
}

Result<verifierd::Record> VerifierTest::attest(const TestMachine &machine) {
    const auto session = service->ask(machine.name());
    if (!session) {
        return std::unexpected(session.error());
    }
    return service->answer(machine.name(), session->id, machine.evidence(*session));
}

} // namespace dsmil::test
