// SPDX-License-Identifier: Apache-2.0
// A witness as C2SP tlog-witness has it: for each log it remembers the newest
// checkpoint that it cosigned, and cosigns only what continues that one. What it
// remembers is on the disk before the answer is given, and two at a time wait
// for each other. The state directory must never be put back to an older copy.
#pragma once

#include "dsmil/error.hpp"
#include "ledger/note.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmil::ledger {

// What the protocol answers.
struct WitnessAnswer {
    int status = 500;
    std::string body;
    std::string content_type = "text/plain; charset=utf-8";
};

class Witness {
  public:
    // The cosignatures of the witness's keys on the text of a checkpoint.
    using Cosign =
        std::function<Result<std::vector<NoteSignature>>(std::string_view text, std::uint64_t time)>;

    struct Options {
        std::string state_directory;   // must be there
        std::vector<VerifierKey> logs; // a key's name is the origin of its log; a log may have several
        Cosign cosign;
        std::function<std::uint64_t()> now; // seconds of POSIX time
    };
    explicit Witness(Options options);

    // POST add-checkpoint: 200 with signature lines; 400, 403, 404, 409 (the size that is held), 422 as
    // the protocol says; 500 when the state cannot be read or kept, and then nothing is cosigned.
    [[nodiscard]] WitnessAnswer add_checkpoint(std::string_view body) const;
    // GET <origin hash>/checkpoint: what was cosigned last, or 404.
    [[nodiscard]] WitnessAnswer checkpoint(std::string_view origin_hash) const;

  private:
    struct Submitted;
    [[nodiscard]] std::vector<const NoteVerifier *> keys_of(std::string_view origin) const;
    [[nodiscard]] WitnessAnswer judge(const Submitted &submitted) const;
    [[nodiscard]] WitnessAnswer keep(const Submitted &submitted) const;

    Options options_;
    std::vector<NoteVerifier> verifiers_;
};

} // namespace dsmil::ledger
