// SPDX-License-Identifier: GPL-2.0-only
/* Observation rings: what may be mapped how, what is lost, and who is woken. */
#include <linux/fault-inject.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "../core/audit.h"
#include "../core/observe.h"
#include "board.h"
#include "support.h"

#define BYTES DSMIL_OBSERVE_BYTES_MIN
#define RECORDS (BYTES / sizeof(struct dsmil_event)) /* that fit */

/* A ring as its reader has it: the positions, and the data twice. */
struct reader {
	struct file *file;
	struct dsmil_ring_page __user *own;
	struct dsmil_ring_page __user *kernel;
	struct dsmil_event __user *data;
};

static struct file *ctl, *device;

static long ask_ring(struct kunit *test, struct dsmil_event_ring *request)
{
	request->size = sizeof(*request);
	request->kind = DSMIL_RING_OBSERVE;
	return node_ioctl(test, ctl, DSMIL_IOC_EVENT_RING, request, sizeof(*request));
}

static struct file *observe_open(struct kunit *test, u32 bytes)
{
	struct dsmil_event_ring request = { .bytes = bytes };
	struct file *file;

	KUNIT_ASSERT_EQ(test, ask_ring(test, &request), 0);
	file = fget(request.fd);
	KUNIT_ASSERT_NOT_NULL(test, file);
	descriptor_close(request.fd);
	return file;
}

static struct reader reader_open(struct kunit *test)
{
	struct reader made = { .file = observe_open(test, BYTES) };
	unsigned long own, rest;

	own = user_map(test, made.file, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	KUNIT_ASSERT_LT(test, own, TASK_SIZE);
	rest = user_map(test, made.file, PAGE_SIZE + 2 * BYTES, PROT_READ, MAP_SHARED, 1);
	KUNIT_ASSERT_LT(test, rest, TASK_SIZE);
	made.own = (void __user *)own;
	made.kernel = (void __user *)rest;
	made.data = (void __user *)(rest + PAGE_SIZE);
	return made;
}

/* In the case itself: its address space may outlive it, and with it the mappings. */
static void reader_close(struct reader *of)
{
	vm_munmap((unsigned long)of->own, PAGE_SIZE);
	vm_munmap((unsigned long)of->kernel, PAGE_SIZE + 2 * BYTES);
	node_close(of->file);
}

static u64 get(struct kunit *test, u64 __user *from)
{
	u64 value = 0;

	KUNIT_ASSERT_EQ(test, get_user(value, from), 0);
	return value;
}

/* How many records were put, ever. */
static u64 put_count(struct kunit *test, const struct reader *of)
{
	u64 put = get(test, &of->kernel->put);

	KUNIT_EXPECT_EQ(test, put % sizeof(struct dsmil_event), 0);
	return put / sizeof(struct dsmil_event);
}

static void take(struct kunit *test, const struct reader *of, u64 position)
{
	KUNIT_ASSERT_EQ(test, put_user(position, &of->own->taken), 0);
}

static void take_all(struct kunit *test, const struct reader *of)
{
	take(test, of, get(test, &of->kernel->put));
}

/* The record that was put as the nth; the data are mapped twice, so it is in one piece. */
static struct dsmil_event record_at(struct kunit *test, const struct reader *of, u64 n)
{
	struct dsmil_event event;
	void __user *from = (void __user *)of->data + n * sizeof(event) % BYTES;

	KUNIT_ASSERT_EQ(test, copy_from_user(&event, from, sizeof(event)), 0);
	return event;
}

/* Reads a register, which is one event. */
static void make_events(struct kunit *test, u32 count)
{
	struct dsmil_reg_read request = { .size = sizeof(request) };
	void __user *user = user_page(test);

	KUNIT_ASSERT_EQ(test, copy_to_user(user, &request, sizeof(request)), 0);
	while (count--)
		KUNIT_ASSERT_EQ(test, node_ioctl_at(device, DSMIL_IOC_REG_READ, user), 0);
}

/* ------------------------------------------------------------- opening -- */

static void opening_is_checked(struct kunit *test)
{
	static const u32 bad[] = {
		1, DSMIL_OBSERVE_BYTES_MIN / 2, DSMIL_OBSERVE_BYTES_MIN + PAGE_SIZE / 2,
		3 * PAGE_SIZE, 2 * DSMIL_OBSERVE_BYTES_MAX,
	};
	struct dsmil_event_ring request = {};
	const struct cred *cred;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		request.bytes = bad[i];
		KUNIT_EXPECT_EQ_MSG(test, ask_ring(test, &request), -EINVAL, "%u", bad[i]);
	}
	request.bytes = BYTES;
	cred = caller_drop(test);
	KUNIT_EXPECT_EQ(test, ask_ring(test, &request), -EPERM);
	caller_restore(cred);
	KUNIT_EXPECT_EQ(test, dsmil_observe_count(), 0);
}

static void default_size(struct kunit *test)
{
	struct dsmil_event_ring request = {};

	KUNIT_ASSERT_EQ(test, ask_ring(test, &request), 0);
	KUNIT_EXPECT_EQ(test, request.bytes, DSMIL_OBSERVE_BYTES_DEFAULT);
	descriptor_close(request.fd);
}

static void so_many_and_no_more(struct kunit *test)
{
	struct dsmil_event_ring request = { .bytes = BYTES };
	struct file *files[DSMIL_OBSERVERS_MAX];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		files[i] = observe_open(test, BYTES);
	KUNIT_EXPECT_EQ(test, ask_ring(test, &request), -EBUSY);
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).observers, DSMIL_OBSERVERS_MAX);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		node_close(files[i]);
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).observers, 0);
	KUNIT_EXPECT_EQ_MSG(test, ask_ring(test, &request), 0, "there is room again");
	descriptor_close(request.fd);
}

/* Nothing is left of a ring that was not made: the suite ends with a search for leaks. */
static void opening_survives_every_allocation(struct kunit *test)
{
	unsigned int nth, failed = 0, left = 0;
	struct file *file;

	for (nth = 1; nth < 200 && !left; nth++) {
		u32 bytes = BYTES;

		current->fail_nth = nth;
		file = dsmil_observe_open(&bytes);
		left = current->fail_nth;
		current->fail_nth = 0;
		if (!IS_ERR(file)) {
			node_close(file);
			continue;
		}
		failed++;
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(file), -ENOMEM, "allocation %u", nth);
		KUNIT_EXPECT_EQ_MSG(test, dsmil_observe_count(), 0, "allocation %u", nth);
	}
	KUNIT_EXPECT_GT(test, left, 0);
	/* Which of them a number meets depends on what the slabs hold. */
	KUNIT_EXPECT_GT(test, failed, 0);
}

/* ------------------------------------------------------------- mapping -- */

static void only_the_position_is_writable(struct kunit *test)
{
	struct reader reader = reader_open(test);
	static const struct {
		unsigned long protection, flags;
		u32 first, pages;
		long error;
	} bad[] = {
		{ PROT_READ | PROT_WRITE, MAP_SHARED, 1, 1, -EPERM }, /* the kernel's */
		{ PROT_READ | PROT_WRITE, MAP_SHARED, 2, 1, -EPERM }, /* data */
		{ PROT_READ | PROT_WRITE, MAP_SHARED, 0, 2, -EPERM }, /* with another */
		{ PROT_READ | PROT_WRITE, MAP_PRIVATE, 0, 1, -EPERM }, /* a copy */
		{ PROT_READ | PROT_EXEC, MAP_SHARED, 2, 1, -EPERM },
		{ PROT_READ, MAP_SHARED, 2 + 2 * BYTES / PAGE_SIZE, 1, -EINVAL }, /* the end */
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, (long)user_map(test, reader.file,
							 bad[i].pages * PAGE_SIZE,
							 bad[i].protection, bad[i].flags,
							 bad[i].first), bad[i].error, "%zu", i);
	KUNIT_EXPECT_FALSE(test, user_may_become((unsigned long)reader.kernel,
						 VM_MAYWRITE | VM_MAYEXEC));
	KUNIT_EXPECT_FALSE(test, user_may_become((unsigned long)reader.own, VM_MAYEXEC));
	KUNIT_EXPECT_TRUE(test, user_may_become((unsigned long)reader.own, VM_MAYWRITE));
	reader_close(&reader);
}

/* ------------------------------------------------------------- records -- */

static void records_come_in_order(struct kunit *test)
{
	struct reader reader = reader_open(test);
	u64 next = dsmil_audit_get_state().head;
	struct dsmil_event event;
	u32 i;

	make_events(test, 3);
	KUNIT_ASSERT_EQ(test, put_count(test, &reader), 3);
	for (i = 0; i < 3; i++) {
		event = record_at(test, &reader, i);
		KUNIT_EXPECT_EQ(test, event.size, sizeof(event));
		KUNIT_EXPECT_EQ(test, event.type, DSMIL_EVENT_READ);
		KUNIT_EXPECT_EQ(test, event.device_id, SAFE_ID);
		KUNIT_EXPECT_EQ(test, event.sequence, next + i);
	}
	reader_close(&reader);
}

/* The first record that does not end where the data do goes on in their second mapping. */
static void records_go_round(struct kunit *test)
{
	struct reader reader = reader_open(test);
	u64 next = dsmil_audit_get_state().head;

	make_events(test, RECORDS);
	take_all(test, &reader);
	make_events(test, 2);
	KUNIT_EXPECT_EQ(test, record_at(test, &reader, RECORDS).sequence, next + RECORDS);
	KUNIT_EXPECT_EQ(test, record_at(test, &reader, RECORDS + 1).sequence, next + RECORDS + 1);
	KUNIT_EXPECT_EQ(test, get(test, &reader.kernel->lost), 0);
	reader_close(&reader);
}

static void loss_is_counted_and_told(struct kunit *test)
{
	struct reader reader = reader_open(test);
	struct dsmil_info info = info_get(test, ctl);
	struct dsmil_event gap;

	make_events(test, RECORDS + 3);
	KUNIT_EXPECT_EQ(test, put_count(test, &reader), RECORDS);
	KUNIT_EXPECT_EQ(test, get(test, &reader.kernel->lost), 3);
	KUNIT_EXPECT_EQ(test, get(test, &reader.kernel->gap_count), 3);

	/* Room for one record is none for a gap and the record behind it. */
	take(test, &reader, sizeof(struct dsmil_event));
	make_events(test, 1);
	KUNIT_EXPECT_EQ(test, put_count(test, &reader), RECORDS);
	KUNIT_EXPECT_EQ(test, get(test, &reader.kernel->gap_count), 4);

	take_all(test, &reader);
	make_events(test, 1);
	KUNIT_EXPECT_EQ(test, put_count(test, &reader), RECORDS + 2);
	gap = record_at(test, &reader, RECORDS);
	KUNIT_EXPECT_EQ(test, gap.type, DSMIL_EVENT_GAP);
	KUNIT_EXPECT_EQ_MSG(test, gap.sequence, 0, "the audit ring lost nothing");
	KUNIT_EXPECT_EQ(test, gap.count, 4);
	KUNIT_EXPECT_EQ(test, gap.device_id, DSMIL_NO_DEVICE);
	KUNIT_EXPECT_GT(test, gap.first_ns, 0);
	KUNIT_EXPECT_LT(test, gap.first_ns, gap.boottime_ns);
	KUNIT_EXPECT_MEMEQ(test, gap.load_id, info.load_id, sizeof(gap.load_id));
	KUNIT_EXPECT_EQ(test, record_at(test, &reader, RECORDS + 1).type, DSMIL_EVENT_READ);
	KUNIT_EXPECT_EQ(test, get(test, &reader.kernel->gap_count), 0);
	KUNIT_EXPECT_EQ_MSG(test, get(test, &reader.kernel->lost), 4, "ever");
	reader_close(&reader);
}

/* A position that cannot be counts as that of a reader who has taken everything. */
static void expect_impossible(struct kunit *test, const struct reader *of, u64 position)
{
	u64 count = put_count(test, of);

	take(test, of, position);
	KUNIT_EXPECT_EQ_MSG(test, node_poll(of->file, NULL), 0, "%llu", position);
	make_events(test, 1);
	KUNIT_EXPECT_EQ_MSG(test, put_count(test, of), count + 1, "%llu", position);
	KUNIT_EXPECT_EQ(test, get(test, &of->kernel->lost), 0);
}

/* The reader's page holds what the reader likes: it can hurt nobody but himself. */
static void impossible_positions(struct kunit *test)
{
	struct reader reader = reader_open(test);

	make_events(test, 2);
	expect_impossible(test, &reader, U64_MAX);
	expect_impossible(test, &reader, get(test, &reader.kernel->put) + 1);
	make_events(test, RECORDS - 4);
	/* More than the ring's length behind, which a ring that is not full cannot be. */
	take_all(test, &reader);
	make_events(test, 2);
	expect_impossible(test, &reader, 0);
	reader_close(&reader);
}

static void readers_are_apart(struct kunit *test)
{
	struct reader reader = reader_open(test);
	struct reader other = reader_open(test);

	make_events(test, RECORDS);
	take_all(test, &other);
	make_events(test, 1);
	KUNIT_EXPECT_EQ(test, get(test, &reader.kernel->lost), 1);
	KUNIT_EXPECT_EQ(test, get(test, &other.kernel->lost), 0);
	KUNIT_EXPECT_EQ(test, put_count(test, &other), RECORDS + 1);
	reader_close(&other);
	reader_close(&reader);
}

/* What the audit ring has no room for is here, without a sequence. */
static void more_than_the_audit_ring(struct kunit *test)
{
	struct reader reader = reader_open(test);
	u32 count = ring_reserve_all();

	make_events(test, 1);
	dsmil_audit_release(count);
	KUNIT_EXPECT_EQ(test, put_count(test, &reader), 1);
	KUNIT_EXPECT_EQ(test, record_at(test, &reader, 0).type, DSMIL_EVENT_READ);
	KUNIT_EXPECT_EQ(test, record_at(test, &reader, 0).sequence, 0);
	reader_close(&reader);
}

/* ----------------------------------------------------------- poll, wake -- */

static void poll_says_when(struct kunit *test)
{
	struct reader reader = reader_open(test);

	KUNIT_EXPECT_EQ(test, node_poll(reader.file, NULL), 0);
	make_events(test, 1);
	KUNIT_EXPECT_EQ(test, node_poll(reader.file, NULL), POLL_READABLE);
	take_all(test, &reader);
	KUNIT_EXPECT_EQ(test, node_poll(reader.file, NULL), 0);
	reader_close(&reader);
}

/* A poll that counts how often it is woken. */
struct waiter {
	poll_table table;
	struct wait_queue_head *queue;
	struct wait_queue_entry entry;
	u32 woken;
};

static int count_wake(struct wait_queue_entry *entry, unsigned int mode, int flags, void *key)
{
	container_of(entry, struct waiter, entry)->woken++;
	return 0;
}

static void wait_here(struct file *file, struct wait_queue_head *queue, poll_table *table)
{
	struct waiter *waiter = container_of(table, struct waiter, table);

	waiter->queue = queue;
	add_wait_queue(queue, &waiter->entry);
}

static void only_who_had_all_is_woken(struct kunit *test)
{
	struct reader reader = reader_open(test);
	struct waiter waiter = {};

	init_poll_funcptr(&waiter.table, wait_here);
	init_waitqueue_func_entry(&waiter.entry, count_wake);
	KUNIT_EXPECT_EQ(test, node_poll(reader.file, &waiter.table), 0);
	KUNIT_ASSERT_NOT_NULL(test, waiter.queue);
	make_events(test, 1);
	KUNIT_EXPECT_EQ(test, waiter.woken, 1);
	make_events(test, 1);
	KUNIT_EXPECT_EQ_MSG(test, waiter.woken, 1, "it is behind and knows it");
	take_all(test, &reader);
	make_events(test, 1);
	KUNIT_EXPECT_EQ(test, waiter.woken, 2);
	remove_wait_queue(waiter.queue, &waiter.entry);
	reader_close(&reader);
}

static int observe_init(struct kunit *test)
{
	struct file *ring;

	ctl = node_open(test, "ctl", O_RDWR);
	ring = ring_open(test, ctl);
	board_attach(test);
	device = node_open(test, "8005", O_RDONLY);
	ring_drain(test, ctl, ring);
	node_close(ring);
	return 0;
}

static void observe_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dsmil_observe_count(), 0);
	node_close(device);
	board_detach();
	node_close(ctl);
}

static struct kunit_case observe_cases[] = {
	KUNIT_CASE(opening_is_checked),
	KUNIT_CASE(default_size),
	KUNIT_CASE_SLOW(so_many_and_no_more),
	KUNIT_CASE(opening_survives_every_allocation),
	KUNIT_CASE(only_the_position_is_writable),
	KUNIT_CASE(records_come_in_order),
	KUNIT_CASE(records_go_round),
	KUNIT_CASE(loss_is_counted_and_told),
	KUNIT_CASE(impossible_positions),
	KUNIT_CASE(readers_are_apart),
	KUNIT_CASE(more_than_the_audit_ring),
	KUNIT_CASE(poll_says_when),
	KUNIT_CASE(only_who_had_all_is_woken),
	{}
};

static struct kunit_suite observe_suite = {
	.name = "dsmil_observe",
	.init = observe_init,
	.exit = observe_exit,
	.test_cases = observe_cases,
};

kunit_test_suite(observe_suite);
