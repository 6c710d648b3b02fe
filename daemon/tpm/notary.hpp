// SPDX-License-Identifier: Apache-2.0
// The TPM as the ledger's notary.
#pragma once

#include "ledger/notary.hpp"
#include "tpm/service.hpp"

namespace dsmil::tpm {

class Notary final : public ledger::Notary {
  public:
    explicit Notary(Service &tpm) : tpm_(tpm) {}
    void quote(const Hash &digest, Then<Result<ledger::Quote>> then) override;

  private:
    Service &tpm_;
};

} // namespace dsmil::tpm
