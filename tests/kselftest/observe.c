/* SPDX-License-Identifier: Apache-2.0 */
/* Observation rings: what their readers may map, what they get, and what they lose. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

struct ring {
	int fd;
	uint32_t bytes;
	struct dsmil_ring_page *mine;
	const struct dsmil_ring_page *kernels;
	const char *data;
};

static int ctl, safe;

static int open_observer(uint32_t bytes, struct dsmil_event_ring *answer)
{
	*answer = (struct dsmil_event_ring){ .size = sizeof(*answer), .kind = DSMIL_RING_OBSERVE, .bytes = bytes, .fd = -1 };
	return try_ioctl(ctl, DSMIL_IOC_EVENT_RING, answer);
}

static struct ring open_ring(uint32_t bytes)
{
	struct dsmil_event_ring answer;
	struct ring ring;
	char *rest;

	if (open_observer(bytes, &answer))
		tap_bail("no observation ring opens");
	ring.fd = answer.fd;
	ring.bytes = answer.bytes;
	ring.mine = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, 0);
	rest = mmap(NULL, PAGE + 2 * (size_t)ring.bytes, PROT_READ, MAP_SHARED, ring.fd, PAGE);
	if (ring.mine == MAP_FAILED || rest == MAP_FAILED)
		tap_bail("an observation ring does not map");
	ring.kernels = (const void *)rest;
	ring.data = rest + PAGE;
	return ring;
}

static void close_ring(struct ring *ring)
{
	munmap(ring->mine, PAGE);
	munmap((void *)ring->kernels, PAGE + 2 * (size_t)ring->bytes);
	close(ring->fd);
}

static uint64_t put_position(const struct ring *ring)
{
	return __atomic_load_n(&ring->kernels->put, __ATOMIC_ACQUIRE);
}

static uint64_t waiting(const struct ring *ring)
{
	return (put_position(ring) - ring->mine->taken) / sizeof(struct dsmil_event);
}

/* The next record, which stays until take(). */
static const struct dsmil_event *front(const struct ring *ring)
{
	return (const void *)(ring->data + ring->mine->taken % ring->bytes);
}

static void take(struct ring *ring)
{
	__atomic_store_n(&ring->mine->taken, ring->mine->taken + front(ring)->size, __ATOMIC_RELEASE);
}

static void take_all(struct ring *ring)
{
	__atomic_store_n(&ring->mine->taken, put_position(ring), __ATOMIC_RELEASE);
}

static bool readable(const struct ring *ring)
{
	struct pollfd poll_fd = { .fd = ring->fd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents == POLLIN;
}

static void read_some(int count)
{
	uint32_t value;

	for (int i = 0; i < count; i++)
		reg_read(safe, DSMIL_REG_CONFIG, &value);
}

/* --------------------------------------------------------------- refused -- */

static int open_unprivileged(void *context)
{
	struct dsmil_event_ring answer;

	(void)context;
	return open_observer(0, &answer);
}

static void check_opening(void)
{
	static const uint32_t wrong[] = { 1, 2048, 4097, 12288, 524288, 0x80000000u, UINT32_MAX };
	struct dsmil_event_ring answer;
	int accepted = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		accepted += open_observer(wrong[i], &answer) != EINVAL;
	tap_is(accepted, 0, "a size that is no power of two between 4 and 256 KiB is refused");
	answer = (struct dsmil_event_ring){ .size = sizeof(answer), .kind = DSMIL_RING_AUDIT, .bytes = 4096 };
	tap_is(try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &answer), EINVAL, "the audit ring takes no size");
	answer = (struct dsmil_event_ring){ .size = sizeof(answer), .kind = DSMIL_RING_OBSERVE, .reserved = 1 };
	tap_is(try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &answer), EINVAL, "a reserved field is refused");
	tap_is(as_nobody(open_unprivileged, NULL), EPERM, "an observation ring needs CAP_SYS_ADMIN");
	tap_is(open_observer(0, &answer), 0, "one of the default size opens");
	tap_is(answer.bytes, DSMIL_OBSERVE_BYTES_DEFAULT, "and says its size");
	tap_is(fcntl(answer.fd, F_GETFD), FD_CLOEXEC, "it closes on exec");
	close(answer.fd);
}

static void check_limit(void)
{
	static int fds[DSMIL_OBSERVERS_MAX];
	struct dsmil_event_ring answer;
	int opened = 0;

	while (opened < DSMIL_OBSERVERS_MAX && !open_observer(4096, &answer))
		fds[opened++] = answer.fd;
	tap_is(opened, DSMIL_OBSERVERS_MAX, "64 rings may be open at once");
	tap_is(info_get(ctl).observers, DSMIL_OBSERVERS_MAX, "INFO counts them");
	tap_is(open_observer(4096, &answer), EBUSY, "the 65th is refused");
	while (opened)
		close(fds[--opened]);
	tap_is(info_get(ctl).observers, 0, "a closed ring no longer counts");
	tap_is(open_observer(4096, &answer), 0, "and leaves its place to another");
	close(answer.fd);
}

static int try_mmap(int fd, size_t length, int protection, int flags, size_t page)
{
	void *at = mmap(NULL, length, protection, flags, fd, (off_t)(page * PAGE));

	if (at == MAP_FAILED)
		return errno;
	munmap(at, length);
	return 0;
}

static void check_mapping(void)
{
	struct ring ring = open_ring(4096);
	char byte;

	tap_is(try_mmap(ring.fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 1), EPERM, "the kernel's page is not mapped writable");
	tap_is(try_mmap(ring.fd, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 2), EPERM, "nor is the data");
	tap_is(try_mmap(ring.fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 2), EPERM, "nor is a private copy of it");
	tap_is(try_mmap(ring.fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EPERM,
	       "nor is the reader's page together with the kernel's");
	tap_is(try_mmap(ring.fd, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 2), EPERM, "nothing is mapped to be executed");
	tap_is(try_mmap(ring.fd, 5 * PAGE, PROT_READ, MAP_SHARED, 0), EINVAL, "a mapping that is too long is refused");
	tap_is(try_mmap(ring.fd, PAGE, PROT_READ, MAP_SHARED, 4), EINVAL, "so is one that begins behind the end");
	tap_is(try_mmap(ring.fd, PAGE, PROT_READ, MAP_SHARED, (size_t)1 << 50), EINVAL, "so is one that begins far away");
	tap_is(try_mmap(ring.fd, 4 * PAGE, PROT_READ, MAP_SHARED, 0), 0, "all of it can be mapped to be read");
	tap_is(mprotect((void *)ring.kernels, PAGE, PROT_READ | PROT_WRITE) ? errno : 0, EACCES,
	       "the kernel's page does not become writable");
	tap_is(mprotect((void *)ring.data, 2 * PAGE, PROT_READ | PROT_WRITE) ? errno : 0, EACCES, "nor does the data");
	tap_is(read(ring.fd, &byte, 1) < 0 ? errno : 0, EINVAL, "the ring has no read()");
	read_some(1);
	tap_ok(!memcmp(ring.data, ring.data + PAGE, PAGE) && front(&ring)->size, "the data is there twice, back to back");
	close_ring(&ring);
}

/* ---------------------------------------------------------------- records -- */

static void check_records(void)
{
	struct ring ring;
	struct dsmil_event_ring answer;
	uint32_t value;

	read_some(3);
	ring = open_ring(4096);
	tap_is((long)waiting(&ring), 0, "a ring begins with what comes after it was opened");
	tap_ok(!readable(&ring), "an empty ring is not readable");
	reg_read(safe, DSMIL_REG_CONFIG, &value);
	tap_is((long)waiting(&ring), 1, "a read is a record");
	tap_ok(readable(&ring), "and makes the ring readable");
	tap_ok(front(&ring)->type == DSMIL_EVENT_READ && front(&ring)->value == value &&
	       front(&ring)->token == 0x8010 && front(&ring)->size == sizeof(struct dsmil_event),
	       "it has the read's value");
	take(&ring);
	tap_ok(!readable(&ring) && !waiting(&ring), "a ring whose records were taken is empty");

	if (open_observer(4096, &answer))
		tap_bail("no second ring opens");
	read_some(1);
	close(answer.fd);
	tap_is((long)waiting(&ring), 1, "a second reader takes nothing from the first");
	close_ring(&ring);
}

static void check_two_rings_and_audit(void)
{
	static struct dsmil_event audited[8];
	struct ring ring = open_ring(4096);
	int audit = ring_open(ctl);
	bool same = true;

	ring_drain(ctl, audit);
	take_all(&ring);
	read_some(8);
	if (read(audit, audited, sizeof(audited)) != sizeof(audited))
		tap_bail("the audit ring does not have the reads");
	for (size_t i = 0; i < 8; i++, take(&ring))
		same &= !memcmp(&audited[i], front(&ring), sizeof(audited[i]));
	tap_ok(same, "an observer gets the very records of the audit ring");
	ring_drain(ctl, audit);
	close(audit);
	close_ring(&ring);
}

/* ------------------------------------------------------------------- loss -- */

#define FITS (4096 / (long)sizeof(struct dsmil_event))

static void check_loss(void)
{
	struct ring ring = open_ring(4096);
	long taken = 0;

	read_some((int)FITS + 5);
	tap_is((long)waiting(&ring), FITS, "a full ring keeps what it has");
	tap_ok(ring.kernels->lost == 5 && ring.kernels->gap_count == 5, "and counts what it loses");
	while (waiting(&ring)) {
		take(&ring);
		taken++;
	}
	tap_is(taken, FITS, "its reader takes what it has");
	read_some(1);
	tap_is((long)waiting(&ring), 2, "then come a gap and the next record");
	tap_ok(front(&ring)->type == DSMIL_EVENT_GAP && front(&ring)->sequence == 0 && front(&ring)->count == 5 &&
	       front(&ring)->first_ns && front(&ring)->first_ns <= front(&ring)->boottime_ns,
	       "the gap has no sequence and counts exactly what was lost, and since when");
	take(&ring);
	tap_ok(front(&ring)->type == DSMIL_EVENT_READ, "the record follows it");
	tap_ok(ring.kernels->lost == 5 && ring.kernels->gap_count == 0, "the loss stays counted, and is told of");

	take_all(&ring);
	read_some((int)FITS + 1);
	take(&ring);
	read_some(1);
	tap_ok(ring.kernels->lost == 7 && ring.kernels->gap_count == 2, "a gap waits until it and a record fit");
	close_ring(&ring);
}

static void check_hostile_positions(void)
{
	static const uint64_t wrong[] = { 4096 * 3, 1ULL << 63, UINT64_MAX - 4096 };
	struct ring ring = open_ring(4096);
	uint64_t lost;
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		take_all(&ring);
		read_some(1);
		ring.mine->taken = put_position(&ring) + wrong[i];
		lost = ring.kernels->lost;
		bad += readable(&ring);
		read_some((int)FITS);
		bad += ring.kernels->lost != lost;
	}
	tap_is(bad, 0, "a reader's position that cannot be counts as one that took everything");
	memset(ring.mine, 0xff, PAGE);
	read_some(3);
	take_all(&ring);
	read_some(2);
	tap_ok(waiting(&ring) == 2 && front(&ring)->type == DSMIL_EVENT_READ, "and hurts nobody");
	close_ring(&ring);
}

/* ------------------------------------------------------------------ waking -- */

static void *read_once(void *context)
{
	read_some(1);
	return context;
}

static void check_waking(void)
{
	struct ring ring = open_ring(4096);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	struct pollfd poll_fd = { .fd = ring.fd, .events = POLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pthread_t thread;

	pthread_create(&thread, NULL, read_once, NULL);
	tap_is(poll(&poll_fd, 1, 60000), 1, "a waiting reader is woken by a record");
	pthread_join(thread, NULL);
	take_all(&ring);

	epoll_ctl(epoll, EPOLL_CTL_ADD, ring.fd, &event);
	tap_is(epoll_wait(epoll, &event, 1, 0), 0, "epoll finds nothing in an empty ring");
	read_some(1);
	tap_is(epoll_wait(epoll, &event, 1, 0), 1, "a reader that had caught up is woken");
	read_some(1);
	tap_is(epoll_wait(epoll, &event, 1, 0), 0, "one that is behind is not");
	take(&ring);
	read_some(1);
	tap_is(epoll_wait(epoll, &event, 1, 0), 0, "not even when it took some");
	take_all(&ring);
	read_some(1);
	tap_is(epoll_wait(epoll, &event, 1, 0), 1, "when it took all, it is again");
	close(epoll);
	close_ring(&ring);
}

#define ROUNDS_DEFAULT 2000

static long rounds;

/* Goes on as long as there is much room. */
static void *write_to_reader(void *context)
{
	const struct ring *ring = context;

	for (long i = 0; i < rounds; i++) {
		while (waiting(ring) > 64)
			sched_yield();
		read_some(1);
	}
	return NULL;
}

/*
 * A reader that sleeps whenever it had everything, at the moments when a writer adds: as
 * the header says, with a fence between giving back and the last look. Without it, on
 * either side, one of them sees the other's old position, and nobody wakes it again.
 */
static void check_waking_at_once(void)
{
	struct ring ring = open_ring(0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long missed = 0, told = 0;
	pthread_t writer;

	epoll_ctl(epoll, EPOLL_CTL_ADD, ring.fd, &event);
	pthread_create(&writer, NULL, write_to_reader, &ring);
	while (told < rounds) {
		while (waiting(&ring)) {
			take(&ring);
			told++;
		}
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (told == rounds || waiting(&ring))
			continue;
		if (!missed)
			missed = epoll_wait(epoll, &event, 1, 60000) != 1;
		else
			sched_yield();
	}
	pthread_join(writer, NULL);
	tap_is(missed, 0, "a reader that sleeps when it had everything misses no waking");
	close(epoll);
	close_ring(&ring);
}

/* --------------------------------------------------------------- accounting -- */

static bool writers_done;

static void *write_events(void *context)
{
	read_some((int)rounds / 2);
	return context;
}

/* Every read is a record, or counted in a gap of this ring. */
static uint64_t count_records(struct ring *ring)
{
	uint64_t told = 0;

	while (!__atomic_load_n(&writers_done, __ATOMIC_ACQUIRE) || waiting(ring)) {
		struct pollfd poll_fd = { .fd = ring->fd, .events = POLLIN };

		if (!waiting(ring)) {
			poll(&poll_fd, 1, 10);
			continue;
		}
		if (front(ring)->type == DSMIL_EVENT_READ)
			told++;
		else if (front(ring)->type == DSMIL_EVENT_GAP && !front(ring)->sequence)
			told += front(ring)->count;
		take(ring);
	}
	return told + ring->kernels->gap_count;
}

static void *finish_writers(void *context)
{
	pthread_t *threads = context;

	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	__atomic_store_n(&writers_done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void check_accounting(void)
{
	struct ring ring = open_ring(0);
	struct ring stuck = open_ring(4096);
	pthread_t threads[2], waiter;
	uint64_t told;

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_events, NULL);
	pthread_create(&waiter, NULL, finish_writers, threads);
	told = count_records(&ring);
	pthread_join(waiter, NULL);
	tap_is((long)told, rounds / 2 * 2, "with two writers and one reader, every event is a record or in a gap");
	tap_is((long)(stuck.kernels->lost + waiting(&stuck)) - rounds / 2 * 2, 0,
	       "a reader that never takes anything loses its own alone");
	close_ring(&stuck);
	close_ring(&ring);
}

static void *open_and_close(void *context)
{
	while (!__atomic_load_n(&writers_done, __ATOMIC_ACQUIRE)) {
		struct ring ring = open_ring(4096);

		close_ring(&ring);
	}
	return context;
}

static void check_churn(void)
{
	struct dsmil_info before = info_get(ctl);
	pthread_t opener;

	writers_done = false;
	pthread_create(&opener, NULL, open_and_close, NULL);
	read_some(500);
	__atomic_store_n(&writers_done, true, __ATOMIC_RELEASE);
	pthread_join(opener, NULL);
	tap_is((long)(info_get(ctl).reads - before.reads), 500, "rings that come and go stop no writer");
}

int main(int argc, char **argv)
{
	tap_start(argc, argv);
	rounds = option("rounds") ? atol(option("rounds")) : ROUNDS_DEFAULT;
	ctl = open_node("ctl", O_RDONLY);
	safe = open_device(SAFE_DEVICE, O_RDWR);
	if (ctl < 0 || safe < 0)
		tap_bail("the nodes do not open; run this as root with a firmware module loaded and no daemon");

	check_opening();
	check_limit();
	check_mapping();
	check_records();
	check_two_rings_and_audit();
	check_loss();
	check_hostile_positions();
	check_waking();
	check_waking_at_once();
	check_accounting();
	check_churn();
	return tap_finish();
}
