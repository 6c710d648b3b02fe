// SPDX-License-Identifier: Apache-2.0
#include "attest/hash.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <openssl/evp.h>

namespace dsmil::attest {
namespace {

struct Deleter {
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
    void operator()(EVP_MD *algorithm) const { EVP_MD_free(algorithm); }
};
using Algorithm = std::unique_ptr<EVP_MD, Deleter>;

struct Row {
    HashAlg alg;
    std::string_view name;
    std::size_t size;
};

constexpr std::array<Row, 4> table = {{
    {HashAlg::sha1, "sha1", 20},
    {HashAlg::sha256, "sha256", 32},
    {HashAlg::sha384, "sha384", 48},
    {HashAlg::sha512, "sha512", 64},
}};

const Row &row(HashAlg alg) {
    const auto *const found = std::ranges::find(table, alg, &Row::alg);
    if (found == table.end()) {
        std::abort(); // A HashAlg comes from the table.
    }
    return *found;
}

// Fetching an algorithm costs more than hashing an event: once each.
const EVP_MD *algorithm(HashAlg alg) {
    static const std::array<Algorithm, table.size()> all = {
        Algorithm(EVP_MD_fetch(nullptr, "SHA1", nullptr)),
        Algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr)),
        Algorithm(EVP_MD_fetch(nullptr, "SHA384", nullptr)),
        Algorithm(EVP_MD_fetch(nullptr, "SHA512", nullptr)),
    };
    return all.at(static_cast<std::size_t>(&row(alg) - table.data())).get();
}

bool same_letters(std::string_view left, std::string_view right) {
    return std::ranges::equal(left, right, [](char a, char b) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
        return lower(a) == lower(b);
    });
}

} // namespace

std::optional<HashAlg> hash_alg(std::uint16_t number) {
    const auto *const found = std::ranges::find(table, static_cast<HashAlg>(number), &Row::alg);
    return found == table.end() ? std::nullopt : std::optional(found->alg);
}

std::optional<HashAlg> hash_alg(std::string_view name) {
    const auto *const found =
        std::ranges::find_if(table, [&](const Row &entry) { return same_letters(entry.name, name); });
    return found == table.end() ? std::nullopt : std::optional(found->alg);
}

std::string_view name_of(HashAlg alg) {
    return row(alg).name;
}

std::size_t size_of(HashAlg alg) {
    return row(alg).size;
}

std::optional<Digest> Digest::of(ByteView bytes) {
    if (bytes.size() > max_bytes) {
        return std::nullopt;
    }
    Digest made(bytes.size());
    std::ranges::copy(bytes, made.bytes_.begin());
    return made;
}

bool operator==(const Digest &left, const Digest &right) {
    return std::ranges::equal(left.view(), right.view());
}

bool operator==(const Digest &left, ByteView right) {
    return std::ranges::equal(left.view(), right);
}

Digest digest(HashAlg alg, std::initializer_list<ByteView> parts) {
    thread_local const std::unique_ptr<EVP_MD_CTX, Deleter> context(EVP_MD_CTX_new());
    Digest made(size_of(alg));
    bool ok = context && EVP_DigestInit_ex2(context.get(), algorithm(alg), nullptr) == 1;
    for (const ByteView part : parts) {
        ok = ok && EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    }
    if (!ok || EVP_DigestFinal_ex(context.get(), made.data(), nullptr) != 1) {
        std::abort(); // OpenSSL without the algorithm, or no memory: nothing here can go on.
    }
    return made;
}

Digest digest(HashAlg alg, ByteView bytes) {
    return digest(alg, {bytes});
}

} // namespace dsmil::attest
