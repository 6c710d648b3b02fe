/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules come and go, nodes open and close, and on the way each allocation
 * fails once. Whatever fails must leave the machine as it was; what it leaves
 * behind is for kmemleak and KASAN to find. Needs no module loaded.
 *
 *   --cycles N   loads and unloads, and opens and closes (default 1000)
 *   --stride N   a failing allocation further on is every n/N-th (default 16;
 *                0: every single one)
 */
#include "../kselftest/genl.h"
#include "../kselftest/modules.h"
#include "../kselftest/support.h"
#include "machine.h"

#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned stride;

/* What is tried: 0 or an errno; undo is called after a success. */
struct operation {
	const char *name;
	int (*run)(void);
	int (*undo)(void);
	bool (*clean)(void); /* after a failure */
};

static unsigned next_nth(unsigned nth)
{
	return nth + 1 + (stride ? nth / stride : 0);
}

/* What failing memory may be called; a fault of copying to and from user space is EFAULT. */
static bool is_want_of_memory(int error)
{
	return error == ENOMEM || error == EFAULT || error == ENOBUFS;
}

static void try_allocations(const struct operation *operation)
{
	unsigned nth, failed = 0, tried = 0;
	bool held = true;
	char text[128];
	int error;

	for (nth = 1;; nth = next_nth(nth)) {
		bool came;

		fail_nth(nth);
		error = operation->run();
		came = fail_came();
		fail_nth(0);
		tried++;
		if (!error && operation->undo && operation->undo()) {
			tap_diag("allocation %u: it cannot be undone", nth);
			held = false;
		}
		if (!came)
			break;
		failed += error != 0;
		if (error && !is_want_of_memory(error)) {
			tap_diag("allocation %u: errno %d says something else", nth, error);
			held = false;
		}
		if (error && operation->clean && !operation->clean()) {
			tap_diag("allocation %u: errno %d, and something stays behind", nth, error);
			held = false;
		}
	}
	if (error) {
		tap_diag("without a failing allocation: errno %d", error);
		held = false;
	}
	snprintf(text, sizeof(text), "%s survives every failing allocation", operation->name);
	tap_ok(held && failed > 0, text);
	tap_diag("%u of %u tried allocations, the last number %u, make it fail", failed, tried, nth);
}

/* -------------------------------------------------------------- modules -- */

static bool core_is_gone(void) { return !module_is_loaded("dsmil") && access("/dev/dsmil/ctl", F_OK); }
static bool board_is_gone(void) { return !module_is_loaded("dsmil_sim") && access("/dev/dsmil/8000", F_OK); }

/* Opens ctl, asks it something and closes it, whenever it is there, until it is killed. */
static pid_t start_opener(void)
{
	pid_t opener = fork();
	int fd;

	while (!opener) {
		struct dsmil_info info = { .size = sizeof(info) };

		fd = open("/dev/dsmil/ctl", O_RDONLY | O_CLOEXEC);
		sched_yield(); /* so that it is open while others go on */
		if (fd >= 0 && try_ioctl(fd, DSMIL_IOC_INFO, &info))
			_exit(1);
		close(fd);
	}
	return opener;
}

/* The one who has it open closes it soon. */
static int core_unload_opened(void)
{
	int error;

	do {
		error = core_unload();
	} while (error == EWOULDBLOCK && !sched_yield());
	return error;
}

/*
 * The node is there before the load has come to its end. What fails behind that must not
 * leave a file whose code has gone: KASAN would say so, or the opener end by itself.
 */
static void load_under_an_opener(void)
{
	static const struct operation load_core = { "loading the core, whose node somebody opens at once,", core_load,
						    core_unload_opened, core_is_gone };
	pid_t opener = start_opener();
	int status;

	try_allocations(&load_core);
	kill(opener, SIGKILL);
	waitpid(opener, &status, 0);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "who opened the node was answered each time");
}

static void cycle_modules(uint64_t cycles)
{
	uint64_t done;
	int error = 0;

	for (done = 0; done < cycles && !error; done++) {
		error = core_load();
		error = error ? error : board_load();
		error = error ? error : board_unload();
		error = error ? error : core_unload();
	}
	tap_is(error, 0, "the modules load and unload, again and again");
	tap_diag("%llu times", (unsigned long long)done);
}

/* ---------------------------------------------------------------- doors -- */

static int ctl, device, ring_fd;
static struct genl genl;

static int open_both(void)
{
	int first = open_node("ctl", O_RDONLY);
	int second = first < 0 ? first : open_device(SAFE_DEVICE, O_RDWR);

	if (first >= 0)
		close(first);
	if (second >= 0)
		close(second);
	return second < 0 ? -second : 0;
}

static int map_ctl(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, ctl, 0);

	if (page == MAP_FAILED)
		return errno;
	munmap(page, 4096);
	return 0;
}

static int open_ring(void)
{
	int fd = ring_open(ctl);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -fd : 0;
}

static int open_observer(void)
{
	struct dsmil_event_ring ring = { .size = sizeof(ring), .kind = DSMIL_RING_OBSERVE, .fd = -1 };
	int error = try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring);
	void *map;

	if (error)
		return error;
	map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, ring.fd, 0);
	error = map == MAP_FAILED ? errno : 0;
	if (!error)
		munmap(map, 8192);
	close(ring.fd);
	return error;
}

static int metadata(void)
{
	static struct dsmil_device devices[DSMIL_DEVICE_COUNT];
	struct dsmil_info info = { .size = sizeof(info) };
	struct dsmil_device_list list = {
		.size = sizeof(list), .count = DSMIL_DEVICE_COUNT, .stride = sizeof(devices[0]),
		.devices = (uintptr_t)devices,
	};
	int error = try_ioctl(ctl, DSMIL_IOC_INFO, &info);

	return error ? error : try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list);
}

static int registers(void)
{
	uint32_t value;
	int error = reg_read(device, DSMIL_REG_STATUS, &value);

	error = error ? error : reg_write(device, DSMIL_REG_CONFIG, 1, NULL);
	return error;
}

static int batch(void)
{
	struct dsmil_batch_operation operations[64] = { 0 };
	struct dsmil_reg_batch request = {
		.size = sizeof(request), .count = 64, .stride = sizeof(operations[0]),
		.operations = (uintptr_t)operations,
	};
	int error;

	for (unsigned i = 0; i < 64; i++) {
		operations[i].fd = device;
		operations[i].reg = (uint8_t)(i % 3);
	}
	error = try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &request);
	for (unsigned i = 0; i < 64 && !error; i++)
		error = -operations[i].result;
	return error;
}

static int read_ring(void)
{
	struct dsmil_event event;
	ssize_t length;
	uint32_t value;
	int error = reg_read(device, DSMIL_REG_STATUS, &value);

	if (error)
		return error;
	length = read(ring_fd, &event, sizeof(event));
	if (length != sizeof(event))
		return length < 0 ? errno : EIO;
	return ring_advance(ring_fd, event.sequence + 1);
}

/* Sent and received by hand: genl_ask() ends the program when sending fails. */
static int netlink(void)
{
	struct {
		struct nlmsghdr netlink;
		struct genlmsghdr generic;
	} request = { .netlink = { sizeof(request), genl.family, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		      .generic = { DSMIL_CMD_DEVICE_GET, DSMIL_GENL_VERSION, 0 } };
	static char answer[32768];
	unsigned devices = 0;
	ssize_t length;

	if (send(genl.fd, &request, sizeof(request), 0) < 0)
		return errno;
	for (;;) {
		const struct nlmsghdr *message = (const void *)answer;

		length = recv(genl.fd, answer, sizeof(answer), MSG_DONTWAIT);
		if (length < 0)
			return errno;
		for (; NLMSG_OK(message, (size_t)length); message = NLMSG_NEXT(message, length)) {
			int error = -*(const int *)NLMSG_DATA(message);

			devices += message->nlmsg_type == genl.family;
			if (message->nlmsg_type != NLMSG_DONE && message->nlmsg_type != NLMSG_ERROR)
				continue;
			/* A dump that is short without a word is no success. */
			return error || devices == DSMIL_DEVICE_COUNT ? error : EIO;
		}
	}
}

static void drain_netlink(void)
{
	char answer[32768];

	while (recv(genl.fd, answer, sizeof(answer), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
}

static int netlink_afresh(void)
{
	drain_netlink();
	return netlink();
}

static int read_sysfs(void)
{
	char text[128];
	int fd = open("/sys/bus/dsmil/devices/8005/register_reason", O_RDONLY | O_CLOEXEC);
	ssize_t length;
	int error;

	if (fd < 0)
		return errno;
	length = read(fd, text, sizeof(text));
	error = length < 0 ? errno : length == 0 ? EIO : 0;
	close(fd);
	return error;
}

static void cycle_doors(uint64_t cycles)
{
	uint64_t done;
	int error = 0;

	for (done = 0; done < cycles && !error; done++) {
		error = open_both();
		error = error ? error : map_ctl();
		error = error ? error : open_observer();
		error = error ? error : read_ring();
	}
	tap_is(error, 0, "nodes and rings open, map and close, again and again");
	tap_diag("%llu times", (unsigned long long)done);
}

static void try_doors(void)
{
	static const struct operation doors[] = {
		{ "opening the nodes", open_both, NULL, NULL },
		{ "opening the audit ring", open_ring, NULL, NULL },
		{ "INFO and DEVICE_LIST", metadata, NULL, NULL },
		{ "reading and writing a register", registers, NULL, NULL },
		{ "a netlink dump", netlink_afresh, NULL, NULL },
		{ "reading an attribute", read_sysfs, NULL, NULL },
		{ "mapping the status page", map_ctl, NULL, NULL },
		{ "an observation ring", open_observer, NULL, NULL },
		{ "a batch", batch, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(doors); i++)
		try_allocations(&doors[i]);
}

int main(int argc, char **argv)
{
	static const struct operation load_core = { "loading the core", core_load, core_unload, core_is_gone };
	static const struct operation load_board = { "attaching the board", board_load, board_unload, board_is_gone };
	static const struct operation read_records = { "reading the audit ring", read_ring, NULL, NULL };
	uint64_t cycles;

	tap_start(argc, argv);
	cycles = number_option("cycles", 1000);
	stride = (unsigned)number_option("stride", 16);
	if (module_is_loaded("dsmil"))
		tap_bail("the modules are loaded");

	try_allocations(&load_core);
	load_under_an_opener();
	cycle_modules(cycles);
	if (core_load())
		tap_bail("the core does not load");
	try_allocations(&load_board);
	if (board_load())
		tap_bail("the board does not load");

	ctl = open_node("ctl", O_RDONLY);
	device = open_device(SAFE_DEVICE, O_RDWR);
	if (ctl < 0 || device < 0 || genl_open(&genl))
		tap_bail("the nodes do not open");
	try_doors();
	ring_fd = ring_open(ctl);
	if (ring_fd < 0)
		tap_bail("the audit ring does not open");
	ring_drain(ctl, ring_fd);
	try_allocations(&read_records);
	ring_drain(ctl, ring_fd);
	cycle_doors(cycles);

	tap_is(journal_judge().forbidden, 0, "the board saw no forbidden write");
	genl_close(&genl);
	close(ring_fd);
	close(device);
	close(ctl);
	tap_is(board_unload(), 0, "the board unloads at the end");
	tap_is(core_unload(), 0, "and so does the core");
	return tap_finish();
}
