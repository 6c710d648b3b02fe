// SPDX-License-Identifier: GPL-2.0-only
/* What INFO and DEVICE_GET say, for ioctl, sysfs and netlink alike. */
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/string.h>

#include "audit.h"
#include "core.h"
#include "observe.h"
#include "grants.h"
#include "quarantine.h"

static u8 load_id[16];
static u64 loaded_ns;

const u8 *dsmil_load_id(void)
{
	return load_id;
}

int dsmil_info_fill(struct dsmil_info *info)
{
	const struct dsmil_firmware_ops *ops;
	struct dsmil_statistics statistics;
	struct dsmil_audit_state audit;
	struct dsmil_grant_state grants;
	u8 risk;

	info->api_version = DSMIL_API_VERSION;
	info->event_schema_version = DSMIL_EVENT_SCHEMA_VERSION;
	info->device_count = DSMIL_DEVICE_COUNT;
	memcpy(info->load_id, load_id, sizeof(info->load_id));
	info->loaded_ns = loaded_ns;
	strscpy_pad(info->module_version, DSMIL_MODULE_VERSION, sizeof(info->module_version));

	ops = dsmil_firmware_lock_killable();
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	info->firmware_kind = ops ? ops->kind : DSMIL_FIRMWARE_NONE;
	strscpy_pad(info->firmware_name, ops ? ops->name : "", sizeof(info->firmware_name));
	info->firmware_read_only = ops && ops->read_only;
	info->present_count = dsmil_present_count();
	for (risk = 0; risk < ARRAY_SIZE(info->risk_count); risk++)
		info->risk_count[risk] = dsmil_quarantine_risk_count(risk);
	info->quarantine_added = dsmil_quarantine_added_count();
	grants = dsmil_grant_get_state();
	statistics = dsmil_register_statistics();
	dsmil_firmware_unlock();
	info->grants_supported = grants.is_supported;
	info->grant_keys = grants.keys;
	info->grant_keys_sealed = grants.is_sealed;
	info->grant_nonces = grants.nonces;
	info->reads = statistics.reads;
	info->writes = statistics.writes;
	info->refused = statistics.refused;
	info->firmware_errors = statistics.firmware_errors;

	audit = dsmil_audit_get_state();
	info->audit_head = audit.head;
	info->audit_tail = audit.tail;
	info->audit_gaps = audit.gaps;
	info->audit_refused = audit.refused;
	info->audit_capacity = DSMIL_AUDIT_CAPACITY;
	info->audit_reader = dsmil_audit_has_reader();
	info->observers = dsmil_observe_count();
	return 0;
}

int dsmil_device_fill(u16 number, struct dsmil_device *device, u32 *revision)
{
	const struct dsmil_catalog_entry *entry = &dsmil_catalog[number];
	const struct dsmil_firmware_ops *ops;
	u16 reg;

	device->id = DSMIL_DEVICE_ID_BASE + number;
	device->number = number;
	device->token_base = DSMIL_TOKEN_BASE + number * DSMIL_REGISTER_COUNT;
	device->group = entry->group;
	device->layer = entry->layer;
	device->clearance = entry->clearance;
	strscpy_pad(device->name, entry->name, sizeof(device->name));
	strscpy_pad(device->group_name, entry->group_name, sizeof(device->group_name));
	strscpy_pad(device->layer_name, entry->layer_name, sizeof(device->layer_name));
	strscpy_pad(device->service_name, entry->service_name, sizeof(device->service_name));

	ops = dsmil_firmware_lock_killable();
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	if (!ops) {
		dsmil_firmware_unlock();
		return -ENODEV;
	}
	if (revision)
		*revision = dsmil_firmware_revision() + dsmil_quarantine_added_count();
	device->risk = dsmil_quarantine_risk(number);
	device->present = dsmil_device_present(number);
	for (reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
		struct dsmil_guard_decision outlook =
			dsmil_register_outlook(ops, device->token_base + reg);

		device->register_risk[reg] = outlook.rule_risk;
		device->register_reason[reg] = outlook.reason;
	}
	dsmil_firmware_unlock();
	return 0;
}

int dsmil_info_init(void)
{
	/* Grants and records are bound to it: it must never come twice. */
	int ret = get_random_bytes_wait(load_id, sizeof(load_id));

	loaded_ns = ktime_get_boottime_ns();
	return ret;
}
