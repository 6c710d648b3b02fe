// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/err.h>
#include <linux/uaccess.h>

#include "audit.h"
#include "core.h"
#include "quarantine.h"

static struct dsmil_quarantine added; /* under the firmware lock */
static u32 added_count;

const struct dsmil_quarantine *dsmil_quarantine_list(void)
{
	return &added;
}

u32 dsmil_quarantine_added_count(void)
{
	return added_count;
}

u8 dsmil_quarantine_risk(u16 number)
{
	if (dsmil_quarantine_holds(&added, number))
		return DSMIL_RISK_QUARANTINED;
	return dsmil_catalog[number].risk;
}

u32 dsmil_quarantine_risk_count(u8 risk)
{
	u32 count = 0;
	u16 number;

	for (number = 0; number < DSMIL_DEVICE_COUNT; number++)
		count += dsmil_quarantine_risk(number) == risk;
	return count;
}

/* For the floor under the guard, which the firmware modules have. */
bool dsmil_quarantine_forbids(u16 token)
{
	u16 number;

	for (number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		u16 base = DSMIL_TOKEN_BASE + number * DSMIL_REGISTER_COUNT;

		if (!dsmil_quarantine_holds(&added, number))
			continue;
		if (token == DSMIL_DEVICE_ID_BASE + number ||
		    (token >= base && token < base + DSMIL_REGISTER_COUNT))
			return true;
	}
	return false;
}
EXPORT_SYMBOL_GPL(dsmil_quarantine_forbids);

u32 dsmil_quarantine_generation(void)
{
	return added_count;
}
EXPORT_SYMBOL_GPL(dsmil_quarantine_generation);

/* It must not fail because nobody reads the audit ring: then it is counted in a gap. */
static void record(u16 number)
{
	struct dsmil_event event = {};

	dsmil_audit_prepare(&event, DSMIL_EVENT_QUARANTINE_ADDED);
	event.device_id = DSMIL_DEVICE_ID_BASE + number;
	event.risk = DSMIL_RISK_QUARANTINED;
	dsmil_audit_insist(&event);
	pr_notice("%s[%u] uid %u added device %04x to the quarantine\n", event.comm, event.pid,
		  event.uid, event.device_id);
}

long dsmil_quarantine_ioctl(struct dsmil_quarantine_add __user *arg)
{
	struct dsmil_quarantine_add request;
	const struct dsmil_firmware_ops *ops;
	u16 number;
	int ret;

	ret = dsmil_struct_from_user(&request, sizeof(request), arg);
	if (ret)
		return ret;
	if (request.reserved)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (request.device_id < DSMIL_DEVICE_ID_BASE ||
	    request.device_id - DSMIL_DEVICE_ID_BASE >= DSMIL_DEVICE_COUNT)
		return -ENODEV;
	number = request.device_id - DSMIL_DEVICE_ID_BASE;

	ops = dsmil_firmware_lock_killable();
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	if (dsmil_quarantine_risk(number) != DSMIL_RISK_QUARANTINED) {
		added.devices[number / 64] |= BIT_ULL(number % 64);
		added_count++;
		record(number);
	}
	dsmil_board_change_end();
	return 0;
}
