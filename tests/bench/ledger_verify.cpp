// SPDX-License-Identifier: Apache-2.0
// Verifying a whole ledger, and proving one record of a long one.
//   ledger_verify DIR [RECORDS [LEAVES]]
// Prints a line each: a name, ours, the goal. The second and later verifications count: warm.
#include "ledger/checkpoint.hpp"
#include "ledger/ledger.hpp"
#include "ledger/log_source.hpp"
#include "ledger/note.hpp"
#include "ledger/proof.hpp"
#include "ledger/verify.hpp"
#include "ledger_bench.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <format>
#include <memory>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string>
#include <vector>

namespace dsmil::ledger {
namespace {

constexpr auto origin = "bench.example/log";
constexpr std::uint64_t batch_records = 1'000; // and a checkpoint after each
constexpr std::size_t verifications = 5;
constexpr std::size_t proofs = 1'000;

// A P-256 key, as a TPM has it.
class Key {
  public:
    Key() : key_(EVP_EC_gen("P-256"), EVP_PKEY_free) {
        unsigned char *der = nullptr;
        const int size = i2d_PUBKEY(key_.get(), &der);
        verifier_ = require(VerifierKey::ecdsa(origin, Bytes(der, der + size)));
        OPENSSL_free(der);
    }

    [[nodiscard]] const VerifierKey &verifier() const { return verifier_; }

    [[nodiscard]] std::string checkpoint(std::uint64_t size, const Hash &root) const {
        const auto text = Checkpoint{origin, size, root}.text();
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                              EVP_MD_CTX_free);
        Bytes signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())));
        std::size_t length = signature.size();
        if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
            EVP_DigestSign(context.get(), signature.data(), &length, as_bytes(text).data(), text.size()) !=
                1) {
            std::abort();
        }
        signature.resize(length);
        return Note{text, {{origin, verifier_.id, std::move(signature)}}}.format();
    }

  private:
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    VerifierKey verifier_;
};

void measure_verify(const std::string &folder, std::uint64_t records) {
    const Key key;
    const auto path = folder + "/verify.db";
    {
        auto ledger = require(Ledger::open({.path = path, .origin = {}, .default_origin = origin}));
        for (std::uint64_t first = 0; first < records; first += batch_records) {
            std::vector<Record> batch;
            for (std::uint64_t i = first; i < std::min(records, first + batch_records); i++) {
                batch.push_back(event(i));
            }
            require(ledger.append(std::move(batch)));
            const auto head = ledger.head();
            require(ledger.add_checkpoint(head.size, key.checkpoint(head.size, head.root)));
        }
    }
    std::vector<double> spent;
    for (std::size_t i = 0; i <= verifications; i++) {
        spent.push_back(microseconds([&] {
            if (require(verify_file(path, key.verifier().text())).size < records) {
                std::abort();
            }
        }));
    }
    spent.erase(spent.begin());
    std::printf("verify %.0f %.0f\n", median(spent), 2e6);
}

// The tree of a log of so many leaves in a ledger file without its records: what a proof reads.
void prove(const std::string &folder, std::uint64_t leaves) {
    const Key key;
    const auto path = folder + "/prove.db";
    {
        auto database = require(Database::open(path, Database::Mode::create));
        require(create_tables(database, origin));
        auto transaction = require(Transaction::begin(database));
        Edge edge;
        for (std::uint64_t i = 0; i < leaves; i++) {
            const auto *bytes = reinterpret_cast<const std::uint8_t *>(&i);
            edge.append(sha256(ByteView(bytes, sizeof i)),
                        [&](unsigned level, std::uint64_t index, auto hashes) {
                            require(write_tile(database, level, index, hashes));
                        });
        }
        for (unsigned level = 0; level < edge.levels().size(); level++) {
            if (!edge.levels()[level].empty()) {
                require(write_tile(database, level, partial_index(leaves, level), edge.levels()[level]));
            }
        }
        auto insert = require(database.prepare("INSERT INTO checkpoints(size, note) VALUES(?, ?)"));
        const auto note = key.checkpoint(leaves, edge.root());
        insert.bind(1, leaves);
        insert.bind(2, std::string_view(note));
        require(insert.run());
        require(transaction.commit());
    }
    std::vector<double> spent;
    for (std::size_t i = 0; i < proofs; i++) {
        const std::uint64_t index = i * 7'919 * 104'729 % leaves;
        spent.push_back(microseconds([&] {
            const auto source = require(LogSource::open(path));
            const auto head =
                require(Note::parse(require(source->checkpoint())).and_then([](const Note &note) {
                    return Checkpoint::parse(note.text);
                }));
            TileTree tree(head.size, [&](unsigned level, std::uint64_t at, std::uint64_t width) {
                return source->tile(level, at, width);
            });
            const auto proof = require(tree.inclusion(index, head.size));
            require(check_inclusion(require(tree.leaf(index)), index, head.size, head.root, proof));
        }));
    }
    std::printf("prove %.1f %.0f\n", median(spent), 1000.0);
}

} // namespace
} // namespace dsmil::ledger

int main(int argc, char **argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.empty()) {
        std::fputs("usage: ledger_verify DIR [RECORDS [LEAVES]]\n", stderr);
        return 2;
    }
    dsmil::ledger::measure_verify(arguments[0], arguments.size() > 1 ? std::stoull(arguments[1]) : 1'000'000);
    dsmil::ledger::prove(arguments[0], arguments.size() > 2 ? std::stoull(arguments[2]) : 10'000'000);
    return 0;
}
