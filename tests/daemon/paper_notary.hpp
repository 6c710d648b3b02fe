// SPDX-License-Identifier: Apache-2.0
// A TPM of paper as the ledger's notary: it quotes, remembers and certifies with
// a key in memory. What it remembers is apart from it, so that it outlives a
// crash, and may be in memory that processes share.
#pragma once

#include "attest_support.hpp"
#include "ledger/notary.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace dsmil::test {

struct PaperTpm {
    ledger::AnchorMemory memory;
    std::uint64_t next_count = 41; // above every counter that it ever had
    std::uint64_t extended = 0;
    std::uint64_t counted = 0;
    std::uint64_t clock_ms = 1'000;
};

class PaperNotary final : public ledger::Notary {
  public:
    explicit PaperNotary(PaperTpm &tpm) : tpm(tpm) {}

    static std::vector<unsigned> pcrs();
    static attest::Pcrs values();

    void quote(const Hash &digest, Then<Result<ledger::Quote>> then) override;
    void recall(Then<Result<ledger::AnchorMemory>> then) override;
    void prepare(Then<Result<ledger::AnchorMemory>> then) override;
    void extend(const Hash &before, const Hash &digest, Then<Result<ledger::AnchorMemory>> then) override;
    void count(std::optional<std::uint64_t> before, Then<Result<ledger::AnchorMemory>> then) override;
    void certify(Bytes nonce, Then<Result<ledger::AnchorEvidence>> then) override;

    [[nodiscard]] ledger::AnchorEvidence evidence(ByteView nonce) const;

    PaperTpm &tpm;
    AttestKey ak{attest::KeyKind::p256};
    bool usable = true; // else tpm_failed
    // Before and after each command; tests die there.
    std::function<void(std::string_view step)> on_step = [](std::string_view) {};

  private:
    [[nodiscard]] attest::NvCertification certification(const attest::NvPublic &index, ByteView contents,
                                                        ByteView nonce) const;
    // Says no when it is not usable.
    [[nodiscard]] bool refuse(Then<Result<ledger::AnchorMemory>> &then) const;
};

} // namespace dsmil::test
