/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything at once, on two processors: readers, writers, batches, the audit
 * ring's reader, netlink dumps and a listener, sysfs, faults on the board, while
 * the firmware comes and goes and, between two rounds, the core itself.
 *
 *   --rounds N   (default 20); in each the firmware comes and goes 5 times
 *   --seed N     (default: made of the clock, and printed)
 *
 * What is wrong between two processors is for KASAN, lockdep or KCSAN to find;
 * here the answers are checked. Needs no module loaded.
 */
#include "../kselftest/genl.h"
#include "../kselftest/modules.h"
#include "../kselftest/support.h"
#include "machine.h"

#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define COMES_AND_GOES 5
#define TURNS_AT_LEAST 20 /* of each worker in each round */

static atomic_bool stopping;
static atomic_uint wrong; /* answers that must not be */

struct worker {
	const char *name;
	void (*turn)(struct worker *worker);
	struct dice dice;
	pthread_t thread;
	atomic_ulong turns;
	unsigned long done; /* what succeeded, in all rounds */
	struct genl genl;
	int fd;
	uint64_t next;	    /* sequence */
	uint8_t load_id[16];
};

/* An answer that must be one of these: 0, or that the firmware has just gone. */
static void expect(struct worker *worker, int error, int also)
{
	if (!error) {
		worker->done++;
		return;
	}
	if (error == ENODEV || error == ENOENT || error == ENXIO || error == also)
		return;
	atomic_fetch_add(&wrong, 1);
	tap_diag("%s: errno %d", worker->name, error);
}

static void read_registers(struct worker *worker)
{
	int fd = open_device(dice_below(&worker->dice, DSMIL_DEVICE_COUNT), O_RDONLY);
	uint32_t value;

	if (fd < 0) {
		expect(worker, -fd, 0);
		return;
	}
	for (int i = 0; i < 8; i++)
		expect(worker, reg_read(fd, dice_below(&worker->dice, 3), &value), EIO);
	close(fd);
}

static void write_registers(struct worker *worker)
{
	unsigned number = dice_below(&worker->dice, 2) ? SAFE_DEVICE : dice_below(&worker->dice, DSMIL_DEVICE_COUNT);
	int fd = open_device(number, O_RDWR);
	int error;

	if (fd < 0) {
		expect(worker, -fd, 0);
		return;
	}
	for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
		error = reg_write(fd, reg, (uint32_t)dice_roll(&worker->dice), NULL);
		/* The ring may be full, and most devices are closed. */
		expect(worker, error == EAGAIN || error == EPERM ? ENODEV : error, EIO);
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
	int ctl = open_node("ctl", O_RDONLY);
	void *page;

	if (ctl < 0) {
		expect(worker, -ctl, 0);
		return;
	}
	expect(worker, try_ioctl(ctl, DSMIL_IOC_INFO, &info), 0);
	expect(worker, try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list), 0);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ctl, 0);
	if (page != MAP_FAILED)
		munmap(page, 4096);
	close(ctl);
}

static void batch_registers(struct worker *worker)
{
	struct dsmil_batch_operation operations[12] = { 0 };
	struct dsmil_reg_batch request = {
		.size = sizeof(request), .count = ARRAY_SIZE(operations), .stride = sizeof(operations[0]),
		.operations = (uintptr_t)operations,
	};
	int ctl = open_node("ctl", O_RDONLY);
	int device = open_device(SAFE_DEVICE, O_RDWR);
	int error;

	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		operations[i].fd = device;
		operations[i].reg = (uint8_t)(i % 3);
		operations[i].operation = (uint8_t)dice_below(&worker->dice, 2);
	}
	error = ctl < 0 ? -ctl : try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &request);
	expect(worker, error == ENOTTY || error == EAGAIN ? 0 : error, 0);
	if (ctl >= 0)
		close(ctl);
	if (device >= 0)
		close(device);
}

/* Within one load, sequences have no holes, whoever comes and goes. */
static void read_ring(struct worker *worker)
{
	static struct dsmil_event events[64];
	int ctl = open_node("ctl", O_RDONLY);
	int ring = ctl < 0 ? ctl : ring_open(ctl);
	ssize_t bytes;

	if (ring < 0) {
		expect(worker, -ring, 0);
		goto out;
	}
	fcntl(ring, F_SETFL, O_NONBLOCK);
	while ((bytes = read(ring, events, sizeof(events))) > 0) {
		size_t count = (size_t)bytes / sizeof(events[0]);

		for (size_t i = 0; i < count; i++) {
			if (memcmp(worker->load_id, events[i].load_id, sizeof(worker->load_id))) {
				memcpy(worker->load_id, events[i].load_id, sizeof(worker->load_id));
				worker->next = 1;
			}
			if (events[i].sequence != worker->next) {
				atomic_fetch_add(&wrong, 1);
				tap_diag("the ring goes on with %llu, not %llu",
					 (unsigned long long)events[i].sequence, (unsigned long long)worker->next);
			}
			worker->next = events[i].sequence + 1;
		}
		expect(worker, ring_advance(ring, worker->next), 0);
	}
	close(ring);
out:
	if (ctl >= 0)
		close(ctl);
}

static void dump_devices(struct worker *worker)
{
	static __thread char answer[32768];
	struct {
		struct nlmsghdr netlink;
		struct genlmsghdr generic;
	} request = { .netlink = { sizeof(request), worker->genl.family, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		      .generic = { DSMIL_CMD_DEVICE_GET, DSMIL_GENL_VERSION, 0 } };
	ssize_t length;
	bool ended = false;

	if (send(worker->genl.fd, &request, sizeof(request), 0) < 0) {
		expect(worker, errno, 0);
		return;
	}
	while (!ended) {
		const struct nlmsghdr *message = (const void *)answer;

		length = recv(worker->genl.fd, answer, sizeof(answer), 0);
		if (length < 0) {
			expect(worker, errno, 0);
			return;
		}
		for (; NLMSG_OK(message, (size_t)length); message = NLMSG_NEXT(message, length)) {
			ended = message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR;
			if (ended)
				expect(worker, -*(const int *)NLMSG_DATA(message), 0);
		}
	}
}

static void listen_to_events(struct worker *worker)
{
	static __thread char answer[32768];

	while (recv(worker->genl.fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
		worker->done++;
	sched_yield();
}

static void observe(struct worker *worker)
{
	struct dsmil_event_ring ring = { .size = sizeof(ring), .kind = DSMIL_RING_OBSERVE, .fd = -1 };
	int ctl = open_node("ctl", O_RDONLY);
	int error = ctl < 0 ? -ctl : try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring);
	struct dsmil_ring_page *pages;

	expect(worker, error == EOPNOTSUPP ? 0 : error, 0);
	if (ring.fd >= 0) {
		pages = mmap(NULL, 8192, PROT_READ, MAP_SHARED, ring.fd, 0);
		if (pages != MAP_FAILED)
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
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/dsmil/devices/%04x/%s",
		 DSMIL_DEVICE_ID_BASE + dice_below(&worker->dice, DSMIL_DEVICE_COUNT),
		 files[dice_below(&worker->dice, ARRAY_SIZE(files))]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		expect(worker, errno, 0);
		return;
	}
	expect(worker, read(fd, text, sizeof(text)) < 0 ? errno : 0, 0);
	close(fd);
}

static void break_and_mend(struct worker *worker)
{
	unsigned token = DSMIL_TOKEN_BASE + dice_below(&worker->dice, DSMIL_TOKEN_COUNT);
	char line[32];

	snprintf(line, sizeof(line), "0x%x %d", token, (int)dice_below(&worker->dice, 2));
	expect(worker, board_fault("unlocatable", line), EIO);
	snprintf(line, sizeof(line), "0x%x %s", token, dice_below(&worker->dice, 2) ? "EIO" : "none");
	expect(worker, board_fault("fail_read", line), EIO);
}

static struct worker workers[] = {
	{ .name = "a reader", .turn = read_registers },
	{ .name = "another reader", .turn = read_registers },
	{ .name = "a writer", .turn = write_registers },
	{ .name = "metadata", .turn = ask_metadata },
	{ .name = "a batch", .turn = batch_registers },
	{ .name = "the audit ring", .turn = read_ring },
	{ .name = "a netlink dump", .turn = dump_devices },
	{ .name = "a netlink listener", .turn = listen_to_events },
	{ .name = "an observer", .turn = observe },
	{ .name = "sysfs", .turn = read_sysfs },
	{ .name = "faults", .turn = break_and_mend },
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
	bool needs_netlink = worker->turn == dump_devices || worker->turn == listen_to_events;

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

static int play_round(struct journal_verdict *verdict)
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
		error = board_unload();
		error = error == EWOULDBLOCK ? 0 : error; /* a file of its faults is open */
		if (!module_is_loaded("dsmil_sim"))
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
		error = play_round(&verdict);

	tap_is(error, 0, "firmware and core come and go under load, round after round");
	tap_is((long)atomic_load(&wrong), 0, "no door gave an answer that it must not give");
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		tap_diag("%s: %lu done", workers[i].name, workers[i].done);
		all = all && workers[i].done > 0;
	}
	tap_ok(all, "every worker had something to do");
	tap_diag("%d writes in the journal", verdict.writes);
	tap_is(verdict.forbidden, 0, "the board saw no forbidden write");
	return tap_finish();
}
