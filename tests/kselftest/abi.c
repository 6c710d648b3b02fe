/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of ctl and of a device's node do. The manners that all commands share
 * are in commands.c.
 */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct dsmil_device good_device = { .size = sizeof(good_device), .id = 0x8005 };
static const struct dsmil_device_list good_list = {
	.size = sizeof(good_list), .stride = sizeof(struct dsmil_device), .count = 0 };
static const struct dsmil_event_ring good_ring = { .size = sizeof(good_ring), .kind = DSMIL_RING_AUDIT };
static const struct dsmil_reg_write good_write = {
	.size = sizeof(good_write), .reg = DSMIL_REG_CONFIG, .value = 7 };

static void check_unknown_commands(int ctl, int device, int ring)
{
	char request[64] = { 0 };

	tap_is(try_ioctl(ctl, _IOWR(DSMIL_IOC_MAGIC, 0x7f, int), request), ENOTTY, "ctl does not know command 0x7f");
	tap_is(try_ioctl(ctl, _IOWR('x', 0, int), request), ENOTTY, "ctl does not know another type of command");
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_READ, request), ENOTTY, "ctl reads no registers");
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_WRITE, request), ENOTTY, "ctl writes no registers");
	tap_is(try_ioctl(ctl, DSMIL_IOC_RING_ADVANCE, request), ENOTTY, "ctl does not acknowledge records");
	tap_is(try_ioctl(device, DSMIL_IOC_INFO, request), ENOTTY, "a device's node does not know INFO");
	tap_is(try_ioctl(device, DSMIL_IOC_EVENT_RING, request), ENOTTY, "a device's node opens no ring");
	tap_is(try_ioctl(device, _IOWR(DSMIL_IOC_MAGIC, 0x7f, int), request), ENOTTY,
	       "a device's node does not know command 0x7f");
	tap_is(try_ioctl(ring, DSMIL_IOC_INFO, request), ENOTTY, "the ring does not know INFO");
	tap_is(try_ioctl(ring, DSMIL_IOC_REG_WRITE, request), ENOTTY, "the ring writes no registers");
}

static void check_info(int ctl)
{
	static const uint32_t risks[] = { 6, 91, 3, 1, 7 };
	struct dsmil_info info = info_get(ctl);

	tap_is(info.device_count, DSMIL_DEVICE_COUNT, "INFO counts 108 devices");
	tap_is(info.present_count, DSMIL_DEVICE_COUNT - board_is_odd(), "INFO counts the devices that are present");
	tap_ok(!memcmp(info.risk_count, risks, sizeof(risks)), "INFO counts the devices of each risk");
	tap_ok(info.audit_head >= info.audit_tail && info.audit_tail >= 1, "INFO shows where the ring stands");
	tap_ok(memcmp(info.load_id, (char[16]){ 0 }, 16) != 0, "INFO shows a load id");
	tap_ok(info.firmware_name[15] == 0 && info.module_version[15] == 0 && info.module_version[0],
	       "INFO ends its strings");
}

static void check_devices(int ctl)
{
	static const uint16_t unknown[] = { 0, 0x7fff, 0x806c, 0xffff };
	struct dsmil_device device = good_device;
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		device.id = unknown[i];
		wrong += try_ioctl(ctl, DSMIL_IOC_DEVICE_GET, &device) != ENODEV;
	}
	tap_is(wrong, 0, "DEVICE_GET knows no other ids");

	wrong = 0;
	for (unsigned i = 0; i < DSMIL_DEVICE_COUNT; i++) {
		const struct device_facts *facts = &device_facts[i];

		device.id = facts->id;
		if (try_ioctl(ctl, DSMIL_IOC_DEVICE_GET, &device) || device.number != i ||
		    device.token_base != DSMIL_TOKEN_BASE + 3 * i || device.risk != facts->risk ||
		    strcmp(device.name, facts->name) || device.present != expect_present(device.token_base)) {
			tap_diag("device %04x differs", facts->id);
			wrong++;
		}
		for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT && device.present; reg++)
			wrong += device.register_reason[reg] != expect_reason(device.token_base + reg);
	}
	tap_is(wrong, 0, "DEVICE_GET tells all devices as the catalogue has them");
}

static void check_list(int ctl)
{
	enum { stride = sizeof(struct dsmil_device) + 32 };
	static char elements[DSMIL_DEVICE_COUNT][stride];
	struct dsmil_device_list list = good_list;
	const struct dsmil_device *last = (const void *)elements[7];

	memset(elements, 0xff, sizeof(elements));
	list.devices = (uintptr_t)elements;
	list.stride = stride;
	list.first = 100;
	list.count = 20;
	tap_is(try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list), 0, "DEVICE_LIST accepts a larger element");
	tap_ok(list.count == 8 && list.total == DSMIL_DEVICE_COUNT, "DEVICE_LIST ends with the last device");
	tap_ok(last->id == 0x806b && last->size == stride, "DEVICE_LIST fills its elements in order");
	tap_ok(elements[7][stride - 1] == 0 && elements[8][0] == (char)0xff,
	       "DEVICE_LIST clears the rest of an element and touches nothing after the last");

	list.first = DSMIL_DEVICE_COUNT;
	list.count = UINT32_MAX;
	tap_is(try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list), 0, "DEVICE_LIST accepts a start behind the end");
	tap_is(list.count, 0, "DEVICE_LIST then lists none");
	list.first = UINT32_MAX;
	list.count = UINT32_MAX;
	tap_ok(!try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list) && !list.count, "DEVICE_LIST does not overflow");

	list = good_list;
	list.count = 1;
	list.stride = sizeof(struct dsmil_device) - 1;
	tap_is(try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list), EINVAL, "DEVICE_LIST refuses a short element");
	list.stride = sizeof(struct dsmil_device);
	list.devices = 0;
	tap_is(try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list), EFAULT, "DEVICE_LIST refuses a bad array");
}

static void check_registers(int device)
{
	struct dsmil_reg_write write = good_write;
	int read_only = open_device(SAFE_DEVICE, O_RDONLY);
	int write_only = open_device(SAFE_DEVICE, O_WRONLY);
	char grant[8] = { 0 };
	uint32_t before, after;
	struct dsmil_reg_write *locked;
	uint32_t value;

	tap_is(reg_read(device, 3, &value), ERANGE, "REG_READ knows three registers");
	tap_is(reg_read(device, UINT32_MAX, &value), ERANGE, "REG_READ does not overflow");
	tap_is(reg_write(device, 3, 0, NULL), ERANGE, "REG_WRITE knows three registers");
	tap_is(reg_write(device, UINT32_MAX, 0, NULL), ERANGE, "REG_WRITE does not overflow");
	reg_read(device, DSMIL_REG_CONFIG, &before);
	tap_is(reg_write(read_only, DSMIL_REG_CONFIG, ~before, NULL), EBADF,
	       "REG_WRITE needs a descriptor that was opened for writing");
	tap_is(reg_read(write_only, DSMIL_REG_CONFIG, &value), EBADF,
	       "REG_READ needs a descriptor that was opened for reading");
	write.value = ~before;
	write.grant = (uintptr_t)grant;
	write.grant_length = sizeof(grant);
	tap_is(try_ioctl(device, DSMIL_IOC_REG_WRITE, &write), EPERM, "REG_WRITE refuses what is no grant");
	tap_is(write.reason, DSMIL_REASON_GRANT_MALFORMED, "and says so");
	write.grant = 0;
	tap_is(try_ioctl(device, DSMIL_IOC_REG_WRITE, &write), EINVAL, "REG_WRITE refuses a length without a grant");

	locked = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*locked = good_write;
	locked->value = ~before;
	mprotect(locked, 4096, PROT_READ);
	tap_is(try_ioctl(device, DSMIL_IOC_REG_WRITE, locked), EFAULT, "REG_WRITE refuses memory that takes no answer");
	munmap(locked, 4096);
	reg_read(device, DSMIL_REG_CONFIG, &after);
	tap_is(after, before, "a write that was not accepted changes nothing");
	close(read_only);
}

static int write_safe(void *context)
{
	struct dsmil_reg_write answer;
	int error = reg_write(*(int *)context, DSMIL_REG_CONFIG, 1, &answer);

	return error == EPERM ? (int)answer.reason : 200 + error;
}

static int open_ring(void *context)
{
	int fd = ring_open(*(int *)context);

	return fd < 0 ? -fd : 0;
}

static int open_anything(void *context)
{
	int ctl = open_node("ctl", O_RDONLY);
	int device = open_device(SAFE_DEVICE, O_RDONLY);

	(void)context;
	return ctl == -EACCES && device == -EACCES ? 0 : 1;
}

static void check_permissions(int ctl, int device)
{
	uint32_t before, after;

	tap_is(as_nobody(open_anything, NULL), 0, "nobody else may open the nodes");
	tap_is(as_nobody(open_ring, &ctl), EPERM, "the audit ring needs CAP_SYS_ADMIN");
	reg_read(device, DSMIL_REG_CONFIG, &before);
	tap_is(as_nobody(write_safe, &device), DSMIL_REASON_CAPABILITY_REQUIRED, "a safe write needs CAP_SYS_RAWIO");
	reg_read(device, DSMIL_REG_CONFIG, &after);
	tap_is(after, before, "a write without the capability changes nothing");
}

static void check_ring_command(int ctl)
{
	struct dsmil_event_ring ring = good_ring;

	ring.kind = 3;
	tap_is(try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring), EOPNOTSUPP, "EVENT_RING knows two kinds of ring");
	ring = good_ring;
	if (tap_is(try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring), 0, "EVENT_RING opens the audit ring")) {
		tap_is(fcntl(ring.fd, F_GETFD), FD_CLOEXEC, "the ring closes on exec");
		close(ring.fd);
	}
}

int main(int argc, char **argv)
{
	int ctl, device, ring;
	uint32_t config;

	tap_start(argc, argv);
	ctl = open_node("ctl", O_RDONLY);
	device = open_device(SAFE_DEVICE, O_RDWR);
	if (ctl < 0 || device < 0)
		tap_bail("the nodes do not open; run this as root with a firmware module loaded");
	reg_read(device, DSMIL_REG_CONFIG, &config);

	check_info(ctl);
	check_devices(ctl);
	check_list(ctl);
	check_registers(device);
	check_permissions(ctl, device);
	check_ring_command(ctl);

	ring = ring_open(ctl);
	if (ring < 0)
		tap_bail("the audit ring does not open");
	check_unknown_commands(ctl, device, ring);
	reg_write(device, DSMIL_REG_CONFIG, config, NULL);
	return tap_finish();
}
