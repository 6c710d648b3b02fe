/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated boards that are made and removed at run time, what they can be made of,
 * their faults, and removal against everything that is open. They take the place of
 * the loaded firmware meanwhile.
 */
#include "genl.h"
#include "knobs.h"
#include "modules.h"
#include "reload.h"
#include "support.h"

#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONFIG "0x8010" /* of the safe device, as is DATA, 0x8011 */
#define REMOVALS 60
#define RACERS 3

static struct module sim = { .name = "dsmil_sim" };
static int ctl;

static int make_board(const char *line)
{
	return write_line(BOARDS "new_device", line);
}

static int remove_board(const char *line)
{
	return write_line(BOARDS "del_device", line);
}

static uint32_t present(void)
{
	return info_get(ctl).present_count;
}

/* ---------------------------------------------------------------- making -- */

static void check_making(void)
{
	tap_is(module_load(&sim, "board=N"), 0, "the module loads without a board");
	tap_is(info_get(ctl).firmware_kind, DSMIL_FIRMWARE_NONE, "then there is no firmware");
	tap_is(make_board("7"), 0, "a board is made");
	tap_is(present(), DSMIL_DEVICE_COUNT, "it has every device");
	tap_is(make_board("8"), EBUSY, "a second board is refused while there is one");
	tap_is(make_board("7"), EBUSY, "so is the same again");
	tap_is(remove_board("8"), ENOENT, "a board that there is not is not removed");
	tap_is(remove_board("seven"), EINVAL, "nor one without a number");
	tap_is(remove_board("7"), 0, "the board is removed");
	tap_is(info_get(ctl).firmware_kind, DSMIL_FIRMWARE_NONE, "and the firmware has gone with it");
	tap_is(access(KNOBS, F_OK), -1, "and its knobs");
}

static void check_bad_boards(void)
{
	static const struct {
		const char *line;
		int error;
	} bad[] = {
		{ "\n", EINVAL },
		{ "first", EINVAL },
		{ "-1", EINVAL },
		{ "4294967296", ERANGE },
		{ "1 absent", EINVAL },
		{ "1 absent=108", EINVAL },
		{ "1 absent=9-5", EINVAL },
		{ "1 seed=", EINVAL },
		{ "1 seed=0x100000000", ERANGE },
		{ "1 alias=0x8010", EINVAL },
		{ "1 alias=0x8010:0x9000", EINVAL },
		{ "1 alias=0x8010:0x8010", EINVAL },
		{ "1 absent=9 alias=0x8010:0x801b", EINVAL },
		{ "1 colour=green", EINVAL },
		{ "1  seed=1", EINVAL },
	};
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int error = make_board(bad[i].line);

		if (error != bad[i].error)
			tap_diag("'%s' gives %d", bad[i].line, error);
		wrong += error != bad[i].error;
	}
	tap_is(wrong, 0, "a configuration that makes no sense is refused");
	tap_is(info_get(ctl).firmware_kind, DSMIL_FIRMWARE_NONE, "and makes nothing");
}

static uint32_t config_of(const char *board)
{
	uint32_t value = 0;
	int node;

	make_board(board);
	node = open_device(SAFE_DEVICE, O_RDONLY);
	reg_read(node, DSMIL_REG_CONFIG, &value);
	close(node);
	remove_board("1");
	return value;
}

static void check_configuration(void)
{
	struct dsmil_reg_write answer = { 0 };
	uint32_t value = 0;
	int node;

	make_board("1 absent=5,9,100-107");
	tap_is(present(), DSMIL_DEVICE_COUNT - 10, "a board lacks the devices that it is told to");
	node = open_device(100, O_RDONLY);
	tap_is(reg_read(node, DSMIL_REG_STATUS, &value), ENODEV, "and their registers");
	close(node);
	remove_board("1");

	tap_ok(config_of("1 seed=7") == config_of("1 seed=7"), "one seed makes the same values each time");
	tap_ok(config_of("1 seed=7") != config_of("1 seed=8"), "another seed makes others");
	tap_is(config_of("1"), register_facts[0x10].value, "without a seed they are the catalogue's");

	make_board("1 alias=" CONFIG ":0x801b alias=0x800f:0x8011");
	node = open_device(SAFE_DEVICE, O_RDWR);
	tap_ok(reg_write(node, DSMIL_REG_CONFIG, 1, &answer) == EPERM && answer.reason == DSMIL_REASON_ALIAS &&
	       answer.rule_token == 0x801B, "a register on a quarantined one's location is not written");
	tap_is(reg_write(node, DSMIL_REG_DATA, 0x1234, NULL), 0, "one that shares with a safe one is");
	reg_read(node, DSMIL_REG_STATUS, &value);
	tap_is(value, 0x1234, "and both have the value");
	close(node);
	remove_board("1");

	make_board("1 alias=" CONFIG ":0x812d");
	node = open_device(SAFE_DEVICE, O_RDWR);
	tap_is(reg_write(node, DSMIL_REG_CONFIG, 1, &answer), EPERM, "nor one on a monitored one's");
	turn("vanish", "0x812d 1");
	tap_ok(reg_write(node, DSMIL_REG_CONFIG, 1, &answer) == EPERM && answer.reason == DSMIL_REASON_ALIAS,
	       "also when that one has vanished");
	close(node);
	remove_board("1");
}

/* ---------------------------------------------------------------- faults -- */

static int node;
static uint32_t config;

static uint32_t read_config(int *error)
{
	uint32_t value = 0;

	*error = reg_read(node, DSMIL_REG_CONFIG, &value);
	return value;
}

static void check_answers(void)
{
	int error, first, second;
	uint32_t value;

	turn("flip_read", CONFIG " 0x80000001 1");
	value = read_config(&error);
	tap_ok(!error && value == (config ^ 0x80000001), "a read's bits are turned over");
	tap_is(read_config(&error), config, "as often as it was told: once");

	turn("short_read", CONFIG " 1 1");
	read_config(&error);
	tap_is(error, EIO, "an answer that breaks off is EIO");

	turn("flip_write", CONFIG " 0xff 1");
	reg_write(node, DSMIL_REG_CONFIG, 0x5500, NULL);
	tap_is(read_config(&error), 0x55ff, "a write's bits are turned over");

	turn("short_write", CONFIG " 1 1");
	tap_is(reg_write(node, DSMIL_REG_CONFIG, config, NULL), EIO, "a write whose answer breaks off is EIO");
	tap_is(read_config(&error), config, "and has been done");

	turn("fail_read", "all EIO 2");
	read_config(&first);
	read_config(&second);
	read_config(&error);
	tap_ok(first == EIO && second == EIO && !error, "a firmware that fails twice recovers");
	turn("fail_read", "all none");
	tap_ok(injected("flip_read") == 1 && injected("short_read") == 1 && injected("flip_write") == 1 &&
	       injected("short_write") == 1 && injected("fail_read") == 2 && injected("delay_read") == 0,
	       "every fault that struck is counted");
}

static void check_delay(void)
{
	struct timespec start, end;
	int error;

	turn("delay_read", CONFIG " 20000 1");
	clock_gettime(CLOCK_MONOTONIC, &start);
	read_config(&error);
	clock_gettime(CLOCK_MONOTONIC, &end);
	tap_ok(!error && (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec >= 20000000,
	       "a delayed read takes its time, and then answers");
}

static void check_vanish(void)
{
	struct dsmil_reg_write answer = { 0 };
	int error;

	tap_is(turn("vanish", CONFIG " 1"), 0, "a token vanishes from the board");
	read_config(&error);
	tap_is(error, ENXIO, "its register is not read");
	tap_ok(reg_write(node, DSMIL_REG_CONFIG, 1, &answer) == EPERM &&
	       answer.reason == DSMIL_REASON_LOCATION_UNKNOWN, "nor written");
	tap_is(reg_write(node, DSMIL_REG_DATA, 5, NULL), 0, "its neighbour is");
	turn("vanish", CONFIG " 0");
	tap_is(read_config(&error), config, "it comes back with its value");
}

static void check_bad_lines(void)
{
	static const struct {
		const char *knob, *line;
		int error;
	} bad[] = {
		{ "flip_read", CONFIG " bits", EINVAL },   { "flip_read", CONFIG " 1 0", ERANGE },
		{ "flip_read", CONFIG " 1 many", EINVAL }, { "flip_read", CONFIG " 1 1 1", EINVAL },
		{ "flip_read", CONFIG " 0 1", EINVAL },	   { "delay_read", CONFIG " 5000001", ERANGE },
		{ "vanish", CONFIG " 1 1", EINVAL },	   { "short_write", "0x9000 1", ENOENT },
		{ "fail_write", "every EIO", EINVAL },
	};
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		wrong += turn(bad[i].knob, bad[i].line) != bad[i].error;
	tap_is(wrong, 0, "a fault that makes no sense is refused");
}

static void check_faults(void)
{
	int error;

	make_board("1");
	node = open_device(SAFE_DEVICE, O_RDWR);
	config = read_config(&error);
	check_bad_lines();
	check_answers();
	check_delay();
	check_vanish();
	close(node);
	remove_board("1");
}

/* --------------------------------------------------------------- removal -- */

static atomic_bool racing;
static atomic_int wrong_answers;
static atomic_long operations;

/* The device has gone, or the audit ring is full meanwhile: nothing else may come of a removal. */
static void note(int error)
{
	if (!error)
		atomic_fetch_add(&operations, 1);
	else if (error != ENODEV && error != ENOENT && error != EAGAIN)
		atomic_fetch_add(&wrong_answers, 1);
}

static void *use_nodes(void *unused)
{
	(void)unused;
	while (atomic_load(&racing)) {
		int fd = open_device(SAFE_DEVICE, O_RDWR);
		uint32_t value;

		if (fd < 0) {
			note(-fd);
			continue;
		}
		/* Until the board under the descriptor has gone. */
		for (int i = 0, error = 0; i < 1000 && !error && atomic_load(&racing); i++) {
			error = reg_read(fd, DSMIL_REG_STATUS, &value);
			note(error);
			note(reg_write(fd, DSMIL_REG_CONFIG, (uint32_t)i, NULL));
		}
		close(fd);
	}
	return NULL;
}

static void *use_metadata(void *unused)
{
	struct dsmil_device device;
	char text[128];
	int fd;

	(void)unused;
	while (atomic_load(&racing)) {
		memset(&device, 0, sizeof(device));
		device.size = sizeof(device);
		device.id = 0x8005;
		note(try_ioctl(ctl, DSMIL_IOC_DEVICE_GET, &device));
		fd = open("/sys/bus/dsmil/devices/8005/register_reason", O_RDONLY | O_CLOEXEC);
		note(fd < 0 ? errno : 0);
		if (fd >= 0) {
			note(read(fd, text, sizeof(text)) < 0 ? errno : 0);
			close(fd);
		}
		injected("fail_read");
	}
	return NULL;
}

static void *dump_devices(void *unused)
{
	static struct genl genl;

	(void)unused;
	if (genl_open(&genl))
		return NULL;
	while (atomic_load(&racing)) {
		genl_send(&genl, DSMIL_CMD_DEVICE_GET, NLM_F_DUMP, NULL, 0);
		note(genl_receive(&genl, NULL, NULL));
	}
	genl_close(&genl);
	return NULL;
}

static void check_removal(int ring)
{
	void *(*const uses[RACERS])(void *) = { use_nodes, use_metadata, dump_devices };
	pthread_t racers[RACERS];
	int failed = 0;

	atomic_store(&racing, true);
	for (int i = 0; i < RACERS; i++)
		pthread_create(&racers[i], NULL, uses[i], NULL);
	for (int i = 0; i < REMOVALS; i++) {
		long before = atomic_load(&operations);

		failed += make_board("1") != 0;
		/* A few operations must have met each board. */
		while (atomic_load(&operations) < before + 20)
			sched_yield();
		failed += remove_board("1") != 0;
		ring_drain(ctl, ring);
	}
	atomic_store(&racing, false);
	for (int i = 0; i < RACERS; i++)
		pthread_join(racers[i], NULL);
	tap_is(failed, 0, "boards come and go under nodes, sysfs, netlink and debugfs in use");
	tap_is(atomic_load(&wrong_answers), 0, "and whoever uses them is told that the device has gone");
}

static void *make_boards(void *unused)
{
	(void)unused;
	while (atomic_load(&racing)) {
		make_board("1");
		remove_board("1");
	}
	return NULL;
}

static void check_unload(void)
{
	pthread_t racer;
	int failed = 0;

	atomic_store(&racing, true);
	pthread_create(&racer, NULL, make_boards, NULL);
	for (int i = 0; i < REMOVALS; i++) {
		failed += module_unload(&sim) != 0;
		failed += module_load(&sim, "board=N") != 0;
	}
	atomic_store(&racing, false);
	pthread_join(racer, NULL);
	tap_is(failed, 0, "the module comes and goes while boards are being made");
}

int main(int argc, char **argv)
{
	int ring;

	tap_start(argc, argv);
	module_find(&sim, option("sim"));
	ctl = open_node("ctl", O_RDONLY);
	ring = ctl < 0 ? -1 : ring_open(ctl);
	if (ring < 0 || firmware_leave())
		tap_bail("the loaded firmware does not go; run this as root with a firmware module loaded and no daemon");

	check_making();
	if (access("/sys/kernel/debug", F_OK))
		tap_bail("debugfs is not mounted");
	check_bad_boards();
	check_configuration();
	check_faults();
	ring_drain(ctl, ring);
	check_removal(ring);
	check_unload();
	if (module_unload(&sim) || firmware_return())
		tap_bail("the firmware that was loaded before does not come back");
	return tap_finish();
}
