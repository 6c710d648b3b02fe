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
	[DSMIL_REASON_GRANT_MALFORMED] = "grant-malformed",
	[DSMIL_REASON_GRANT_UNSUPPORTED] = "grant-unsupported",
	[DSMIL_REASON_GRANT_KEY_UNKNOWN] = "grant-key-unknown",
	[DSMIL_REASON_GRANT_BAD_SIGNATURE] = "grant-bad-signature",
	[DSMIL_REASON_GRANT_SIGNERS] = "grant-signers",
	[DSMIL_REASON_GRANT_EXPIRED] = "grant-expired",
	[DSMIL_REASON_GRANT_TOO_LONG] = "grant-too-long",
	[DSMIL_REASON_GRANT_OTHER_LOAD] = "grant-other-load",
	[DSMIL_REASON_GRANT_OTHER_FIRMWARE] = "grant-other-firmware",
	[DSMIL_REASON_GRANT_OTHER_REGISTER] = "grant-other-register",
	[DSMIL_REASON_GRANT_OTHER_USER] = "grant-other-user",
	[DSMIL_REASON_GRANT_VALUE] = "grant-value",
	[DSMIL_REASON_GRANT_OLD_VALUE] = "grant-old-value",
	[DSMIL_REASON_GRANT_REPLAYED] = "grant-replayed",
	[DSMIL_REASON_GRANT_STORE_FULL] = "grant-store-full",
	[DSMIL_REASON_READ_ONLY] = "read-only",
	[DSMIL_REASON_GRANT_UNCHECKED] = "grant-unchecked",
};

const char *const dsmil_register_names[DSMIL_REGISTER_COUNT] = { "STATUS", "CONFIG", "DATA" };
