// SPDX-License-Identifier: Apache-2.0
// What a caller of the API can put into a request: the target, and the bodies of attest, of
// activate and of the operations on a device, with what was sealed for one.
#include "api/attest_request.hpp"
#include "api/device_request.hpp"
#include "api/identity_request.hpp"
#include "api/message.hpp"
#include "base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto input = dsmil::as_text({data, size});
    const auto target = dsmil::api::Target::parse(input);
    if (target) {
        static_cast<void>(target->number("after", 0, 1'000, 0));
    } else if (target.error().code != dsmil::Code::usage) {
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
    for (const bool sealed : {false, true}) {
        const auto device = dsmil::api::parse_device_request(
            input, {.nonce = !sealed, .pcrs = !sealed, .sealed = sealed, .default_pcrs = {7}});
        if (device ? device->device == 0 || device->sealed.has_value() != sealed
                   : device.error().code != dsmil::Code::usage &&
                         device.error().code != dsmil::Code::device_unknown) {
            std::abort();
        }
        if (device && device->sealed && !dsmil::api::sealed_to_json(*device->sealed)) {
            std::abort();
        }
    }
    return 0;
}
