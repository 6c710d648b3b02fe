/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What user space adds to the quarantine. Loads the modules again, for additions
 * last as long as a load.
 */
#include "reload.h"
#include "support.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ADDED_DEVICE SAFE_DEVICE
#define ADDED_ID (DSMIL_DEVICE_ID_BASE + ADDED_DEVICE)

static int ctl;

static int add(unsigned id)
{
	struct dsmil_quarantine_add request = { .size = sizeof(request), .device_id = (uint16_t)id };

	return try_ioctl(ctl, DSMIL_IOC_QUARANTINE_ADD, &request);
}

static int add_as_nobody(void *context)
{
	(void)context;
	return add(ADDED_ID);
}

static void open_ctl(void)
{
	ctl = open_node("ctl", O_RDONLY);
	if (ctl < 0)
		tap_bail("ctl does not open; run this as root with a firmware module loaded and no daemon");
}

static void reload(void)
{
	close(ctl);
	modules_reload();
	open_ctl();
}

static struct dsmil_device device_get(unsigned number)
{
	struct dsmil_device device = { .size = sizeof(device), .id = (uint16_t)(DSMIL_DEVICE_ID_BASE + number) };

	if (try_ioctl(ctl, DSMIL_IOC_DEVICE_GET, &device))
		tap_bail("DEVICE_GET fails");
	return device;
}

/* Writes what is there: the reason, 0 when it is done. */
static long rewrite(unsigned token)
{
	unsigned number = (token - DSMIL_TOKEN_BASE) / DSMIL_REGISTER_COUNT;
	unsigned reg = (token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT;
	int fd = open_device(number, O_RDWR);
	struct dsmil_reg_write answer;
	uint32_t value;
	int error;

	reg_read(fd, reg, &value);
	error = reg_write(fd, reg, value, &answer);
	close(fd);
	return error == EPERM ? (long)answer.reason : -error;
}

static void check_refusals(void)
{
	tap_is(as_nobody(add_as_nobody, NULL), EPERM, "adding a device needs CAP_SYS_ADMIN");
	tap_is(add(0x7FFF), ENODEV, "an id below the first is no device");
	tap_is(add(DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT), ENODEV, "nor is one behind the last");
	tap_is(add(0), ENODEV, "nor is a number");
	tap_is(info_get(ctl).quarantine_added, 0, "what was refused added nothing");
	tap_is(rewrite(DSMIL_TOKEN_BASE + 3 * ADDED_DEVICE), DSMIL_REASON_ALLOWED, "a safe device is still written");
}

static void check_event(int ring)
{
	struct dsmil_event event = { 0 };

	tap_ok(read(ring, &event, sizeof(event)) == (ssize_t)sizeof(event) &&
	       event.type == DSMIL_EVENT_QUARANTINE_ADDED && event.device_id == ADDED_ID && event.uid == 0,
	       "an addition is an event that names the device and who added it");
	tap_is(add(ADDED_ID), 0, "adding it again is done already");
	tap_ok(read(ring, &event, sizeof(event)) < 0 && errno == EAGAIN, "and no event");
}

static void check_addition(void)
{
	struct dsmil_info before = info_get(ctl), after;
	struct dsmil_device device;
	int ring = ring_open(ctl), wrong = 0;

	ring_drain(ctl, ring);
	tap_is(add(ADDED_ID), 0, "a device is added");
	check_event(ring);
	close(ring);
	after = info_get(ctl);
	tap_is(after.quarantine_added, 1, "INFO counts the addition");
	tap_ok(after.risk_count[DSMIL_RISK_QUARANTINED] == before.risk_count[DSMIL_RISK_QUARANTINED] + 1 &&
	       after.risk_count[DSMIL_RISK_SAFE] == before.risk_count[DSMIL_RISK_SAFE] - 1,
	       "INFO counts the device as quarantined");
	device = device_get(ADDED_DEVICE);
	tap_is(device.risk, DSMIL_RISK_QUARANTINED, "the device is quarantined");
	for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
		wrong += rewrite(device.token_base + reg) != DSMIL_REASON_QUARANTINED;
		wrong += device.register_reason[reg] != DSMIL_REASON_QUARANTINED;
		wrong += device.register_risk[reg] != DSMIL_RISK_QUARANTINED;
	}
	tap_is(wrong, 0, "none of its registers is written");
}

/* Tokens of safe devices that are a device's id as well, and nothing worse. */
static void check_other_reading(void)
{
	unsigned token = DSMIL_TOKEN_BASE + 3 * 8; /* 0x8018, STATUS of device 8 */

	tap_is(rewrite(token), (long)expect_reason(token), "a token is written as its device may be");
	tap_is(add(token), 0, "the device whose id is its number is added");
	tap_is(rewrite(token), DSMIL_REASON_QUARANTINED_AS_ID, "then it is not written, read as an id");
}

static void check_all(void)
{
	int wrong = 0;

	for (unsigned number = 0; number < DSMIL_DEVICE_COUNT; number++)
		wrong += add(DSMIL_DEVICE_ID_BASE + number) != 0;
	tap_is(wrong, 0, "every device can be added");
	tap_is(info_get(ctl).risk_count[DSMIL_RISK_QUARANTINED], DSMIL_DEVICE_COUNT, "then all are quarantined");
	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++)
		wrong += expect_present(DSMIL_TOKEN_BASE + i) && rewrite(DSMIL_TOKEN_BASE + i) <= 0;
	tap_is(wrong, 0, "and nothing at all is written");
}

int main(int argc, char **argv)
{
	tap_start(argc, argv);
	open_ctl();
	reload();
	check_refusals();
	check_addition();
	check_other_reading();
	check_all();
	reload();
	tap_ok(info_get(ctl).quarantine_added == 0 &&
	       rewrite(DSMIL_TOKEN_BASE + 3 * ADDED_DEVICE) == DSMIL_REASON_ALLOWED,
	       "unloading clears the additions");
	for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT; reg++)
		if (rewrite(DSMIL_TOKEN_BASE + 3 * QUARANTINED_DEVICE + reg) <= 0)
			tap_bail("the compiled-in list is gone");
	tap_ok(true, "and never the compiled-in list");
	return tap_finish();
}
