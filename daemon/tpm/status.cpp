// SPDX-License-Identifier: Apache-2.0
#include "tpm/status.hpp"

#include "tpm/tpm.hpp"

namespace dsmil::tpm {
namespace {

constexpr UINT32 property_count = 64; // the variable ones

void take_property(const TPMS_TAGGED_PROPERTY &property, Status &status) {
    const auto value = property.value;
    switch (property.property) {
    case TPM2_PT_PERMANENT:
        status.owner_secret = (value & TPMA_PERMANENT_OWNERAUTHSET) != 0;
        status.endorsement_secret = (value & TPMA_PERMANENT_ENDORSEMENTAUTHSET) != 0;
        status.lockout_secret = (value & TPMA_PERMANENT_LOCKOUTAUTHSET) != 0;
        break;
    case TPM2_PT_HR_PERSISTENT:
        status.persistent_objects = value;
        break;
    case TPM2_PT_HR_PERSISTENT_AVAIL:
        status.persistent_room = value;
        break;
    case TPM2_PT_LOCKOUT_COUNTER:
        status.lockout_counter = value;
        break;
    case TPM2_PT_MAX_AUTH_FAIL:
        status.lockout_limit = value;
        break;
    case TPM2_PT_LOCKOUT_INTERVAL:
        status.lockout_interval = std::chrono::seconds(value);
        break;
    default:
        break;
    }
}

} // namespace

Result<Status> read_status(Tpm &tpm) {
    TPMS_CAPABILITY_DATA *data = nullptr;
    auto asked = tpm.context().run(
        "GetCapability", "asking the TPM how it is",
        [&](ESYS_CONTEXT *esys) {
            return Esys_GetCapability_Async(esys, tpm.session().handle(Protect::authentic), ESYS_TR_NONE,
                                            ESYS_TR_NONE, TPM2_CAP_TPM_PROPERTIES, TPM2_PT_PERMANENT,
                                            property_count);
        },
        [&](ESYS_CONTEXT *esys) { return Esys_GetCapability_Finish(esys, nullptr, &data); });
    const EsysPtr<TPMS_CAPABILITY_DATA> owned(data);
    if (!asked) {
        return std::unexpected(std::move(asked.error()));
    }
    Status status;
    status.manufacturer = tpm.identity().manufacturer;
    status.firmware_version = tpm.identity().firmware_version;
    const auto &properties = data->data.tpmProperties;
    for (UINT32 i = 0; i < properties.count; i++) {
        take_property(properties.tpmProperty[i], status);
    }
    if (status.lockout_limit != 0 && status.lockout_counter >= status.lockout_limit) {
        status.lockout_left = status.lockout_interval * (status.lockout_counter - status.lockout_limit + 1);
    }
    return status;
}

} // namespace dsmil::tpm
