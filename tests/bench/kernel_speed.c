// SPDX-License-Identifier: Apache-2.0
// The kernel module's own costs, on the simulated board: each measure and its peer,
// interleaved, in one process. Prints "NAME OURS PEER" a line; times in nanoseconds
// (medians).
//   kernel_speed ROUNDS EVENTS
#include <errno.h>
#include <fcntl.h>
#include <linux/dsmil.h>
#include <linux/dsmil_netlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define BATCH 64
#define PAGE_READS 100
#define CALLS 16 /* between two looks at the clock, which may cost as much as a call */

static int ctl, device;
static const struct dsmil_status_page *page;
static struct dsmil_batch_operation operations[DSMIL_BATCH_MAX];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "kernel_speed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* ------------------------------------------------------------------ latency -- */

static void read_one(void)
{
	struct dsmil_reg_read request = {.size = sizeof(request), .reg = DSMIL_REG_STATUS};

	if (ioctl(device, DSMIL_IOC_REG_READ, &request))
		die("REG_READ");
}

/* The same node, the same argument, nothing done. */
static void do_nothing(void)
{
	struct dsmil_reg_read request = {.size = sizeof(request), .reg = DSMIL_REG_STATUS};

	if (ioctl(device, _IOWR(DSMIL_IOC_MAGIC, 0x7f, struct dsmil_reg_read), &request) != -1 || errno != ENOTTY)
		die("an unknown command");
}

static void read_many(void)
{
	for (int i = 0; i < CALLS; i++)
		read_one();
}

static void do_nothing_many(void)
{
	for (int i = 0; i < CALLS; i++)
		do_nothing();
}

static void run_batch(unsigned count)
{
	struct dsmil_reg_batch request = {.size = sizeof(request), .count = count,
					  .stride = sizeof(operations[0]), .operations = (uintptr_t)operations};

	if (ioctl(ctl, DSMIL_IOC_REG_BATCH, &request))
		die("REG_BATCH");
}

static void batch_64(void)
{
	run_batch(BATCH);
}

static void single_64(void)
{
	for (int i = 0; i < BATCH; i++)
		read_one();
}

static void read_page(void)
{
	volatile uint32_t sink;
	uint32_t before, value;

	for (int i = 0; i < PAGE_READS; i++) {
		do {
			before = __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
			value = __atomic_load_n(&page->devices[0].registers[0].value, __ATOMIC_RELAXED);
			__atomic_thread_fence(__ATOMIC_ACQUIRE);
		} while (before & 1 || before != __atomic_load_n(&page->sequence, __ATOMIC_RELAXED));
		sink = value;
		(void)sink;
	}
}

/* The medians of both, interleaved. */
static void measure(const char *name, size_t rounds, void (*ours)(void), void (*peer)(void), double ours_of,
		    double peer_of)
{
	uint64_t *ours_ns = calloc(rounds, sizeof(*ours_ns)), *peer_ns = calloc(rounds, sizeof(*peer_ns));

	if (!ours_ns || !peer_ns)
		die("memory");
	for (size_t i = 0; i < rounds; i++) {
		const uint64_t start = now_ns();

		ours();
		const uint64_t middle = now_ns();

		peer();
		ours_ns[i] = middle - start;
		peer_ns[i] = now_ns() - middle;
	}
	qsort(ours_ns, rounds, sizeof(*ours_ns), compare);
	qsort(peer_ns, rounds, sizeof(*peer_ns), compare);
	printf("%s %.2f %.2f\n", name, (double)ours_ns[rounds / 2] / ours_of, (double)peer_ns[rounds / 2] / peer_of);
	free(ours_ns);
	free(peer_ns);
}

/* ------------------------------------------------------------------- events -- */

#define RECORDS 512 /* of the audit ring, before it is emptied */

static int audit;
static uint64_t wanted;
static bool done;

/* The audit ring is emptied as it fills, so that events reach the netlink group. */
static void empty_audit(void)
{
	static struct dsmil_event events[4096];
	struct dsmil_ring_advance advance = {.size = sizeof(advance)};
	ssize_t bytes = read(audit, events, sizeof(events));

	if (bytes <= 0)
		return;
	advance.up_to = events[(size_t)bytes / sizeof(events[0]) - 1].sequence + 1;
	if (ioctl(audit, DSMIL_IOC_RING_ADVANCE, &advance))
		die("RING_ADVANCE");
}

static void *produce(void *context)
{
	for (uint64_t made = 0; made < wanted; made += RECORDS) {
		for (unsigned i = 0; i < RECORDS; i++)
			read_one();
		empty_audit();
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	return context;
}

struct tally {
	uint64_t received;
	uint64_t lost; /* as the channel itself says */
	uint64_t ns;
};

static int tick; /* of a millisecond: both channels hold more than comes in one */

/* As a collector of events does: once a tick it takes what there is. */
static void await_tick(void)
{
	uint64_t count;

	if (read(tick, &count, sizeof(count)) != sizeof(count))
		die("the tick");
}

static struct tally by_ring(uint64_t count)
{
	struct dsmil_event_ring ring = {.size = sizeof(ring), .kind = DSMIL_RING_OBSERVE, .bytes = DSMIL_OBSERVE_BYTES_MAX};
	struct tally tally = {0};
	struct dsmil_ring_page *mine;
	const struct dsmil_ring_page *kernels;
	pthread_t producer;
	uint64_t start;

	if (ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring))
		die("an observation ring");
	mine = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0);
	kernels = mmap(NULL, PAGE + 2 * (size_t)ring.bytes, PROT_READ, MAP_SHARED, ring.fd, PAGE);
	if (mine == MAP_FAILED || kernels == MAP_FAILED)
		die("mmap");
	done = false;
	wanted = count;
	start = now_ns();
	pthread_create(&producer, NULL, produce, NULL);
	for (;;) {
		const bool last = __atomic_load_n(&done, __ATOMIC_ACQUIRE);
		const uint64_t put = __atomic_load_n(&kernels->put, __ATOMIC_ACQUIRE);
		uint64_t taken = mine->taken;

		if (taken == put && last)
			break;
		if (taken == put)
			await_tick();
		for (; taken != put; taken += sizeof(struct dsmil_event)) {
			const struct dsmil_event *event =
				(const void *)((const char *)kernels + PAGE + taken % ring.bytes);

			/* A gap with a sequence is the audit ring's. */
			if (event->type != DSMIL_EVENT_GAP)
				tally.received++;
			else if (!event->sequence)
				tally.lost += event->count;
		}
		__atomic_store_n(&mine->taken, taken, __ATOMIC_RELEASE);
	}
	tally.ns = now_ns() - start;
	tally.lost += kernels->gap_count;
	pthread_join(producer, NULL);
	close(ring.fd);
	return tally;
}

/* A socket that is in the group; its number is looked up as any client does. */
static int join_group(void)
{
	struct {
		struct nlmsghdr header;
		struct genlmsghdr generic;
		struct nlattr attribute;
		char name[8];
	} request = {
		.header = {.nlmsg_len = sizeof(request), .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST},
		.generic = {.cmd = CTRL_CMD_GETFAMILY, .version = 1},
		.attribute = {.nla_len = NLA_HDRLEN + sizeof("dsmil"), .nla_type = CTRL_ATTR_FAMILY_NAME},
		.name = "dsmil",
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	static _Alignas(8) char answer[8192];
	uint32_t group = 0;
	int space = 8 << 20;
	ssize_t bytes;

	if (bind(fd, (void *)&address, sizeof(address)) || send(fd, &request, sizeof(request), 0) < 0)
		die("netlink");
	bytes = recv(fd, answer, sizeof(answer), 0);
	/* The number follows the name "events" in its nest, or comes before it; there is one group of that name. */
	for (ssize_t i = 0; i + 7 <= bytes && !group; i += 4)
		if (!memcmp(answer + i, "events", 7) && i >= 12)
			memcpy(&group, answer + i - 8, 4);
	if (!group || setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)))
		die("the group events");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &space, sizeof(space));
	return fd;
}

static struct tally by_netlink(uint64_t count)
{
	static char message[8192];
	struct tally tally = {0};
	pthread_t producer;
	int fd = join_group();
	uint64_t start;

	done = false;
	wanted = count;
	start = now_ns();
	pthread_create(&producer, NULL, produce, NULL);
	for (;;) {
		const bool last = __atomic_load_n(&done, __ATOMIC_ACQUIRE);
		ssize_t bytes = recv(fd, message, sizeof(message), MSG_DONTWAIT);

		if (bytes > 0)
			tally.received++;
		else if (bytes < 0 && errno == EAGAIN && last)
			break;
		else if (bytes < 0 && errno == EAGAIN)
			await_tick();
	}
	tally.ns = now_ns() - start;
	pthread_join(producer, NULL);
	close(fd);
	return tally;
}

/* Nobody listens: what the events cost whoever makes them. */
static struct tally by_nobody(uint64_t count)
{
	struct tally tally = {.received = (count + RECORDS - 1) / RECORDS * RECORDS};
	uint64_t start = now_ns();

	wanted = count;
	produce(NULL);
	tally.ns = now_ns() - start;
	return tally;
}

#define CHANNEL_ROUNDS 9

/* The median time of an event: through the ring, through netlink, and with nobody there; interleaved. */
static void measure_channels(uint64_t count)
{
	struct tally (*const channels[])(uint64_t) = {by_nobody, by_ring, by_netlink};
	uint64_t ps[3][CHANNEL_ROUNDS]; /* picoseconds */

	for (int round = 0; round < CHANNEL_ROUNDS; round++)
		for (int i = 0; i < 3; i++) {
			const struct tally tally = channels[i](count);

			ps[i][round] = tally.ns * 1000 / (tally.received ? tally.received : 1);
		}
	for (int i = 0; i < 3; i++)
		qsort(ps[i], CHANNEL_ROUNDS, sizeof(ps[i][0]), compare);
	const double alone = (double)ps[0][CHANNEL_ROUNDS / 2] / 1e3, ring = (double)ps[1][CHANNEL_ROUNDS / 2] / 1e3,
		     netlink = (double)ps[2][CHANNEL_ROUNDS / 2] / 1e3;

	printf("events %.1f %.1f\n", ring, netlink);
	printf("channel %.1f %.1f\n", ring - alone, netlink - alone);
}

int main(int argc, char **argv)
{
	struct dsmil_event_ring ring = {.size = sizeof(ring), .kind = DSMIL_RING_AUDIT};

	if (argc != 3) {
		fprintf(stderr, "usage: kernel_speed ROUNDS EVENTS\n");
		return 2;
	}
	const size_t rounds = strtoul(argv[1], NULL, 10);
	const uint64_t count = strtoull(argv[2], NULL, 10);

	ctl = open("/dev/dsmil/ctl", O_RDONLY | O_CLOEXEC);
	device = open("/dev/dsmil/8000", O_RDONLY | O_CLOEXEC);
	if (!rounds || !count || ctl < 0 || device < 0 || ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring))
		die("open");
	audit = ring.fd;
	tick = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (tick < 0 || timerfd_settime(tick, 0, &(struct itimerspec){{0, 1000000}, {0, 1000000}}, NULL))
		die("a timer");
	fcntl(audit, F_SETFL, O_NONBLOCK);
	page = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, ctl, 0);
	if (page == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < BATCH; i++)
		operations[i] = (struct dsmil_batch_operation){.fd = device, .operation = DSMIL_BATCH_READ};

	measure("read", rounds / 4 + 1, read_many, do_nothing_many, CALLS, CALLS);
	measure("batch", rounds / 16 + 1, batch_64, single_64, BATCH, BATCH);
	measure("page", rounds / 4 + 1, read_page, read_many, PAGE_READS, CALLS);

	measure_channels(count / 200 + RECORDS);

	const struct tally ours = by_ring(count);

	printf("unaccounted %lld 0\n",
	       (long long)((count + RECORDS - 1) / RECORDS * RECORDS - ours.received - ours.lost));
	printf("lost %llu 0\n", (unsigned long long)ours.lost);
	return 0;
}
