/* SPDX-License-Identifier: Apache-2.0 */
/* The audit ring: what it keeps, for whom, and what happens when it is full. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* As documented: reads and refusals get 7/8, attaching and detaching the last 16. */
#define CAPACITY 1024
#define ORDINARY_LIMIT (CAPACITY / 8 * 7)
#define WRITE_LIMIT (CAPACITY - 16)

static struct dsmil_event events[CAPACITY];
static int ctl, safe, quarantined;

static long read_events(int ring, size_t most)
{
	ssize_t bytes = read(ring, events, most * sizeof(events[0]));

	return bytes < 0 ? -errno : (long)((size_t)bytes / sizeof(events[0]));
}

static bool readable(int ring)
{
	struct pollfd poll_fd = { .fd = ring, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents == POLLIN;
}

static void check_empty(int ring)
{
	ring_drain(ctl, ring);
	tap_is(read_events(ring, 1), -EAGAIN, "an empty ring gives EAGAIN to who does not wait");
	tap_ok(!readable(ring), "an empty ring is not readable");
}

static bool is_ours(const struct dsmil_event *event, unsigned type, unsigned token)
{
	static struct dsmil_info info;

	info = info_get(ctl);
	return event->size == sizeof(*event) && event->type == type && event->token == token &&
	       event->device_id == DSMIL_DEVICE_ID_BASE + (token - DSMIL_TOKEN_BASE) / 3 &&
	       event->reg == (token - DSMIL_TOKEN_BASE) % 3 && event->uid == 0 &&
	       event->pid == (uint32_t)getpid() && !strcmp(event->comm, "audit") &&
	       !memcmp(event->load_id, info.load_id, sizeof(info.load_id)) &&
	       event->firmware_kind == info.firmware_kind && event->boottime_ns && event->realtime_ns;
}

static void check_records(int ring)
{
	struct dsmil_reg_write written, refused;
	uint32_t value;

	ring_drain(ctl, ring);
	reg_read(safe, DSMIL_REG_CONFIG, &value);
	reg_write(safe, DSMIL_REG_CONFIG, value, &written);
	reg_write(quarantined, DSMIL_REG_DATA, 0x666, &refused);
	tap_ok(readable(ring), "a ring with a record is readable");
	tap_is(read_events(ring, CAPACITY), 3, "a read, a write and a refusal are a record each");
	tap_ok(is_ours(&events[0], DSMIL_EVENT_READ, 0x8010) && events[0].value == value && !events[0].result,
	       "the record of a read has its value and who read");
	tap_ok(is_ours(&events[1], DSMIL_EVENT_WRITE, 0x8010) && events[1].value == value &&
	       !events[1].result && events[1].sequence == written.sequence,
	       "the record of a write is the one that the writer was told");
	tap_ok(is_ours(&events[2], DSMIL_EVENT_REFUSED, 0x801D) && events[2].value == 0x666 &&
	       events[2].result == -EPERM && events[2].reason == DSMIL_REASON_QUARANTINED &&
	       events[2].risk == DSMIL_RISK_QUARANTINED && events[2].rule_token == 0x801D &&
	       events[2].sequence == refused.sequence,
	       "the record of a refusal has the rule and what was asked for");
	tap_ok(events[1].sequence == events[0].sequence + 1 && events[2].sequence == events[1].sequence + 1,
	       "the sequences have no holes");
}

static void check_advance(int ring)
{
	uint64_t first, last;
	uint32_t value;

	ring_drain(ctl, ring);
	for (int i = 0; i < 4; i++)
		reg_read(safe, DSMIL_REG_STATUS, &value);
	first = info_get(ctl).audit_tail;
	tap_is(ring_advance(ring, first + 1), ERANGE, "what was not read cannot be acknowledged");
	tap_is(read_events(ring, 3), 3, "a reader gets as many records as it has room for");
	last = events[2].sequence;
	tap_is(ring_advance(ring, last + 2), ERANGE, "nor what lies beyond");
	tap_is(ring_advance(ring, last), 0, "what was read can be acknowledged");
	tap_is((long)(info_get(ctl).audit_tail - last), 0, "INFO shows how far");
	tap_is(ring_advance(ring, last - 1), ERANGE, "nothing is taken back");
	tap_is(ring_advance(ring, last), 0, "acknowledging nothing new is no error");
	tap_is(ring_advance(ring, UINT64_MAX), ERANGE, "a sequence far away is out of range");
	tap_is(read_events(ring, 3), 1, "the reader goes on where it was");
}

static void check_bad_reads(int ring)
{
	uint32_t value;

	ring_drain(ctl, ring);
	reg_read(safe, DSMIL_REG_STATUS, &value);
	tap_is(read(ring, events, sizeof(events[0]) - 1) < 0 ? errno : 0, EINVAL,
	       "a buffer too small for one record is refused");
	tap_is(read(ring, (void *)-4096L, sizeof(events)) < 0 ? errno : 0, EFAULT, "a bad buffer is refused");
	tap_is(read_events(ring, 1), 1, "and no record is lost by it");
}

static void check_readers(int ring)
{
	uint64_t first;
	uint32_t value;
	pid_t child;
	int status, next;

	ring_drain(ctl, ring);
	tap_is(ring_open(ctl), -EBUSY, "there is one reader at a time");
	close(ring);
	reg_read(safe, DSMIL_REG_STATUS, &value);
	reg_read(safe, DSMIL_REG_DATA, &value);
	first = info_get(ctl).audit_tail;

	child = fork();
	if (child == 0) {
		next = ring_open(ctl);
		if (read_events(next, CAPACITY) != 2 || ring_advance(next, first + 1))
			_exit(1);
		raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	tap_ok(WIFSIGNALED(status), "a reader acknowledges one of two records and dies");
	next = ring_open(ctl);
	tap_ok(next >= 0, "the ring is free again");
	fcntl(next, F_SETFL, O_NONBLOCK);
	tap_ok(read_events(next, CAPACITY) == 1 && events[0].sequence == first + 1 && events[0].token == 0x8011,
	       "the next reader goes on with the other");
	close(next);
}

static void *read_one(void *context)
{
	uint32_t value;

	(void)context;
	reg_read(safe, DSMIL_REG_DATA, &value);
	return NULL;
}

static void *read_many(void *context)
{
	for (int i = 0; i < 100; i++)
		read_one(context);
	return NULL;
}

static void check_waiting(int ring)
{
	pthread_t thread;

	ring_drain(ctl, ring);
	fcntl(ring, F_SETFL, 0);
	pthread_create(&thread, NULL, read_one, NULL);
	tap_ok(read_events(ring, CAPACITY) == 1 && events[0].token == 0x8011, "a waiting reader is woken by a record");
	pthread_join(thread, NULL);
	fcntl(ring, F_SETFL, O_NONBLOCK);
}

static void check_threads(int ring)
{
	pthread_t threads[4];
	long count;
	bool holes = false;

	ring_drain(ctl, ring);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, read_many, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	count = read_events(ring, CAPACITY);
	for (long i = 1; i < count; i++)
		holes |= events[i].sequence != events[i - 1].sequence + 1 ||
			 events[i].boottime_ns < events[i - 1].boottime_ns;
	tap_is(count, 400, "four threads' reads are all recorded");
	tap_ok(!holes, "in one order, without holes");
}

/* Fills the ring, in three steps; gives how many events were only counted. */
static long fill(void)
{
	struct dsmil_info before = info_get(ctl);
	struct dsmil_reg_write answer;
	uint32_t value, after;
	long counted = 11, done = 0;

	for (int i = 0; i < ORDINARY_LIMIT; i++)
		reg_read(safe, DSMIL_REG_DATA, &value);
	tap_is((long)(info_get(ctl).audit_gaps - before.audit_gaps), 0, "seven eighths of the ring keep every read");
	for (int i = 0; i < counted - 1; i++)
		reg_read(safe, DSMIL_REG_DATA, &value);
	tap_is(reg_write(quarantined, DSMIL_REG_CONFIG, 1, &answer), EPERM, "a refusal is refused, recorded or not");
	tap_is((long)answer.sequence, 0, "its sequence 0 says that it was only counted");
	tap_is((long)(info_get(ctl).audit_gaps - before.audit_gaps), counted, "further reads and refusals are counted");

	while (done <= CAPACITY && !reg_write(safe, DSMIL_REG_DATA, value, NULL))
		done++;
	tap_is(done, WRITE_LIMIT - ORDINARY_LIMIT, "writes go on until their part is full");
	tap_is(reg_write(safe, DSMIL_REG_DATA, ~value, &answer), EAGAIN, "then a write is refused");
	tap_is((long)(info_get(ctl).audit_refused - before.audit_refused), 2, "and this and the one before it are counted");
	reg_read(safe, DSMIL_REG_DATA, &after);
	counted++;
	tap_is(after, value, "and was not done");
	return counted;
}

static void check_full(int ring)
{
	uint64_t first;
	bool right = true;
	long counted;
	uint32_t value;

	ring_drain(ctl, ring);
	first = info_get(ctl).audit_head;
	counted = fill();

	tap_is(read_events(ring, CAPACITY), WRITE_LIMIT, "a full ring gives all its records");
	for (long i = 0; i < WRITE_LIMIT; i++)
		right &= events[i].sequence == first + (uint64_t)i &&
			 events[i].type == (i < ORDINARY_LIMIT ? DSMIL_EVENT_READ : DSMIL_EVENT_WRITE);
	tap_ok(right, "each operation in its place, without holes");
	tap_is(ring_advance(ring, first + WRITE_LIMIT), 0, "all of them can be acknowledged");
	tap_is(read_events(ring, CAPACITY), 1, "then one more record comes");
	tap_ok(events[0].type == DSMIL_EVENT_GAP && events[0].sequence == first + WRITE_LIMIT &&
	       events[0].device_id == DSMIL_NO_DEVICE, "it is a gap with the next sequence");
	tap_is((long)events[0].count, counted, "it counts exactly what was not kept");
	tap_ok(events[0].first_ns && events[0].first_ns < events[0].boottime_ns, "and says since when");
	reg_read(safe, DSMIL_REG_DATA, &value);
	tap_is(reg_write(safe, DSMIL_REG_DATA, value, NULL), 0, "writes are done again");
	tap_is(read_events(ring, CAPACITY), 2, "and everything is recorded again");
}

int main(int argc, char **argv)
{
	int ring;

	tap_start(argc, argv);
	ctl = open_node("ctl", O_RDONLY);
	safe = open_device(SAFE_DEVICE, O_RDWR);
	quarantined = open_device(QUARANTINED_DEVICE, O_RDWR);
	ring = ctl < 0 ? -1 : ring_open(ctl);
	if (safe < 0 || quarantined < 0 || ring < 0)
		tap_bail("the nodes do not open; run this as root with a firmware module loaded and no daemon");

	check_empty(ring);
	check_records(ring);
	check_advance(ring);
	check_bad_reads(ring);
	check_waiting(ring);
	check_threads(ring);
	check_full(ring);
	check_readers(ring);
	return tap_finish();
}
