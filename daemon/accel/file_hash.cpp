// SPDX-License-Identifier: Apache-2.0
#include "accel/file_hash.hpp"

#include "dsmil/fd.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <format>
#include <memory>
#include <openssl/evp.h>
#include <unistd.h>

namespace dsmil::accel {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX *context) const { EVP_MD_CTX_free(context); }
};

std::unexpected<Error> unreadable(const std::string &path, int number) {
    const Code code = number == ENOENT || number == ENOTDIR ? Code::not_found
                      : number == EACCES                    ? Code::permission
                                                            : Code::failed;
    return fail_errno(code, std::format("reading {}", path), number);
}

// Up to `room` more bytes; fewer only at the end of the file.
Result<std::size_t> read_more(const Fd &file, const std::string &path, std::uint8_t *to, std::size_t room) {
    std::size_t got = 0;
    while (got < room) {
        const ssize_t now = ::read(file.get(), to + got, room - got);
        if (now < 0 && errno == EINTR) {
            continue;
        }
        if (now < 0) {
            return unreadable(path, errno);
        }
        if (now == 0) {
            break;
        }
        got += static_cast<std::size_t>(now);
    }
    return got;
}

class Batch {
  public:
    Batch(const Hashing &hashing, Algorithm algorithm, std::vector<Bytes> &digests)
        : hashing_(hashing), algorithm_(algorithm), digests_(digests) {}

    Result<void> add(Bytes content, std::size_t index) {
        bytes_ += content.size();
        contents_.push_back(std::move(content));
        indices_.push_back(index);
        if (contents_.size() == max_batch_files || bytes_ > max_batch_bytes - max_batched_file_bytes) {
            return flush();
        }
        return {};
    }

    Result<void> flush() {
        auto done = algorithm_ == Algorithm::sha256 ? hash<Hash>(&Hashing::hash_many)
                                                    : hash<Hash512>(&Hashing::hash512_many);
        contents_.clear();
        indices_.clear();
        bytes_ = 0;
        return done;
    }

  private:
    template <typename Digest, typename Many>
    Result<void> hash(Many many) {
        const std::vector<ByteView> views(contents_.begin(), contents_.end());
        std::vector<Digest> made(views.size());
        return (hashing_.*many)(views, made).transform([&] {
            for (std::size_t i = 0; i < made.size(); i++) {
                digests_[indices_[i]].assign(made[i].begin(), made[i].end());
            }
        });
    }

    const Hashing &hashing_;
    Algorithm algorithm_;
    std::vector<Bytes> &digests_;
    std::vector<Bytes> contents_;
    std::vector<std::size_t> indices_;
    std::size_t bytes_ = 0;
};

// What is already read, and the rest of the file.
Result<Bytes> hash_large(Algorithm algorithm, const Fd &file, const std::string &path, Bytes piece) {
    const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
    const EVP_MD *const digest = algorithm == Algorithm::sha256 ? EVP_sha256() : EVP_sha512();
    bool ok = context && EVP_DigestInit_ex(context.get(), digest, nullptr) == 1;
    std::size_t got = piece.size();
    while (ok && got != 0) {
        ok = EVP_DigestUpdate(context.get(), piece.data(), got) == 1;
        const auto more = read_more(file, path, piece.data(), piece.size());
        if (!more) {
            return std::unexpected(more.error());
        }
        got = *more;
    }
    Bytes made(algorithm == Algorithm::sha256 ? sizeof(Hash) : sizeof(Hash512));
    if (!ok || EVP_DigestFinal_ex(context.get(), made.data(), nullptr) != 1) {
        return fail(Code::failed, std::format("OpenSSL's digest of {}", path));
    }
    return made;
}

} // namespace

Result<std::vector<Bytes>> hash_files(const Hashing &hashing, Algorithm algorithm,
                                      const std::vector<std::string> &paths) {
    std::vector<Bytes> digests(paths.size());
    Batch batch(hashing, algorithm, digests);
    for (std::size_t i = 0; i < paths.size(); i++) {
        const Fd file(::open(paths[i].c_str(), O_RDONLY | O_CLOEXEC));
        if (!file) {
            return unreadable(paths[i], errno);
        }
        Bytes content(max_batched_file_bytes);
        const auto got = read_more(file, paths[i], content.data(), content.size());
        if (!got) {
            return std::unexpected(got.error());
        }
        if (*got == content.size()) {
            auto made = hash_large(algorithm, file, paths[i], std::move(content));
            if (!made) {
                return std::unexpected(std::move(made.error()));
            }
            digests[i] = std::move(*made);
            continue;
        }
        // Its own size, so that a batch of small files is small.
        if (auto added =
                batch.add(Bytes(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(*got)), i);
            !added) {
            return std::unexpected(std::move(added.error()));
        }
    }
    if (auto done = batch.flush(); !done) {
        return std::unexpected(std::move(done.error()));
    }
    return digests;
}

} // namespace dsmil::accel
