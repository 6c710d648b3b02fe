// SPDX-License-Identifier: Apache-2.0
// The operations on a device: attest, provision, seal, unseal, sign an
// event. Each is in the
// ledger before its answer goes out.
#pragma once

#include "api/device_request.hpp"
#include "api/message.hpp"
#include "device/state.hpp"
#include "ledger/service.hpp"
#include "tpm/service.hpp"

#include <string>
#include <vector>

namespace dsmil::api {

class DeviceApi {
  public:
    // `read` is called on the reactor's thread: it must not ask the firmware.
    DeviceApi(ledger::Service &ledger, tpm::Service &tpm, std::string state_dir, DeviceReader read)
        : ledger_(ledger), tpm_(tpm), state_dir_(std::move(state_dir)), read_(std::move(read)) {}

    void attest(const Request &request, Then<Result<Response>> then);
    void provision(const Request &request, Then<Result<Response>> then);
    void seal(const Request &request, Then<Result<Response>> then);
    void unseal(const Request &request, Then<Result<Response>> then);
    void sign_event(const Request &request, Then<Result<Response>> then);

  private:
    // What is recorded, and answered when it is.
    struct Done {
        std::string action;
        Peer peer;
        std::uint16_t device = 0;
        std::vector<ledger::Field> values;
    };
    // What the signature is of: not_found, conflict when it is another device's record.
    [[nodiscard]] Result<std::string> event_words(const std::vector<ledger::Record> &records,
                                                  std::uint64_t number, std::uint16_t device) const;
    void sign_words(Done done, std::string message, Then<Result<Response>> then);
    void answer(Done done, Result<boost::json::object> result, Then<Result<Response>> then);

    ledger::Service &ledger_;
    tpm::Service &tpm_;
    std::string state_dir_;
    DeviceReader read_;
};

} // namespace dsmil::api
