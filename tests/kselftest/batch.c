/* SPDX-License-Identifier: Apache-2.0 */
/* REG_BATCH: each operation as if it were alone, and one event for all of them. */
#include "support.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CAPACITY 1024
#define ORDINARY_LIMIT (CAPACITY / 8 * 7)
#define WRITE_LIMIT (CAPACITY - 16)

static int ctl, ring, safe, safe_read_only, quarantined;
static struct dsmil_batch_operation operations[DSMIL_BATCH_MAX + 1];
static struct dsmil_event events[CAPACITY];
static struct dsmil_reg_batch answer;

static int batch(unsigned count, unsigned flags)
{
	answer = (struct dsmil_reg_batch){
		.size = sizeof(answer),
		.flags = flags,
		.count = count,
		.stride = sizeof(operations[0]),
		.operations = (uintptr_t)operations,
	};
	return try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &answer);
}

static struct dsmil_batch_operation read_of(int fd, unsigned reg)
{
	return (struct dsmil_batch_operation){ .fd = fd, .operation = DSMIL_BATCH_READ, .reg = (uint8_t)reg };
}

static struct dsmil_batch_operation write_of(int fd, unsigned reg, uint32_t value)
{
	return (struct dsmil_batch_operation){
		.fd = fd, .operation = DSMIL_BATCH_WRITE, .reg = (uint8_t)reg, .value = value };
}

static void fill_with_reads(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		operations[i] = read_of(safe, i % DSMIL_REGISTER_COUNT);
}

/* How many waiting records there are; they are in events. */
static long take_events(void)
{
	ssize_t bytes = read(ring, events, sizeof(events));

	return bytes < 0 ? -errno : (long)((size_t)bytes / sizeof(events[0]));
}

static long gaps(void)
{
	return (long)info_get(ctl).audit_gaps;
}

/* ---------------------------------------------------------- bad requests -- */

static void check_bad_requests(void)
{
	uint64_t head;

	ring_drain(ctl, ring);
	head = info_get(ctl).audit_head;
	fill_with_reads(1);
	tap_is(batch(0, 0), EINVAL, "a batch of nothing is refused");
	tap_is(batch(DSMIL_BATCH_MAX + 1, 0), E2BIG, "a batch of more than 4096 operations is refused");
	tap_is(batch(UINT32_MAX, 0), E2BIG, "a count near overflow is refused");
	tap_is(batch(1, 2), EINVAL, "an unknown flag is refused");
	answer = (struct dsmil_reg_batch){ .size = sizeof(answer), .count = 1, .operations = (uintptr_t)operations,
					   .stride = sizeof(operations[0]) - 1 };
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &answer), EINVAL, "a short element is refused");
	answer.stride = 1U << 20;
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &answer), EINVAL, "an element larger than a page is refused");
	answer.stride = sizeof(operations[0]);
	answer.operations = 0;
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &answer), EFAULT, "a bad array is refused");
	answer.operations = UINT64_MAX - 16;
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &answer), EFAULT, "an array at the end of memory is refused");
	answer.operations = (uintptr_t)operations;
	tap_is(try_ioctl(safe, DSMIL_IOC_REG_BATCH, &answer), ENOTTY, "a device's node takes no batch");
	tap_is((long)(info_get(ctl).audit_head - head), 0, "a refused batch leaves no record");
}

static void check_read_only_memory(void)
{
	struct dsmil_batch_operation *locked = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
						    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t before, after;

	reg_read(safe, DSMIL_REG_CONFIG, &before);
	*locked = write_of(safe, DSMIL_REG_CONFIG, ~before);
	mprotect(locked, 4096, PROT_READ);
	answer = (struct dsmil_reg_batch){ .size = sizeof(answer), .count = 1, .operations = (uintptr_t)locked,
					   .stride = sizeof(operations[0]) };
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &answer), EFAULT, "memory that takes no results is refused");
	reg_read(safe, DSMIL_REG_CONFIG, &after);
	tap_is(after, before, "before anything is written");
	munmap(locked, 4096);
}

static void check_stride(void)
{
	struct {
		struct dsmil_batch_operation operation;
		uint64_t newer;
	} large[2] = { { .operation = read_of(safe, 0) }, { .operation = read_of(safe, 1) } };
	uint32_t value;

	answer = (struct dsmil_reg_batch){ .size = sizeof(answer), .count = 2, .operations = (uintptr_t)large,
					   .stride = sizeof(large[0]) };
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &answer), 0, "a larger element whose tail is zero is accepted");
	reg_read(safe, 1, &value);
	tap_ok(!large[1].operation.result && large[1].operation.value == value, "and gets its result");
	large[1].newer = 1;
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &answer), E2BIG, "one whose tail is not zero is refused");
}

/* ------------------------------------------------------------ operations -- */

/* Each wrong in one way, and one that is right after all of them. */
static void check_bad_operations(void)
{
	int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	int path = open_node("8005", O_PATH);
	int write_only = open_node("8005", O_WRONLY);
	uint32_t value;

	operations[0] = read_of(-1, 0);
	operations[1] = read_of(file, 0);
	operations[2] = read_of(ctl, 0);
	operations[3] = read_of(ring, 0);
	operations[4] = read_of(path, 0);
	operations[5] = write_of(safe_read_only, DSMIL_REG_CONFIG, 0xbad);
	operations[6] = read_of(safe, 3);
	operations[7] = read_of(safe, 0);
	operations[7].operation = 2;
	operations[8] = read_of(safe, 0);
	operations[8].reserved = 1;
	operations[9] = read_of(safe, 0);
	operations[9].grant_length = 1;
	operations[10] = read_of(safe, 255);
	operations[11] = read_of(write_only, DSMIL_REG_CONFIG);
	operations[12] = write_of(safe, DSMIL_REG_CONFIG, 0xbad);
	operations[12].grant_length = 1;
	operations[13] = read_of(safe_read_only, DSMIL_REG_CONFIG);
	reg_read(safe, DSMIL_REG_CONFIG, &value);
	tap_is(batch(14, 0), 0, "a batch with bad operations is run");
	tap_is(operations[0].result, -EBADF, "a descriptor that there is not is EBADF in its result");
	tap_is(operations[1].result, -EBADF, "so is one of another file");
	tap_is(operations[2].result, -EBADF, "so is ctl");
	tap_is(operations[3].result, -EBADF, "so is a ring");
	tap_is(operations[4].result, -EBADF, "so is a node that was opened for its path alone");
	tap_is(operations[5].result, -EBADF, "so is a write on a descriptor that was not opened for writing");
	tap_is(operations[6].result, -ERANGE, "a fourth register is ERANGE");
	tap_is(operations[7].result, -EINVAL, "an unknown operation is EINVAL");
	tap_is(operations[8].result, -EINVAL, "so is a reserved field");
	tap_is(operations[9].result, -EINVAL, "so is a read with a grant");
	tap_is(operations[10].result, -ERANGE, "a register does not overflow");
	tap_is(operations[11].result, -EBADF, "a read needs a descriptor that was opened for reading");
	tap_is(operations[12].result, -EINVAL, "a length without a grant is EINVAL");
	tap_ok(!operations[13].result && operations[13].value == value,
	       "a good operation after them is done, and the bad write was not");
	tap_is(answer.failed, 13, "the batch counts what failed");
	close(write_only);
	close(path);
	close(file);
}

static void check_results(void)
{
	uint32_t config, data;
	struct dsmil_info before = info_get(ctl), after;

	reg_read(safe, DSMIL_REG_CONFIG, &config);
	reg_read(quarantined, DSMIL_REG_DATA, &data);
	operations[0] = read_of(safe, DSMIL_REG_CONFIG);
	operations[1] = write_of(safe, DSMIL_REG_CONFIG, config ^ 1);
	operations[2] = read_of(safe, DSMIL_REG_CONFIG);
	operations[3] = write_of(quarantined, DSMIL_REG_DATA, ~data);
	operations[4] = read_of(quarantined, DSMIL_REG_DATA);
	operations[5] = write_of(safe, DSMIL_REG_CONFIG, config);
	tap_is(batch(6, 0), 0, "reads, writes and a refused write go in one batch");
	tap_ok(operations[0].value == config && operations[2].value == (config ^ 1),
	       "the operations are done in order");
	tap_ok(operations[3].result == -EPERM && operations[3].reason == DSMIL_REASON_QUARANTINED &&
	       operations[3].rule_token == 0x801D && operations[3].rule_risk == DSMIL_RISK_QUARANTINED,
	       "a refused write has the rule that refused it");
	tap_ok(!operations[4].result && operations[4].value == data, "and changed nothing");
	tap_is(answer.failed, 1, "it is the only one that failed");
	after = info_get(ctl);
	tap_ok(after.writes == before.writes + 2 && after.refused == before.refused + 1 &&
	       after.reads == before.reads + 5, "INFO counts each operation");
}

static void check_stop(void)
{
	uint32_t before, after;

	reg_read(safe, DSMIL_REG_CONFIG, &before);
	operations[0] = read_of(safe, DSMIL_REG_CONFIG);
	operations[1] = read_of(-1, DSMIL_REG_CONFIG);
	operations[2] = write_of(safe, DSMIL_REG_CONFIG, ~before);
	tap_is(batch(3, DSMIL_BATCH_STOP), 0, "a batch may stop at the first failure");
	tap_ok(operations[0].result == 0 && operations[1].result == -EBADF && operations[2].result == -ECANCELED,
	       "then the rest is cancelled");
	tap_is(answer.failed, 2, "and counts as failed");
	reg_read(safe, DSMIL_REG_CONFIG, &after);
	tap_is(after, before, "and was not done");
}

static int run_unprivileged(void *context)
{
	uint32_t *value = context;

	operations[0] = write_of(safe, DSMIL_REG_CONFIG, ~*value);
	operations[1] = read_of(safe, DSMIL_REG_CONFIG);
	if (batch(2, 0) || operations[1].result || operations[1].value != *value)
		return 255;
	return operations[0].result == -EPERM ? operations[0].reason : 254;
}

static void check_unprivileged(void)
{
	uint32_t value;

	reg_read(safe, DSMIL_REG_CONFIG, &value);
	tap_is(as_nobody(run_unprivileged, &value), DSMIL_REASON_CAPABILITY_REQUIRED,
	       "a batch gives nobody more than the descriptors and the caller have");
}

static void check_every_register(void)
{
	static int fds[DSMIL_DEVICE_COUNT];
	int wrong = 0;

	for (unsigned i = 0; i < DSMIL_DEVICE_COUNT; i++)
		fds[i] = open_device(i, O_RDONLY);
	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++)
		operations[i] = read_of(fds[i / 3], i % 3);
	tap_is(batch(DSMIL_TOKEN_COUNT, 0), 0, "all registers are read in one batch");
	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		uint32_t value;
		int error = reg_read(fds[i / 3], i % 3, &value);

		wrong += operations[i].result != -error || (!error && operations[i].value != value) ||
			 error != expect_read(DSMIL_TOKEN_BASE + i);
	}
	tap_is(wrong, 0, "each with the answer that it gives alone");
	for (unsigned i = 0; i < DSMIL_DEVICE_COUNT; i++)
		close(fds[i]);
}

/* ----------------------------------------------------------------- event -- */

/* Whether events[0..] are the batch of the first count operations. */
static bool is_event_of(unsigned count, long records)
{
	unsigned seen = 0;

	if (records != 1 + ((long)count + 5) / 6 || events[0].type != DSMIL_EVENT_BATCH ||
	    events[0].count != count || events[0].value != answer.failed ||
	    events[0].sequence != answer.sequence || events[0].device_id != DSMIL_NO_DEVICE ||
	    events[0].pid != (uint32_t)getpid())
		return false;
	for (long i = 1; i < records; i++) {
		if (events[i].type != DSMIL_EVENT_BATCH_PART || events[i].count != seen ||
		    events[i].sequence != answer.sequence + (uint64_t)i || events[i].pid != events[0].pid)
			return false;
		for (unsigned k = 0; k < events[i].value; k++, seen++) {
			const struct dsmil_event_operation *listed = &events[i].detail.operations[k];

			if (listed->result != operations[seen].result ||
			    listed->operation != operations[seen].operation ||
			    listed->value != operations[seen].value || listed->reason != operations[seen].reason)
				return false;
		}
	}
	return seen == count;
}

static void check_event(void)
{
	ring_drain(ctl, ring);
	fill_with_reads(7);
	operations[3] = write_of(quarantined, DSMIL_REG_CONFIG, 0x666);
	operations[5] = read_of(-1, 0);
	batch(7, 0);
	tap_ok(is_event_of(7, take_events()), "a batch is one event that lists its operations");
	tap_ok(events[1].detail.operations[3].token == 0x801C && events[1].detail.operations[5].token == 0,
	       "with their tokens, and none where the descriptor named none");

	fill_with_reads(6);
	operations[0] = write_of(safe, DSMIL_REG_STATUS, operations[0].value);
	batch(6, 0);
	tap_ok(is_event_of(6, take_events()), "so is one that writes");

	fill_with_reads(DSMIL_BATCH_MAX);
	tap_is(batch(DSMIL_BATCH_MAX, 0), 0, "a batch may have 4096 operations");
	tap_is(answer.failed, 0, "all of which are done");
	tap_ok(is_event_of(DSMIL_BATCH_MAX, take_events()), "and its event lists all of them, in order and without holes");

	ring_drain(ctl, ring);
	operations[0] = read_of(-1, 0);
	batch(1, 0);
	tap_ok(answer.sequence == 0 && take_events() == -EAGAIN, "a batch that asked the guard nothing leaves no record");
}

static void *write_batches(void *context)
{
	static struct dsmil_batch_operation mine[2][60];
	struct dsmil_batch_operation *own = mine[*(int *)context];
	struct dsmil_reg_batch request = { .size = sizeof(request), .count = 60, .stride = sizeof(own[0]),
					   .operations = (uintptr_t)own };

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 60; i++)
			own[i] = read_of(safe, 0);
		try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &request);
	}
	return NULL;
}

static void check_two_at_once(void)
{
	int numbers[2] = { 0, 1 };
	pthread_t threads[2];
	long records, whole = 0;

	ring_drain(ctl, ring);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_batches, &numbers[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	records = take_events();
	for (long i = 0; i + 11 <= records; i += 11) {
		bool good = events[i].type == DSMIL_EVENT_BATCH;

		for (long k = 1; k < 11; k++)
			good &= events[i + k].type == DSMIL_EVENT_BATCH_PART &&
				events[i + k].sequence == events[i].sequence + (uint64_t)k;
		whole += good;
	}
	tap_is(records, 440, "two threads' batches are all recorded");
	tap_is(whole, 40, "each in one piece");
}

/* -------------------------------------------------------------- full ring -- */

static void check_full_ring(void)
{
	uint32_t value, after;
	long counted;

	reg_read(safe, DSMIL_REG_CONFIG, &value);
	ring_drain(ctl, ring);
	for (int i = 0; i < ORDINARY_LIMIT - 3; i++)
		reg_read(safe, DSMIL_REG_DATA, &after);
	counted = gaps();
	fill_with_reads(12);
	tap_is(batch(12, 0), 0, "a batch that exactly fits is done");
	tap_ok(answer.sequence != 0 && gaps() == counted, "and kept whole");

	fill_with_reads(12);
	operations[5] = read_of(-1, 0);
	tap_is(batch(12, 0), 0, "reads are done when the ring has no room");
	tap_is((long)answer.sequence, 0, "sequence 0 says that the batch was only counted");
	tap_is(gaps() - counted, 11, "the gap counts each operation that reached the guard");

	for (int i = 0; i < WRITE_LIMIT - ORDINARY_LIMIT - 2; i++)
		reg_write(safe, DSMIL_REG_CONFIG, value, NULL);
	fill_with_reads(12);
	operations[11] = write_of(safe, DSMIL_REG_CONFIG, ~value);
	tap_is(batch(12, 0), EAGAIN, "a batch with a write is refused if its whole event has no room");
	reg_read(safe, DSMIL_REG_CONFIG, &after);
	tap_is(after, value, "and nothing of it was done");
	tap_ok(operations[0].result == -ECANCELED && operations[11].result == -ECANCELED, "as its results say");
	operations[0] = write_of(safe, DSMIL_REG_CONFIG, value);
	tap_is(batch(1, 0), 0, "a smaller one that fits is done");
	tap_ok(answer.sequence != 0, "and recorded");
	ring_drain(ctl, ring);
}

/* Whoever cannot write keeps nobody from it, however many writes he asks for. */
static void check_hopeless_writes_take_no_room(void)
{
	ring_drain(ctl, ring);
	operations[0] = write_of(safe, DSMIL_REG_STATUS, register_facts[15].value);
	while (!batch(1, 0))
		;
	operations[0] = write_of(-1, DSMIL_REG_STATUS, 0);
	operations[1] = write_of(safe_read_only, DSMIL_REG_STATUS, 0);
	operations[2] = write_of(safe, 9, 0);
	tap_is(batch(3, 0), 0, "in a full ring a batch whose writes have no register goes on");
	tap_ok(operations[0].result == -EBADF && operations[1].result == -EBADF && operations[2].result == -ERANGE,
	       "and says why each is not done");
	ring_drain(ctl, ring);
}

static void check_refused_leaves_room(void)
{
	ring_drain(ctl, ring);
	operations[0] = write_of(quarantined, DSMIL_REG_CONFIG, 1);
	for (int i = 0; i < CAPACITY; i++)
		batch(1, 0);
	operations[0] = write_of(safe, DSMIL_REG_STATUS, 0);
	operations[1] = read_of(safe, DSMIL_REG_STATUS);
	operations[0].value = register_facts[15].value;
	tap_is(batch(1, 0), 0, "refused batches leave the writes their part of the ring");
	ring_drain(ctl, ring);
}

/* ---------------------------------------------------------------- signals -- */

static void check_killed(void)
{
	uint64_t listed = 0, done = 0, cancelled = 0;
	bool all_parts = true;
	int status;
	long records;
	pid_t child;

	ring_drain(ctl, ring);
	fill_with_reads(DSMIL_BATCH_MAX);
	child = fork();
	if (child == 0) {
		for (;;)
			batch(DSMIL_BATCH_MAX, 0);
	}
	/* Once there is a record, the next batch is under way. */
	fcntl(ring, F_SETFL, 0);
	read(ring, events, sizeof(events[0]));
	fcntl(ring, F_SETFL, O_NONBLOCK);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	tap_ok(WIFSIGNALED(status), "a process is killed amid its batches");
	while ((records = take_events()) > 0) {
		for (long i = 0; i < records; i++) {
			if (events[i].type != DSMIL_EVENT_BATCH_PART)
				continue;
			for (unsigned k = 0; k < events[i].value; k++) {
				int result = events[i].detail.operations[k].result;

				listed++;
				done += result == 0;
				cancelled += result == -ECANCELED;
			}
			all_parts &= events[i].value > 0;
		}
	}
	tap_ok(all_parts && listed % DSMIL_BATCH_MAX == 0, "every batch in the ring lists all its operations");
	tap_is((long)(listed - done - cancelled), 0, "as done or as cancelled");
	ring_drain(ctl, ring);
}

int main(int argc, char **argv)
{
	uint32_t config;

	tap_start(argc, argv);
	ctl = open_node("ctl", O_RDONLY);
	safe = open_device(SAFE_DEVICE, O_RDWR);
	safe_read_only = open_device(SAFE_DEVICE, O_RDONLY);
	quarantined = open_device(QUARANTINED_DEVICE, O_RDWR);
	ring = ctl < 0 ? -1 : ring_open(ctl);
	if (safe < 0 || safe_read_only < 0 || quarantined < 0 || ring < 0)
		tap_bail("the nodes do not open; run this as root with a firmware module loaded and no daemon");
	make_odd_board();
	reg_read(safe, DSMIL_REG_CONFIG, &config);

	check_bad_requests();
	check_read_only_memory();
	check_stride();
	check_bad_operations();
	check_results();
	check_stop();
	check_unprivileged();
	check_every_register();
	check_event();
	check_two_at_once();
	check_full_ring();
	check_hopeless_writes_take_no_room();
	check_refused_leaves_room();
	check_killed();
	reg_write(safe, DSMIL_REG_CONFIG, config, NULL);
	return tap_finish();
}
