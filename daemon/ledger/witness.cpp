// SPDX-License-Identifier: Apache-2.0
#include "ledger/witness.hpp"

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "ledger/checkpoint.hpp"
#include "ledger/proof_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <format>
#include <optional>
#include <sys/file.h>
#include <unistd.h>

namespace dsmil::ledger {
namespace {

constexpr unsigned state_mode = 0644; // what a witness cosigned is for everybody to read

WitnessAnswer answer(int status, std::string_view why) {
    return {status, std::format("{}\n", why)};
}

WitnessAnswer broken(const Error &error) {
    std::string why = error.detail;
    for (const auto &cause : error.causes) {
        why += ": " + cause;
    }
    return answer(500, why);
}

std::string folder_of(const std::string &state, std::string_view origin) {
    return std::format("{}/{}", state, to_hex(sha256(as_bytes(origin))));
}

// One at a time from the look at what is held to its replacement, also among processes.
Result<Fd> lock(const std::string &state) {
    const auto path = state + "/lock";
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    while (fd && ::flock(fd.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return fail_errno(Code::failed, std::format("locking {}", path), errno);
        }
    }
    if (!fd) {
        return fail_errno(Code::failed, std::format("opening {}", path), errno);
    }
    return fd;
}

// A new folder is durable with its parent.
Result<void> make_folder(const std::string &state, const std::string &folder) {
    std::error_code error;
    if (!std::filesystem::create_directory(folder, error)) {
        return error ? fail_errno(Code::failed, std::format("making {}", folder), error.value())
                     : Result<void>{};
    }
    const Fd parent(::open(state.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0) {
        return fail_errno(Code::failed, std::format("syncing {}", state), errno);
    }
    return {};
}

// What was cosigned last; nothing for a log that is new here. A state that cannot be read is an
// error: to take it for none would let a log begin anew.
Result<std::optional<Checkpoint>> held(const std::string &folder, std::string_view origin) {
    const auto text = read_file(folder + "/checkpoint", max_note_bytes);
    if (!text) {
        std::error_code error;
        return text.error().code == Code::not_found &&
                       !std::filesystem::exists(folder + "/checkpoint", error) && !error
                   ? Result<std::optional<Checkpoint>>(std::nullopt)
                   : std::unexpected(text.error());
    }
    auto checkpoint =
        Note::parse(*text).and_then([](const Note &note) { return Checkpoint::parse(note.text); });
    if (!checkpoint || checkpoint->origin != origin) {
        return fail(Code::failed, std::format("{}/checkpoint is damaged", folder));
    }
    return std::move(*checkpoint);
}

} // namespace

struct Witness::Submitted {
    ConsistencyFile request;
    Note note;
    Checkpoint checkpoint;
    std::vector<const NoteVerifier *> keys; // of its log
};

Witness::Witness(Options options) : options_(std::move(options)) {
    for (const auto &key : options_.logs) {
        verifiers_.emplace_back(key);
    }
}

std::vector<const NoteVerifier *> Witness::keys_of(std::string_view origin) const {
    std::vector<const NoteVerifier *> keys;
    for (const auto &verifier : verifiers_) {
        if (verifier.key().name == origin) {
            keys.push_back(&verifier);
        }
    }
    return keys;
}

WitnessAnswer Witness::add_checkpoint(std::string_view body) const {
    auto request = ConsistencyFile::parse(body);
    if (!request) {
        return answer(400, request.error().detail);
    }
    auto note = Note::parse(request->checkpoint);
    auto checkpoint = note.and_then([](const Note &parsed) { return Checkpoint::parse(parsed.text); });
    if (!checkpoint) {
        return answer(400, checkpoint.error().detail);
    }
    auto keys = keys_of(checkpoint->origin);
    if (keys.empty()) {
        return answer(404, "unknown log");
    }
    bool is_signed = false;
    for (const auto *key : keys) {
        const auto verdict = key->check(*note).verdict;
        if (verdict == NoteVerdict::wrong) {
            return answer(403, "a signature of the log does not hold");
        }
        is_signed = is_signed || verdict == NoteVerdict::signed_by_key;
    }
    if (!is_signed) {
        return answer(403, "the log did not sign it");
    }
    if (request->old_size > checkpoint->size) {
        return answer(400, "the old size is beyond the checkpoint");
    }
    const auto locked = lock(options_.state_directory);
    if (!locked) {
        return broken(locked.error());
    }
    return judge({std::move(*request), std::move(*note), std::move(*checkpoint), std::move(keys)});
}

WitnessAnswer Witness::judge(const Submitted &submitted) const {
    const auto &[request, note, checkpoint, keys] = submitted;
    const auto before = held(folder_of(options_.state_directory, checkpoint.origin), checkpoint.origin);
    if (!before) {
        return broken(before.error());
    }
    Checkpoint old;
    old.root = sha256(ByteView{});
    if (const auto &found = *before) {
        old = *found;
    }
    if (request.old_size != old.size) {
        return {409, std::format("{}\n", old.size), "text/x.tlog.size"};
    }
    if (checkpoint.size == 0 && checkpoint.root != sha256(ByteView{})) {
        return answer(422, "an empty tree has another root");
    }
    // The empty tree begins every other, and nothing can prove that.
    const bool follows =
        old.size == 0 ? request.proof.empty()
                      : check_consistency(old.size, old.root, checkpoint.size, checkpoint.root, request.proof)
                            .has_value();
    if (!follows) {
        return answer(422, "the consistency proof does not hold");
    }
    return keep(submitted);
}

WitnessAnswer Witness::keep(const Submitted &submitted) const {
    const auto cosignatures = options_.cosign(submitted.note.text, options_.now());
    if (!cosignatures) {
        return broken(cosignatures.error());
    }
    // The log's own signatures, those that were verified, and ours.
    Note kept{submitted.note.text, {}};
    for (const auto &signature : submitted.note.signatures) {
        if (std::ranges::any_of(submitted.keys, [&](const NoteVerifier *key) {
                return key->key().name == signature.name && key->key().id == signature.id;
            })) {
            kept.signatures.push_back(signature);
        }
    }
    std::string lines;
    for (const auto &cosignature : *cosignatures) {
        kept.signatures.push_back(cosignature);
        lines += signature_line(cosignature);
    }
    const auto folder = folder_of(options_.state_directory, submitted.checkpoint.origin);
    if (auto made = make_folder(options_.state_directory, folder); !made) {
        return broken(made.error());
    }
    const auto text = kept.format();
    if (auto written = write_file(folder + "/checkpoint", as_bytes(text), state_mode); !written) {
        return broken(written.error());
    }
    return {200, std::move(lines)};
}

WitnessAnswer Witness::checkpoint(std::string_view origin_hash) const {
    const auto hash = from_hex(origin_hash);
    if (!hash || hash->size() != sizeof(Hash) || to_hex(*hash) != origin_hash) {
        return answer(404, "no such log");
    }
    auto text =
        read_file(std::format("{}/{}/checkpoint", options_.state_directory, origin_hash), max_note_bytes);
    if (!text) {
        return text.error().code == Code::not_found ? answer(404, "no such log") : broken(text.error());
    }
    return {200, std::move(*text)};
}

} // namespace dsmil::ledger
