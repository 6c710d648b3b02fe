// SPDX-License-Identifier: Apache-2.0
// A session in which the TPM is shown, step by step, that a policy holds. Inner
// header of tpm/.
#pragma once

#include "base/sha256.hpp"
#include "tpm/tpm.hpp"

#include <span>
#include <vector>

namespace dsmil::tpm {

struct Approval;
struct Approver;
struct NvCondition;

class PolicySession {
  public:
    [[nodiscard]] static Result<PolicySession> start(Tpm &tpm);

    // The steps of policy.hpp, on the TPM. tpm_policy when one does not hold.
    [[nodiscard]] Result<void> pcr(const std::vector<unsigned> &pcrs);
    [[nodiscard]] Result<void> auth_value();
    [[nodiscard]] Result<void> any_of(std::span<const Hash> policies);
    [[nodiscard]] Result<void> authorize(const Approver &approver, const Approval &approval);
    [[nodiscard]] Result<void> nv(Tpm &tpm, const NvCondition &condition);
    // The secret of a hierarchy, as the TCG's endorsement keys demand.
    [[nodiscard]] Result<void> hierarchy_secret(Tpm &tpm, ESYS_TR hierarchy);

    // What was shown so far.
    [[nodiscard]] Result<Hash> digest();

    [[nodiscard]] ESYS_TR handle(Protect protect = Protect::none) const { return session_.handle(protect); }

  private:
    PolicySession(Context &context, Session session) : context_(&context), session_(std::move(session)) {}
    Context *context_;
    Session session_;
};

} // namespace dsmil::tpm
