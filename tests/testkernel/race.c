/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything at once, on two processors: readers, writers, batches, the audit
 * ring's reader, netlink dumps and a listener, sysfs, faults on the board, bad
 * requests through every door, while the firmware comes and goes and, between two
 * rounds, the core itself.
 *
 *   --rounds N   (default 20); in each the firmware comes and goes 5 times
 *   --seed N     (default: made of the clock, and printed)
 *
 * What is wrong between two processors is for KASAN, lockdep or KCSAN to find;
 * here the answers are checked. Needs no module loaded.
 */
#include "race.h"

#include "../kselftest/knobs.h"
#include "../kselftest/modules.h"
#include "../kselftest/support.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define COMES_AND_GOES 5
#define TURNS_AT_LEAST 20 /* of each worker in each round */

static atomic_bool stopping;

/*
 * What may be answered besides 0 while the firmware comes and goes; a list ends with 0.
 * A node of a device: none (ENOENT), a node that is being taken away (ENXIO), or one
 * that outlived its firmware (ENODEV).
 */
static const int nothing_else[] = { 0 };
static const int node_gone[] = { ENOENT, ENXIO, ENODEV, 0 };
/* The faults that break_and_mend() makes: EIO, and ENXIO without a location. */
static const int gone_or_broken[] = { ENODEV, EIO, ENXIO, 0 };
static const int gone_or_full[] = { ENODEV, EAGAIN, 0 };
static const int full[] = { EAGAIN, 0 };
/* An attribute's file that is not there, or goes while it is read. */
static const int file_gone[] = { ENOENT, ENODEV, 0 };
/* The same of debugfs: ENXIO while the file's module goes, EIO when the file has gone. */
static const int fault_gone[] = { ENOENT, ENXIO, EIO, 0 };

/* ctl is there as long as the core is, which stays for a whole round. */
static int open_ctl(struct worker *worker)
{
	int ctl = open_node("ctl", O_RDONLY);

	if (ctl < 0)
		be_wrong(worker, "ctl does not open", -ctl);
	return ctl;
}

static void read_registers(struct worker *worker)
{
	int fd = open_device(dice_below(&worker->dice, DSMIL_DEVICE_COUNT), O_RDONLY);
	uint32_t value;

	if (fd < 0) {
		expect(worker, "opening", -fd, node_gone);
		return;
	}
	for (int i = 0; i < 8; i++)
		expect(worker, "a read", reg_read(fd, dice_below(&worker->dice, 3), &value), gone_or_broken);
	close(fd);
}

/* A refusal is for the reason that the board has, or for a fault of break_and_mend(). */
static void expect_refusal(struct worker *worker, unsigned token, uint32_t reason)
{
	uint32_t expected = expect_reason(token);

	if (reason == expected && expected != DSMIL_REASON_ALLOWED)
		worker->done++;
	else if (reason != DSMIL_REASON_LOCATION_UNKNOWN ||
		 (expected != DSMIL_REASON_ALLOWED && expected != DSMIL_REASON_GRANT_REQUIRED))
		be_wrong(worker, "a reason of a refusal", reason);
}

static void write_registers(struct worker *worker)
{
	unsigned number = dice_below(&worker->dice, 2) ? SAFE_DEVICE : dice_below(&worker->dice, DSMIL_DEVICE_COUNT);
	int fd = open_device(number, O_RDWR);

	if (fd < 0) {
		expect(worker, "opening", -fd, node_gone);
		return;
	}
	for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
		unsigned token = DSMIL_TOKEN_BASE + number * DSMIL_REGISTER_COUNT + reg;
		struct dsmil_reg_write answer;
		int error = reg_write(fd, reg, (uint32_t)dice_roll(&worker->dice), &answer);

		if (error == EPERM)
			expect_refusal(worker, token, answer.reason);
		else if (!error && expect_reason(token) != DSMIL_REASON_ALLOWED)
			be_wrong(worker, "a write that must be refused, to token", token);
		else
			expect(worker, "a write", error, gone_or_full);
	}
	close(fd);
}

static void ask_metadata(struct worker *worker)
{
	static __thread struct dsmil_device devices[DSMIL_DEVICE_COUNT];
	struct dsmil_device_list list = {
		.size = sizeof(list), .count = DSMIL_DEVICE_COUNT, .stride = sizeof(devices[0]),
		.devices = (uintptr_t)devices,
	};
	struct dsmil_info info = { .size = sizeof(info) };
	int ctl = open_ctl(worker);
	void *page;

	if (ctl < 0)
		return;
	expect(worker, "INFO", try_ioctl(ctl, DSMIL_IOC_INFO, &info), nothing_else);
	expect(worker, "DEVICE_LIST", try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list), firmware_gone);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ctl, 0);
	if (page == MAP_FAILED)
		be_wrong(worker, "the status page cannot be mapped", errno);
	else
		munmap(page, 4096);
	close(ctl);
}

/* Of an operation on the safe device, which may have gone before it was opened. */
static void expect_result(struct worker *worker, const struct dsmil_batch_operation *operation, bool is_open)
{
	bool is_write = operation->operation == DSMIL_BATCH_WRITE;

	if (!is_open) {
		if (operation->result != -EBADF)
			be_wrong(worker, "an operation on no descriptor", operation->result);
	} else if (is_write && operation->result == -EPERM) {
		if (operation->reason != DSMIL_REASON_LOCATION_UNKNOWN)
			be_wrong(worker, "a reason of a refusal", operation->reason);
	} else {
		expect(worker, "an operation", -operation->result, is_write ? firmware_gone : gone_or_broken);
	}
}

static void batch_registers(struct worker *worker)
{
	struct dsmil_batch_operation operations[12] = { 0 };
	struct dsmil_reg_batch request = {
		.size = sizeof(request), .count = ARRAY_SIZE(operations), .stride = sizeof(operations[0]),
		.operations = (uintptr_t)operations,
	};
	int ctl = open_ctl(worker);
	int device = open_device(SAFE_DEVICE, O_RDWR);
	int error;

	if (device < 0)
		expect(worker, "opening", -device, node_gone);
	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		operations[i].fd = device;
		operations[i].reg = (uint8_t)(i % 3);
		operations[i].operation = (uint8_t)dice_below(&worker->dice, 2);
	}
	error = ctl < 0 ? -ctl : try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &request);
	expect(worker, "a batch", error, full);
	for (unsigned i = 0; i < ARRAY_SIZE(operations) && !error; i++)
		expect_result(worker, &operations[i], device >= 0);
	if (ctl >= 0)
		close(ctl);
	if (device >= 0)
		close(device);
}

/* Within one load, sequences have no holes, whoever comes and goes. */
static void read_ring(struct worker *worker)
{
	static struct dsmil_event events[64];
	int ctl = open_ctl(worker);
	int ring = ctl < 0 ? ctl : ring_open(ctl);
	ssize_t bytes;

	if (ring < 0) {
		expect(worker, "opening the ring", -ring, nothing_else);
		goto out;
	}
	fcntl(ring, F_SETFL, O_NONBLOCK);
	be_mistaken(worker, ring, true);
	while ((bytes = read(ring, events, sizeof(events))) > 0) {
		size_t count = (size_t)bytes / sizeof(events[0]);

		for (size_t i = 0; i < count; i++) {
			if (memcmp(worker->load_id, events[i].load_id, sizeof(worker->load_id))) {
				memcpy(worker->load_id, events[i].load_id, sizeof(worker->load_id));
				worker->next = 1;
			}
			if (events[i].sequence != worker->next)
				be_wrong(worker, "the ring goes on elsewhere, so far off",
					 (long)(events[i].sequence - worker->next));
			worker->next = events[i].sequence + 1;
		}
		expect(worker, "acknowledging", ring_advance(ring, worker->next), nothing_else);
	}
	if (bytes == 0 || errno != EAGAIN)
		be_wrong(worker, "the end of the ring", bytes ? errno : 0);
	close(ring);
out:
	if (ctl >= 0)
		close(ctl);
}

static void observe(struct worker *worker)
{
	struct dsmil_event_ring ring = { .size = sizeof(ring), .kind = DSMIL_RING_OBSERVE, .fd = -1 };
	int ctl = open_ctl(worker);
	int error = ctl < 0 ? -ctl : try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring);
	void *pages;

	expect(worker, "a ring", error, nothing_else);
	if (!error) {
		pages = mmap(NULL, 8192, PROT_READ, MAP_SHARED, ring.fd, 0);
		if (pages == MAP_FAILED)
			be_wrong(worker, "a ring cannot be mapped", errno);
		else
			munmap(pages, 8192);
		close(ring.fd);
	}
	if (ctl >= 0)
		close(ctl);
}

static void read_sysfs(struct worker *worker)
{
	static const char *const files[] = { "register_reason", "register_risk", "present", "name" };
	char path[96], text[128];
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/dsmil/devices/%04x/%s",
		 DSMIL_DEVICE_ID_BASE + dice_below(&worker->dice, DSMIL_DEVICE_COUNT),
		 files[dice_below(&worker->dice, ARRAY_SIZE(files))]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		expect(worker, "opening", errno, file_gone);
		return;
	}
	bytes = read(fd, text, sizeof(text));
	if (!bytes)
		be_wrong(worker, "bytes of an attribute", 0);
	else
		expect(worker, "an attribute", bytes < 0 ? errno : 0, file_gone);
	close(fd);
}

/* A sweep begins at each change; it may find the firmware gone, or another. */
static void turn_poller(struct worker *worker)
{
	static const char *const intervals[] = { "5", "0" };

	expect(worker, "an interval", write_line("/sys/module/dsmil/parameters/poll_interval_s",
						  intervals[dice_below(&worker->dice, 2)]), nothing_else);
	expect(worker, "what is polled", write_line("/sys/module/dsmil/parameters/poll_data",
						     dice_below(&worker->dice, 2) ? "Y" : "N"), nothing_else);
	sched_yield();
}

static void break_and_mend(struct worker *worker)
{
	unsigned token = DSMIL_TOKEN_BASE + dice_below(&worker->dice, DSMIL_TOKEN_COUNT);
	char line[32];

	snprintf(line, sizeof(line), "0x%x %d", token, (int)dice_below(&worker->dice, 2));
	expect(worker, "a fault", board_fault("unlocatable", line), fault_gone);
	snprintf(line, sizeof(line), "0x%x %s", token, dice_below(&worker->dice, 2) ? "EIO" : "none");
	expect(worker, "a fault", board_fault("fail_read", line), fault_gone);
}

static struct worker workers[] = {
	{ .name = "a reader", .turn = read_registers },
	{ .name = "another reader", .turn = read_registers },
	{ .name = "a writer", .turn = write_registers },
	{ .name = "metadata", .turn = ask_metadata },
	{ .name = "a batch", .turn = batch_registers },
	{ .name = "the audit ring", .turn = read_ring },
	{ .name = "a netlink dump", .turn = dump_devices },
	{ .name = "netlink questions", .turn = ask_netlink },
	{ .name = "a netlink listener", .turn = listen_to_events },
	{ .name = "an observer", .turn = observe },
	{ .name = "sysfs", .turn = read_sysfs },
	{ .name = "the poller", .turn = turn_poller },
	{ .name = "faults", .turn = break_and_mend },
	{ .name = "bad requests to ctl", .turn = ask_ctl_badly },
	{ .name = "bad requests to devices", .turn = ask_devices_badly },
	{ .name = "bad netlink questions", .turn = ask_netlink_badly },
	{ .name = "a caller without capabilities", .turn = be_powerless },
};

static void *work(void *context)
{
	struct worker *worker = context;

	while (!atomic_load(&stopping)) {
		worker->turn(worker);
		atomic_fetch_add(&worker->turns, 1);
	}
	return NULL;
}

static bool everybody_had_turns(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		if (atomic_load(&workers[i].turns) < TURNS_AT_LEAST)
			return false;
	return true;
}

/* The core goes once the last descriptor is closed; it must never go before. */
static int unload_core(void)
{
	int error;

	do {
		error = core_unload();
	} while (error == EWOULDBLOCK && !sched_yield());
	return error;
}

static void start(struct worker *worker)
{
	bool needs_netlink = worker->turn == dump_devices || worker->turn == ask_netlink ||
			     worker->turn == ask_netlink_badly || worker->turn == listen_to_events;

	atomic_store(&worker->turns, 0);
	if (needs_netlink && genl_open(&worker->genl))
		tap_bail("the netlink family does not open");
	if (worker->turn == listen_to_events && genl_join_events(&worker->genl))
		tap_bail("the group of events cannot be joined");
	if (pthread_create(&worker->thread, NULL, work, worker))
		tap_bail("no thread");
}

static void finish(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
	if (worker->genl.fd > 0)
		genl_close(&worker->genl);
	worker->genl.fd = 0;
}

static int play_round(struct journal_verdict *verdict, unsigned *gone_times)
{
	int error = core_load();

	error = error ? error : board_load();
	if (error)
		return error;
	atomic_store(&stopping, false);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		start(&workers[i]);
	for (int i = 0; i < COMES_AND_GOES && !error; i++) {
		struct journal_verdict seen = journal_judge();

		verdict->writes += seen.writes > 0 ? seen.writes : 0;
		verdict->forbidden += seen.forbidden;
		/* A file of its faults may be open. */
		do {
			error = board_unload();
		} while (error == EWOULDBLOCK && !sched_yield());
		*gone_times += !error;
		error = error ? error : board_load();
	}
	while (!everybody_had_turns())
		sched_yield();
	atomic_store(&stopping, true);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		finish(&workers[i]);
	error = error ? error : board_unload();
	return error ? error : unload_core();
}

int main(int argc, char **argv)
{
	struct journal_verdict verdict = { 0 };
	struct timespec now;
	uint64_t rounds, seed, round;
	unsigned gone_times = 0;
	int error = 0;
	bool all = true;

	tap_start(argc, argv);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		tap_bail("this machine has one processor: nothing is at once");
	clock_gettime(CLOCK_MONOTONIC, &now);
	rounds = number_option("rounds", 20);
	seed = number_option("seed", (uint64_t)now.tv_nsec | 1);
	tap_diag("seed %llu", (unsigned long long)seed);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		workers[i].dice = dice_make(seed, i);
	for (round = 0; round < rounds && !error; round++)
		error = play_round(&verdict, &gone_times);

	tap_is(error, 0, "firmware and core come and go under load, round after round");
	tap_is((long)wrong_answers(), 0, "no door gave an answer that it must not give");
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		tap_diag("%s: %lu done", workers[i].name, workers[i].done);
		all = all && workers[i].done > 0;
	}
	tap_ok(all, "every worker had something to do");
	tap_diag("the firmware went %u times under load", gone_times);
	tap_ok(gone_times >= rounds, "it went at least once a round on average");
	tap_diag("%d writes in the journal", verdict.writes);
	tap_is(verdict.forbidden, 0, "the board saw no forbidden write");
	return tap_finish();
}
