// SPDX-License-Identifier: Apache-2.0
// Who this machine's TPM is, for an enroller, and the enroller's credential
// opened. What does not change is asked of the TPM once, step by step, so that
// checkpoints need not wait behind it.
#pragma once

#include "api/message.hpp"
#include "ledger/service.hpp"
#include "tpm/service.hpp"

#include <boost/json/object.hpp>
#include <memory>
#include <string>

namespace dsmil::api {

class IdentityApi {
  public:
    IdentityApi(ledger::Service &ledger, tpm::Service &tpm, std::string state_dir);
    IdentityApi(IdentityApi &&) noexcept;
    ~IdentityApi();

    // Endorsement keys with certificates, attestation key, and the keys that it certifies.
    void show(const Request &request, Then<Result<Response>> then);
    // Opens a credential; in the ledger before the secret goes out, without the secret.
    void activate(const Request &request, Then<Result<Response>> then);
    // Looks whether the TPM's maker certified the TPM that was pinned; in the ledger, too.
    void certify(const Request &request, Then<Result<Response>> then);

  private:
    struct Known;
    class Question;
    ledger::Service &ledger_;
    tpm::Service &tpm_;
    std::string state_dir_;
    std::shared_ptr<Known> known_; // shared with the questions that are under way
};

} // namespace dsmil::api
