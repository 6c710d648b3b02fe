// SPDX-License-Identifier: GPL-2.0-only
/* Which firmware is attached, and what its board has. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/mutex.h>

#include "audit.h"
#include "core.h"
#include "poller.h"
#include "status.h"
#include "quarantine.h"

/* Serialises attaching and detaching; outside the firmware lock. */
static DEFINE_MUTEX(attach_lock);
static DEFINE_MUTEX(firmware_lock);

static const struct dsmil_firmware_ops *firmware;
static DECLARE_BITMAP(listed, DSMIL_TOKEN_COUNT);
static u32 epochs;   /* how many there were */
static u32 epoch;    /* 0 while detached */
static u32 revision = 1;

const struct dsmil_firmware_ops *dsmil_firmware_lock(void)
{
	mutex_lock(&firmware_lock);
	return firmware;
}

const struct dsmil_firmware_ops *dsmil_firmware_lock_killable(void)
{
	int ret = mutex_lock_killable(&firmware_lock);

	return ret ? ERR_PTR(ret) : firmware;
}

void dsmil_firmware_unlock(void)
{
	mutex_unlock(&firmware_lock);
}

u32 dsmil_firmware_epoch(void)
{
	return READ_ONCE(epoch);
}

u32 dsmil_firmware_revision(void)
{
	lockdep_assert_held(&firmware_lock);
	return revision;
}

static void revise(void)
{
	/* A netlink dump takes 0 for "no revision". */
	if (++revision == 0)
		revision = 1;
}

bool dsmil_register_present(u16 token)
{
	lockdep_assert_held(&firmware_lock);
	return test_bit(token - DSMIL_TOKEN_BASE, listed);
}

bool dsmil_device_present(u16 number)
{
	u16 base = DSMIL_TOKEN_BASE + number * DSMIL_REGISTER_COUNT;
	u16 reg;

	for (reg = 0; reg < DSMIL_REGISTER_COUNT; reg++)
		if (!dsmil_register_present(base + reg))
			return false;
	return true;
}

u32 dsmil_present_count(void)
{
	u32 count = 0;
	u16 number;

	for (number = 0; number < DSMIL_DEVICE_COUNT; number++)
		count += dsmil_device_present(number);
	return count;
}

static void list_registers(const struct dsmil_firmware_ops *ops)
{
	const struct dsmil_location *map;
	size_t count, i;

	bitmap_zero(listed, DSMIL_TOKEN_COUNT);
	map = ops->map(&count);
	for (i = 0; i < count; i++)
		if (dsmil_token_in_range(map[i].token))
			__set_bit(map[i].token - DSMIL_TOKEN_BASE, listed);
}

static void attach(const struct dsmil_firmware_ops *ops)
{
	u32 present, quarantined;

	mutex_lock(&firmware_lock);
	list_registers(ops);
	dsmil_registers_rebuild(ops);
	present = dsmil_present_count();
	quarantined = dsmil_quarantine_risk_count(DSMIL_RISK_QUARANTINED);
	firmware = ops;
	if (++epochs == 0)
		epochs = 1;
	WRITE_ONCE(epoch, epochs);
	revise();
	dsmil_status_attach(ops->kind);
	dsmil_audit_state(DSMIL_EVENT_FIRMWARE_ATTACHED, ops->kind, present);
	mutex_unlock(&firmware_lock);
	pr_info("firmware %s: %u of %u devices found, %u quarantined\n", ops->name, present,
		DSMIL_DEVICE_COUNT, quarantined);
}

static void detach(const struct dsmil_firmware_ops *ops)
{
	mutex_lock(&firmware_lock);
	firmware = NULL;
	bitmap_zero(listed, DSMIL_TOKEN_COUNT);
	WRITE_ONCE(epoch, 0);
	revise();
	dsmil_status_detach();
	dsmil_audit_state(DSMIL_EVENT_FIRMWARE_DETACHED, ops->kind, 0);
	mutex_unlock(&firmware_lock);
	pr_info("firmware %s has gone\n", ops->name);
}

int dsmil_register_firmware(const struct dsmil_firmware_ops *ops)
{
	int ret;

	mutex_lock(&attach_lock);
	if (firmware) {
		ret = -EBUSY;
		goto out_unlock;
	}
	/* First, so that whoever sees a new node can already use it. */
	attach(ops);
	ret = dsmil_devices_add();
	if (ret)
		detach(ops);
	else
		dsmil_poller_start(ops->kind);
out_unlock:
	mutex_unlock(&attach_lock);
	return ret;
}
EXPORT_SYMBOL_GPL(dsmil_register_firmware);

void dsmil_unregister_firmware(const struct dsmil_firmware_ops *ops)
{
	mutex_lock(&attach_lock);
	if (!WARN_ON(firmware != ops)) {
		dsmil_poller_stop();
		/* Not under the firmware lock: removing waits for readers of sysfs, who take it. */
		detach(ops);
		dsmil_devices_remove();
	}
	mutex_unlock(&attach_lock);
}
EXPORT_SYMBOL_GPL(dsmil_unregister_firmware);

void dsmil_board_change_begin(void)
{
	mutex_lock(&firmware_lock);
}
EXPORT_SYMBOL_GPL(dsmil_board_change_begin);

void dsmil_board_change_end(void)
{
	if (firmware)
		dsmil_registers_rebuild(firmware);
	revise();
	dsmil_status_refresh();
	mutex_unlock(&firmware_lock);
}
EXPORT_SYMBOL_GPL(dsmil_board_change_end);
