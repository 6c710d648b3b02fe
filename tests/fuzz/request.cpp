// SPDX-License-Identifier: Apache-2.0
// What a caller of the API can put into a request: the target, and the bodies of attest, of
// activate and of the operations on a device and on the TPM, with what was sealed.
#include "api/attest_request.hpp"
#include "api/device_request.hpp"
#include "api/identity_request.hpp"
#include "api/ledger_request.hpp"
#include "api/message.hpp"
#include "api/tpm_request.hpp"
#include "base/bytes.hpp"
#include "ledger/query.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace {

// What comes through is no larger than the TPM takes.
void try_tpm(std::string_view input) {
    using Operation = dsmil::api::TpmOperation;
    for (auto operation = Operation::random; operation <= Operation::unseal;
         operation = static_cast<Operation>(static_cast<int>(operation) + 1)) {
        const auto request = dsmil::api::parse_tpm_request(input, operation);
        if (request
                ? request->bytes > 1'024 || request->pcr > 23 || request->pcrs.size() > 24 ||
                      request->size > 2'048 || request->data.size() > 2'048 || request->secret.size() > 32 ||
                      (operation == Operation::seal && request->data.size() > 128)
                : request.error().code != dsmil::Code::usage) {
            std::abort();
        }
        if (request && request->sealed && !dsmil::api::sealed_to_json(*request->sealed)) {
            std::abort();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto input = dsmil::as_text({data, size});
    const auto target = dsmil::api::Target::parse(input);
    if (target) {
        static_cast<void>(target->number("after", 0, 1'000, 0));
        const auto query = dsmil::ledger::Query::parse(target->parameters);
        if (query ? target->parameters.empty() && !query->matches({})
                  : query.error().code != dsmil::Code::usage) {
            std::abort();
        }
    } else if (target.error().code != dsmil::Code::usage) {
        std::abort();
    }
    const auto prune = dsmil::api::parse_prune_request(input);
    if (prune ? !prune->forgets() : prune.error().code != dsmil::Code::usage) {
        std::abort();
    }
    const auto attest = dsmil::api::parse_attest_request(input);
    if (attest ? attest->nonce.size() < 8 || attest->nonce.size() > 32 || attest->pcrs.empty()
               : attest.error().code != dsmil::Code::usage) {
        std::abort();
    }
    const auto activate = dsmil::api::parse_activate_request(input);
    if (activate ? activate->credential.empty() || activate->secret.empty()
                 : activate.error().code != dsmil::Code::usage) {
        std::abort();
    }
    for (const auto &[sealed, record] :
         {std::pair(false, false), std::pair(true, false), std::pair(false, true)}) {
        const bool nonce = !sealed && !record;
        const auto device = dsmil::api::parse_device_request(
            input, {.nonce = nonce, .pcrs = nonce, .sealed = sealed, .record = record, .default_pcrs = {7}});
        if (device ? device->device == 0 || device->sealed.has_value() != sealed ||
                         device->record.has_value() != record
                   : device.error().code != dsmil::Code::usage &&
                         device.error().code != dsmil::Code::device_unknown) {
            std::abort();
        }
        if (device && device->sealed && !dsmil::api::sealed_to_json(*device->sealed)) {
            std::abort();
        }
    }
    try_tpm(input);
    return 0;
}
