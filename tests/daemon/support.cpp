// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include "ledger/checkpoint.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <utility>

// tpm2-tss 4.1.3 loses 96 bytes each time that a TCTI cannot be opened (Tss2_TctiLdr_Initialize_Ex).
extern "C" const char *__lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char *__lsan_default_suppressions() { // NOLINT(bugprone-reserved-identifier)
    return "leak:Tss2_TctiLdr_Initialize_Ex";
}

namespace dsmil::test {

TempDir::TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "dsmil-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        std::abort();
    }
    path_ = name;
}

TempDir::~TempDir() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
}

struct TestKey::Impl {
    Impl() : key(EVP_EC_gen("P-256")) {}
    ~Impl() { EVP_PKEY_free(key); }
    Impl(const Impl &) = delete;
    Impl &operator=(const Impl &) = delete;
    EVP_PKEY *key;
};

TestKey::TestKey() : impl_(std::make_unique<Impl>()) {}
TestKey::~TestKey() = default;

Bytes TestKey::spki() const {
    unsigned char *der = nullptr;
    const int length = i2d_PUBKEY(impl_->key, &der);
    Bytes bytes(der, der + length);
    OPENSSL_free(der);
    return bytes;
}

Bytes TestKey::sign_digest(const Hash &digest) const {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(impl_->key, nullptr);
    Bytes signature(256);
    std::size_t size = signature.size();
    EXPECT_EQ(EVP_PKEY_sign_init(context), 1);
    EXPECT_EQ(EVP_PKEY_sign(context, signature.data(), &size, digest.data(), digest.size()), 1);
    EVP_PKEY_CTX_free(context);
    signature.resize(size);
    return signature;
}

ledger::VerifierKey TestKey::verifier(const std::string &name) const {
    return ledger::VerifierKey::ecdsa(name, spki()).value();
}

std::string TestKey::note(const std::string &origin, std::uint64_t size, const Hash &root) const {
    const std::string text = ledger::Checkpoint{origin, size, root}.text();
    const auto key = verifier(origin);
    return ledger::Note{text, {{key.name, key.id, sign_digest(sha256(as_bytes(text)))}}}.format();
}

void TestKey::sign(const Hash &digest, Then<Result<Bytes>> then) {
    if (usable) {
        then(sign_digest(digest));
    } else {
        then(fail(Code::tpm_missing, "the test has no key"));
    }
}

void TestKey::quote(const Hash &digest, Then<Result<ledger::Quote>> then) {
    if (quotes) {
        then(ledger::Quote{Bytes(digest.begin(), digest.end()), {1}, {2}});
    } else {
        then(fail(Code::tpm_failed, "the test's TPM does not quote"));
    }
}

ledger::Record ring_record(std::uint64_t sequence, std::uint8_t load) {
    ledger::Record record = plain_record(sequence);
    record.source = "kernel";
    record.ring.emplace();
    record.ring->load_id.fill(load);
    record.ring->sequence = sequence;
    record.device_id = 0x8005;
    record.reg = 1;
    record.token = 0x8010;
    record.actor = ledger::Actor{1000, 42, "dsmilctl", 7};
    record.action = "write";
    record.context = {{"reason", std::string("allowed")}};
    return record;
}

ledger::Record plain_record(std::uint64_t number) {
    ledger::Record record;
    record.boottime_ns = 1'000 + number;
    record.realtime_ns = 1'700'000'000'000'000'000 + number;
    record.boot_id.fill(9);
    record.source = "dsmild";
    record.action = "test";
    record.outcome = "ok";
    record.values = {{"value", number}};
    return record;
}

std::string source_path(std::string_view name) {
    const char *root = std::getenv("DSMIL_SOURCE"); // set by meson
    return std::string(root != nullptr ? root : ".") + "/" + std::string(name);
}

void run_until(Reactor &reactor, const std::function<bool()> &done) {
    Reactor::Timer limit(reactor);
    bool late = false;
    limit.start(std::chrono::minutes(1), [&] {
        late = true;
        reactor.stop();
    });
    // Each step asks again: nothing here waits for a length of time.
    Reactor::Timer step(reactor);
    std::function<void()> look = [&] {
        if (done()) {
            reactor.stop();
        } else {
            step.start(std::chrono::milliseconds(1), [&] { look(); });
        }
    };
    reactor.post([&] { look(); });
    reactor.run();
    ASSERT_FALSE(late) << "it takes longer than a minute";
}

} // namespace dsmil::test
