// SPDX-License-Identifier: Apache-2.0
// The TPM as the ledger's notary.
#pragma once

#include "ledger/notary.hpp"
#include "tpm/service.hpp"

#include <functional>

namespace dsmil::tpm {

class Notary final : public ledger::Notary {
  public:
    explicit Notary(Service &tpm) : tpm_(tpm) {}
    void quote(const Hash &digest, Then<Result<ledger::Quote>> then) override;
    void recall(Then<Result<ledger::AnchorMemory>> then) override;
    void prepare(Then<Result<ledger::AnchorMemory>> then) override;
    void extend(const Hash &before, const Hash &digest, Then<Result<ledger::AnchorMemory>> then) override;
    void count(std::optional<std::uint64_t> before, Then<Result<ledger::AnchorMemory>> then) override;
    void certify(Bytes nonce, Then<Result<ledger::AnchorEvidence>> then) override;

  private:
    using Operation = std::function<Result<ledger::AnchorMemory>(Tpm &)>;
    void run(Operation operation, Then<Result<ledger::AnchorMemory>> then);
    Service &tpm_;
};

} // namespace dsmil::tpm
