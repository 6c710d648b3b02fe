// SPDX-License-Identifier: Apache-2.0
// What a verifier of many machines does most, in this one process and interleaved with its peer.
// Prints a line each: a name, our nanoseconds and the peer's.
#include "attest/event_log.hpp"
#include "attest/quote.hpp"
#include "attest_support.hpp"
#include "log_support.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <openssl/evp.h>
#include <string>
#include <vector>

namespace {

using dsmil::Bytes;
namespace attest = dsmil::attest;
using Clock = std::chrono::steady_clock;

constexpr std::size_t quotes = 8; // of a batch: shorter than what a scheduler gives at once
constexpr std::size_t batches = 1600;
constexpr std::size_t events = 1000;
constexpr std::size_t event_bytes = 256; // of data, as much as real logs have on average
constexpr std::size_t replays = 500;

double median(std::vector<double> &values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

template <typename Work>
double nanoseconds(Work work) {
    const auto begin = Clock::now();
    work();
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
}

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

struct Case {
    Bytes nonce;
    attest::QuoteBundle bundle;
    Bytes digest;
    Bytes der; // the signature, as OpenSSL takes it
};

std::vector<Case> make_cases(const dsmil::test::AttestKey &key) {
    std::vector<Case> cases(quotes);
    for (std::size_t i = 0; i < quotes; i++) {
        dsmil::test::QuoteIngredients in;
        in.select = {0xFF, 0xFF, 0};
        in.pcrs.clear();
        for (unsigned pcr = 0; pcr < 16; pcr++) {
            in.pcrs[pcr] = Bytes(32, static_cast<std::uint8_t>(pcr + i));
        }
        in.nonce = Bytes(32, static_cast<std::uint8_t>(i));
        auto &made = cases[i];
        made.nonce = in.nonce;
        made.bundle.quoted = make_quoted(in);
        made.bundle.pcrs = in.pcrs;
        made.der =
            key.sign_plain(made.bundle.quoted, attest::Signature::Scheme::ecdsa, attest::HashAlg::sha256);
        made.bundle.signature =
            attest::signature_from_plain(made.der, key.public_key(), attest::HashAlg::sha256).value();
        const auto digest = attest::digest(attest::HashAlg::sha256, made.bundle.quoted);
        made.digest.assign(digest.view().begin(), digest.view().end());
    }
    return cases;
}

void verify_quotes() {
    constexpr std::uint32_t ak_attributes = 0x00050072;
    const dsmil::test::AttestKey key(attest::KeyKind::p256);
    const auto cases = make_cases(key);
    auto verifier =
        attest::QuoteVerifier::make(attest::PublicKey::read(key.area(ak_attributes)).value()).value();
    const std::vector<unsigned> pcrs = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const std::vector<std::uint64_t> firmware = {1, 2, 0x0001000200030004};
    const auto earlier = attest::read_report(cases[0].bundle.quoted).value();
    const auto public_key = key.public_key();
    EVP_PKEY_CTX *const bare = EVP_PKEY_CTX_new(public_key.get(), nullptr);
    require(bare != nullptr && EVP_PKEY_verify_init(bare) == 1);

    std::vector<double> ours;
    std::vector<double> peers;
    for (std::size_t batch = 0; batch < batches; batch++) {
        ours.push_back(nanoseconds([&] {
            for (const auto &one : cases) {
                require(verifier
                            .verify(one.bundle, {.nonce = one.nonce,
                                                 .pcrs = pcrs,
                                                 .earlier = &earlier,
                                                 .firmware_versions = firmware})
                            .has_value());
            }
        }));
        peers.push_back(nanoseconds([&] {
            for (const auto &one : cases) {
                require(EVP_PKEY_verify(bare, one.der.data(), one.der.size(), one.digest.data(),
                                        one.digest.size()) == 1);
            }
        }));
    }
    EVP_PKEY_CTX_free(bare);
    std::printf("quote %.1f %.1f\n", median(ours) / quotes, median(peers) / quotes);
}

void replay_log() {
    dsmil::test::LogBuilder builder;
    for (std::size_t i = 0; i < events; i++) {
        std::string data(event_bytes, 'x');
        data[0] = static_cast<char>('a' + i % 26);
        builder.event(static_cast<unsigned>(i % 8), 0x80000008, data);
    }
    std::vector<double> spent;
    for (std::size_t i = 0; i < replays; i++) {
        spent.push_back(nanoseconds([&] {
            const auto log = attest::parse_event_log(builder.bytes(), attest::HashAlg::sha256);
            require(log && attest::replay(*log).size() == 8);
        }));
    }
    std::printf("replay %.1f %.1f\n", median(spent), 2e6);
}

} // namespace

int main() {
    verify_quotes();
    replay_log();
}
