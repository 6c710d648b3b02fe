/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every register, every door, as root: exactly the allowed writes are done. A
 * file that can prove it from outside, the firmware's journal, is for whoever
 * runs this.
 */
#include "genl.h"
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static uint32_t before[DSMIL_TOKEN_COUNT];

/* What is there, or 0 where it cannot be read. */
static void read_board(uint32_t *values)
{
	for (unsigned number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		int fd = open_device(number, O_RDONLY);

		for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT; reg++)
			reg_read(fd, reg, &values[number * DSMIL_REGISTER_COUNT + reg]);
		close(fd);
	}
}

static void check_unchanged(const char *name)
{
	static uint32_t now[DSMIL_TOKEN_COUNT];
	int changed = 0;

	read_board(now);
	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		if (now[i] != before[i]) {
			tap_diag("token 0x%04x changed", DSMIL_TOKEN_BASE + i);
			changed++;
		}
	}
	tap_is(changed, 0, name);
}

/* How a write through a device's node must end. */
static bool ends_as_it_must(unsigned token, int error, const struct dsmil_reg_write *answer)
{
	if (!expect_present(token))
		return error == ENODEV;
	if (expect_reason(token) == DSMIL_REASON_ALLOWED)
		return error == expect_write(token) && answer->reason == DSMIL_REASON_ALLOWED;
	return error == EPERM && answer->reason == expect_reason(token);
}

static void check_reg_write(void)
{
	int wrong = 0, done = 0, lost = 0;

	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		unsigned token = DSMIL_TOKEN_BASE + i, reg = i % DSMIL_REGISTER_COUNT;
		int fd = open_device(i / DSMIL_REGISTER_COUNT, O_RDWR);
		struct dsmil_reg_write answer;
		int error = reg_write(fd, reg, ~before[i], &answer);
		uint32_t value;

		if (!ends_as_it_must(token, error, &answer)) {
			tap_diag("token 0x%04x: errno %d, reason %u, wanted reason %u", token, error,
				 answer.reason, expect_reason(token));
			wrong++;
		}
		done += error != ENODEV && error != EPERM;
		if (!error) {
			lost += reg_read(fd, reg, &value) || value != ~before[i];
			lost += reg_write(fd, reg, before[i], NULL) != 0;
		}
		close(fd);
	}
	tap_is(wrong, 0, "REG_WRITE does exactly what the rule allows, and says which rule");
	/* Six safe devices of three registers, but 0x8019, 0x801A (read as ids) and 0x8091 (alias). */
	tap_is(done, 15, "fifteen of the 324 registers may be written");
	tap_is(lost, 0, "each of them reads back");
}

static void check_other_doors_of_nodes(void)
{
	static const char bytes[64] = { 1, 2, 3 };
	struct iovec vector = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = sizeof(bytes) };
	int accepted = 0;

	for (unsigned number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		int fd = open_device(number, O_RDWR);
		int reader = open_device(number, O_RDONLY);
		void *memory;

		accepted += write(fd, bytes, sizeof(bytes)) >= 0;
		accepted += pwrite(fd, bytes, sizeof(bytes), 4) >= 0;
		accepted += writev(fd, &vector, 1) >= 0;
		memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		accepted += memory != MAP_FAILED;
		accepted += ftruncate(fd, 0) == 0;
		accepted += fallocate(fd, 0, 0, 4096) == 0;
		for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT; reg++)
			accepted += reg_write(reader, reg, 1, NULL) != EBADF;
		close(reader);
		close(fd);
	}
	tap_is(accepted, 0, "a node takes no write(), pwrite(), writev(), mmap() nor a reader's REG_WRITE");
}

static void check_ctl(void)
{
	static const char bytes[64] = { 1, 2, 3 };
	int fd = open_node("ctl", O_RDWR);
	int accepted = 0;

	for (unsigned reg = 0; reg < DSMIL_TOKEN_COUNT; reg++)
		accepted += reg_write(fd, reg, 1, NULL) != ENOTTY;
	accepted += write(fd, bytes, sizeof(bytes)) >= 0;
	accepted += mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED;
	close(fd);
	tap_is(accepted, 0, "ctl writes no registers");
}

/* Every command with every kind of request, and something to write in every attribute. */
static void check_netlink(void)
{
	static const unsigned flags[] = { 0, NLM_F_CREATE | NLM_F_REPLACE, NLM_F_CREATE | NLM_F_EXCL, NLM_F_APPEND };
	static const uint32_t value = 0x8010;
	static struct genl genl;
	int accepted = 0;

	if (genl_open(&genl))
		tap_bail("there is no netlink family");
	for (unsigned command = 0; command < 256; command++) {
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			struct genl_attribute attributes[24];
			int error;

			for (size_t a = 0; a < ARRAY_SIZE(attributes); a++)
				attributes[a] = (struct genl_attribute){ (uint16_t)(a + 1), &value, sizeof(value) };
			error = genl_ask(&genl, (uint8_t)command, flags[i], attributes, ARRAY_SIZE(attributes),
					 NULL, NULL);
			/* INFO_GET and DEVICE_GET refuse the attributes, the rest does not exist. */
			accepted += error == 0;
		}
	}
	genl_close(&genl);
	tap_is(accepted, 0, "netlink accepts nothing that could write");
}

static int try_attributes(const char *directory)
{
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	char path[512];
	struct stat status;
	int accepted = 0;

	while (entries && (entry = readdir(entries))) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		/* The driver core's own "uevent" makes a uevent and nothing else. */
		if (lstat(path, &status) || !S_ISREG(status.st_mode) || !strcmp(entry->d_name, "uevent"))
			continue;
		int fd = open(path, O_WRONLY);

		if (fd < 0)
			continue;
		tap_diag("%s opens for writing", path);
		accepted++;
		close(fd);
	}
	if (entries)
		closedir(entries);
	return accepted;
}

static void check_sysfs(void)
{
	char path[64];
	int accepted = 0;

	for (unsigned number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		snprintf(path, sizeof(path), "/sys/bus/dsmil/devices/%04x", DSMIL_DEVICE_ID_BASE + number);
		accepted += access(path, F_OK) != 0;
		accepted += try_attributes(path);
	}
	tap_is(accepted, 0, "sysfs shows 108 devices and takes no write");
}

int main(int argc, char **argv)
{
	tap_start(argc, argv);
	if (open_device(SAFE_DEVICE, O_RDWR) < 0)
		tap_bail("the nodes do not open; run this as root with a firmware module loaded");
	make_odd_board();
	read_board(before);
	check_reg_write();
	check_unchanged("nothing else changed");
	check_other_doors_of_nodes();
	check_ctl();
	check_netlink();
	check_sysfs();
	check_unchanged("no other door changed anything");
	return tap_finish();
}
