// SPDX-License-Identifier: GPL-2.0-only
#include "core.h"

const struct dsmil_catalog_entry dsmil_catalog[DSMIL_DEVICE_COUNT] = {
#define DSMIL_DEVICE(number, id, token_base, group_, group_name_, name_, risk_, layer_,	\
		     layer_name_, service_name_, clearance_)				\
	[number] = {									\
		.risk = DSMIL_RISK_##risk_,						\
		.group = (group_),							\
		.layer = (layer_),							\
		.clearance = (clearance_),						\
		.name = (name_),							\
		.group_name = (group_name_),						\
		.layer_name = (layer_name_),						\
		.service_name = (service_name_),					\
	},
#include "dsmil_catalog.def"
};

const char *const dsmil_risk_names[] = {
	[DSMIL_RISK_SAFE] = "safe",
	[DSMIL_RISK_MONITORED] = "monitored",
	[DSMIL_RISK_GUARDED] = "guarded",
	[DSMIL_RISK_LOCKED] = "locked",
	[DSMIL_RISK_QUARANTINED] = "quarantined",
};

const char *const dsmil_reason_names[] = {
	[DSMIL_REASON_ALLOWED] = "allowed",
	[DSMIL_REASON_QUARANTINED] = "quarantined",
	[DSMIL_REASON_QUARANTINED_AS_ID] = "quarantined-as-id",
	[DSMIL_REASON_ALIAS] = "alias",
	[DSMIL_REASON_LOCKED] = "locked",
	[DSMIL_REASON_LOCATION_UNKNOWN] = "location-unknown",
	[DSMIL_REASON_GRANT_REQUIRED] = "grant-required",
	[DSMIL_REASON_CAPABILITY_REQUIRED] = "capability-required",
	[DSMIL_REASON_NOT_A_REGISTER] = "not-a-register",
};

const char *const dsmil_register_names[DSMIL_REGISTER_COUNT] = { "STATUS", "CONFIG", "DATA" };

u32 dsmil_catalog_count(u8 risk)
{
	u32 count = 0;
	u16 number;

	for (number = 0; number < DSMIL_DEVICE_COUNT; number++)
		count += dsmil_catalog[number].risk == risk;
	return count;
}
