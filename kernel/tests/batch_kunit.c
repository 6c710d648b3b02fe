// SPDX-License-Identifier: GPL-2.0-only
/* Batches: what fails as a whole, what fails alone, and the one event of all. */
#include <linux/delay.h>
#include <linux/fault-inject.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include "../core/audit.h"
#include "../core/core.h"
#include "board.h"
#include "support.h"

#define OPERATIONS_MAX 8

static struct file *ctl, *ring, *safe, *quarantined;
static int safe_fd, quarantined_fd;

static struct dsmil_batch_operation operations[OPERATIONS_MAX];
static struct dsmil_reg_batch request;
static void __user *user_operations;
static u64 head; /* of the audit ring before the test */

static struct dsmil_batch_operation read_of(int fd, u8 reg)
{
	return (struct dsmil_batch_operation){
		.fd = fd, .operation = DSMIL_BATCH_READ, .reg = reg, .result = 77,
	};
}

static struct dsmil_batch_operation write_of(int fd, u8 reg, u32 value)
{
	return (struct dsmil_batch_operation){
		.fd = fd, .operation = DSMIL_BATCH_WRITE, .reg = reg, .value = value, .result = 77,
	};
}

/* A request for the first of the operations, which are in user memory then. */
static void prepare(struct kunit *test, u32 count)
{
	request = (struct dsmil_reg_batch){
		.size = sizeof(request), .count = count, .stride = sizeof(operations[0]),
		.operations = (uintptr_t)user_operations,
	};
	KUNIT_ASSERT_EQ(test, copy_to_user(user_operations, operations, sizeof(operations)), 0);
}

static long submit(struct kunit *test)
{
	long ret = node_ioctl(test, ctl, DSMIL_IOC_REG_BATCH, &request, sizeof(request));

	KUNIT_ASSERT_EQ(test, copy_from_user(operations, user_operations, sizeof(operations)), 0);
	return ret;
}

static void expect_nothing_done(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, board.reads, 0);
	KUNIT_EXPECT_EQ(test, board.writes, 0);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().head, head);
}

/* --------------------------------------------------- fails as a whole -- */

static void requests_are_checked(struct kunit *test)
{
	const struct dsmil_reg_batch good = {
		.size = sizeof(request), .count = 1, .stride = sizeof(operations[0]),
		.operations = (uintptr_t)user_operations,
	};
	struct dsmil_reg_batch bad[] = { good, good, good, good, good, good };
	static const int errors[] = { -EINVAL, -EINVAL, -EINVAL, -E2BIG, -EINVAL, -EINVAL };
	size_t i;

	bad[0].flags = DSMIL_BATCH_STOP << 1;
	bad[1].reserved = 1;
	bad[2].count = 0;
	bad[3].count = DSMIL_BATCH_MAX + 1;
	bad[4].stride = sizeof(operations[0]) - 1;
	bad[5].stride = PAGE_SIZE + 1;
	operations[0] = write_of(safe_fd, 1, 7);
	prepare(test, 1);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		request = bad[i];
		KUNIT_EXPECT_EQ_MSG(test, submit(test), errors[i], "%zu", i);
		KUNIT_EXPECT_EQ_MSG(test, operations[0].result, 77, "%zu", i);
	}
	KUNIT_EXPECT_EQ(test, node_ioctl_at(ctl, DSMIL_IOC_REG_BATCH, NULL), -EFAULT);
	expect_nothing_done(test);
}

/* What cannot be read, and above all what could not be answered. */
static void bad_pointers(struct kunit *test)
{
	void __user *read_only;

	operations[0] = write_of(safe_fd, 1, 7);
	prepare(test, 1);
	request.operations = 0;
	KUNIT_EXPECT_EQ(test, submit(test), -EFAULT);
	request.stride += 8;
	KUNIT_EXPECT_EQ_MSG(test, submit(test), -EFAULT, "with a stride of its own");

	prepare(test, 1);
	read_only = user_read_only(test, operations, sizeof(operations));
	request.operations = (uintptr_t)read_only;
	KUNIT_EXPECT_EQ(test, submit(test), -EFAULT);
	request.stride += 8;
	KUNIT_EXPECT_EQ(test, submit(test), -EFAULT);
	prepare(test, 1);
	read_only = user_read_only(test, &request, sizeof(request));
	KUNIT_EXPECT_EQ(test, node_ioctl_at(ctl, DSMIL_IOC_REG_BATCH, read_only), -EFAULT);
	expect_nothing_done(test);
}

/* A grant that cannot be read fails the batch, though another operation could be done. */
static void bad_grant_pointers(struct kunit *test)
{
	operations[0] = write_of(safe_fd, 1, 7);
	operations[1] = write_of(safe_fd, 1, 8);
	operations[1].grant = 1;
	operations[1].grant_length = DSMIL_GRANT_BYTES(1);
	prepare(test, 2);
	KUNIT_EXPECT_EQ(test, submit(test), -EFAULT);
	KUNIT_EXPECT_EQ(test, operations[0].result, 77);
	expect_nothing_done(test);
}

static void full_ring_refuses_writes(struct kunit *test)
{
	u32 count = ring_reserve_all();

	operations[0] = read_of(safe_fd, 0);
	operations[1] = write_of(safe_fd, 1, 7);
	prepare(test, 2);
	KUNIT_EXPECT_EQ(test, submit(test), -EAGAIN);
	KUNIT_EXPECT_EQ(test, operations[0].result, -ECANCELED);
	KUNIT_EXPECT_EQ(test, operations[1].result, -ECANCELED);
	expect_nothing_done(test);
	dsmil_audit_release(count);
	KUNIT_EXPECT_EQ(test, submit(test), 0);
	KUNIT_EXPECT_EQ(test, board.writes, 1);
}

/* Reads are done all the same; each is counted in the gap, and observers are told. */
static void full_ring_counts_reads(struct kunit *test)
{
	u32 count = ring_reserve_all();
	u64 gaps = dsmil_audit_get_state().gaps;

	operations[0] = read_of(safe_fd, 0);
	operations[1] = read_of(safe_fd, 1);
	operations[2] = read_of(-1, 0);
	prepare(test, 3);
	KUNIT_EXPECT_EQ(test, submit(test), 0);
	KUNIT_EXPECT_EQ(test, operations[1].value, 0x1000 + TOKEN(SAFE_ID, 1));
	KUNIT_EXPECT_EQ(test, request.sequence, 0);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().head, head);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().gaps - gaps, 2);
	dsmil_audit_release(count);
}

/*
 * Each allocation and each copy of a batch fails once. Without memory nothing is
 * done; a copy may fail behind the work, but then the work is in the ring.
 */
static void allocations_fail(struct kunit *test)
{
	void __user *user = user_page(test);
	unsigned int nth, left = 0, without_memory = 0;
	long ret;

	operations[0] = write_of(safe_fd, 1, 7);
	operations[1] = write_of(safe_fd, 1, 8);
	operations[1].grant = (uintptr_t)user + sizeof(request);
	operations[1].grant_length = DSMIL_GRANT_BYTES(1);
	prepare(test, 2);
	for (nth = 1; nth < 100 && !left; nth++) {
		u64 before = dsmil_audit_get_state().head;
		u32 writes = board.writes;

		KUNIT_ASSERT_EQ(test, copy_to_user(user, &request, sizeof(request)), 0);
		current->fail_nth = nth;
		ret = node_ioctl_at(ctl, DSMIL_IOC_REG_BATCH, user);
		left = current->fail_nth;
		current->fail_nth = 0;
		without_memory += ret == -ENOMEM;
		KUNIT_EXPECT_TRUE(test, ret == 0 || ret == -ENOMEM || ret == -EFAULT);
		if (ret == -ENOMEM)
			KUNIT_EXPECT_EQ(test, board.writes, writes);
		KUNIT_EXPECT_EQ(test, board.writes != writes,
				dsmil_audit_get_state().head != before);
	}
	KUNIT_EXPECT_GT(test, left, 0);
	/* Which of them a number meets depends on what the slabs hold. */
	KUNIT_EXPECT_GT(test, without_memory, 0);
}

/* -------------------------------------------------------- fails alone -- */

static void expect_result(struct kunit *test, struct dsmil_batch_operation operation, int result,
			  const char *what)
{
	operations[0] = operation;
	prepare(test, 1);
	KUNIT_EXPECT_EQ_MSG(test, submit(test), 0, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, operations[0].result, result, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, request.failed, 1, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, request.sequence, 0, "%s", what);
}

static void operations_are_checked(struct kunit *test)
{
	struct dsmil_batch_operation operation;
	struct file *reader = node_open(test, "8005", O_RDONLY);
	struct file *writer = node_open(test, "8005", O_WRONLY);
	int reader_fd = descriptor_open(test, reader), writer_fd = descriptor_open(test, writer);
	int ctl_fd = descriptor_open(test, ctl);

	expect_result(test, read_of(-1, 0), -EBADF, "no descriptor");
	expect_result(test, read_of(ctl_fd, 0), -EBADF, "of no device");
	expect_result(test, write_of(reader_fd, 1, 7), -EBADF, "opened for reading");
	expect_result(test, read_of(writer_fd, 1), -EBADF, "opened for writing");
	expect_result(test, write_of(safe_fd, 3, 7), -ERANGE, "no such register");
	operation = write_of(safe_fd, 1, 7);
	operation.operation = DSMIL_BATCH_WRITE + 1;
	expect_result(test, operation, -EINVAL, "no such operation");
	operation = write_of(safe_fd, 1, 7);
	operation.reserved = 1;
	expect_result(test, operation, -EINVAL, "reserved");
	operation = read_of(safe_fd, 1);
	operation.grant = (uintptr_t)user_operations;
	expect_result(test, operation, -EINVAL, "a read with a grant");
	operation = write_of(safe_fd, 1, 7);
	operation.grant_length = DSMIL_GRANT_BYTES(1);
	expect_result(test, operation, -EINVAL, "a length without a grant");
	expect_nothing_done(test);
	descriptor_close(ctl_fd);
	descriptor_close(writer_fd);
	descriptor_close(reader_fd);
	node_close(writer);
	node_close(reader);
}

/* What asked nothing of the guard keeps no slot: more such batches than the ring has. */
static void unused_slots_come_back(struct kunit *test)
{
	void __user *user = user_page(test);
	u32 i;

	operations[0] = write_of(-1, 0, 7);
	prepare(test, 1);
	KUNIT_ASSERT_EQ(test, copy_to_user(user, &request, sizeof(request)), 0);
	for (i = 0; i <= DSMIL_AUDIT_CAPACITY / 2; i++)
		KUNIT_ASSERT_EQ(test, node_ioctl_at(ctl, DSMIL_IOC_REG_BATCH, user), 0);
	expect_nothing_done(test);
}

/* Of another epoch, of a register that the board lacks, and without any firmware. */
static void absent_registers(struct kunit *test)
{
	struct file *fresh;
	int fd;

	board_detach();
	board.map[TOKEN(SAFE_ID, 2) - DSMIL_TOKEN_BASE].token = 0x1234;
	expect_result(test, read_of(safe_fd, 0), -ENODEV, "no firmware");
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	expect_result(test, read_of(safe_fd, 0), -ENODEV, "another firmware");
	fresh = node_open(test, "8005", O_RDWR);
	fd = descriptor_open(test, fresh);
	expect_result(test, write_of(fd, 2, 7), -ENODEV, "not on this board");
	KUNIT_EXPECT_EQ(test, board.reads + board.writes, 0);
	descriptor_close(fd);
	node_close(fresh);
}

/* -------------------------------------------------------------- works -- */

static void expect_listed(struct kunit *test, const struct dsmil_event_operation *listed,
			  const struct dsmil_batch_operation *operation, u16 token)
{
	KUNIT_EXPECT_EQ(test, listed->token, token);
	KUNIT_EXPECT_EQ(test, listed->operation, operation->operation);
	KUNIT_EXPECT_EQ(test, listed->reason, operation->reason);
	KUNIT_EXPECT_EQ(test, listed->value, operation->value);
	KUNIT_EXPECT_EQ(test, listed->result, operation->result);
}

static void results_and_event(struct kunit *test)
{
	struct dsmil_event whole, part;

	operations[0] = read_of(safe_fd, 0);
	operations[1] = write_of(safe_fd, 1, 7);
	operations[2] = write_of(quarantined_fd, 1, 8);
	operations[3] = read_of(-1, 0);
	operations[4] = write_of(safe_fd, 2, 9);
	operations[5] = read_of(safe_fd, 2);
	operations[6] = read_of(quarantined_fd, 0);
	prepare(test, 7);
	KUNIT_EXPECT_EQ(test, submit(test), 0);
	KUNIT_EXPECT_EQ(test, request.failed, 2);
	KUNIT_EXPECT_EQ(test, operations[0].value, 0x1000 + TOKEN(SAFE_ID, 0));
	KUNIT_EXPECT_EQ(test, operations[2].result, -EPERM);
	KUNIT_EXPECT_EQ(test, operations[2].reason, DSMIL_REASON_QUARANTINED);
	KUNIT_EXPECT_EQ(test, operations[2].rule_risk, DSMIL_RISK_QUARANTINED);
	KUNIT_EXPECT_EQ(test, operations[2].rule_token, TOKEN(QUARANTINED_ID, 1));
	KUNIT_EXPECT_EQ(test, operations[5].value, 9);
	KUNIT_EXPECT_EQ_MSG(test, operations[6].result, 0, "everything may be read");
	KUNIT_EXPECT_EQ(test, board.writes, 2);

	whole = ring_expect(test, ring, DSMIL_EVENT_BATCH);
	KUNIT_EXPECT_EQ(test, whole.sequence, request.sequence);
	KUNIT_EXPECT_EQ(test, whole.count, 7);
	KUNIT_EXPECT_EQ(test, whole.value, 2);
	KUNIT_EXPECT_EQ(test, whole.firmware_kind, DSMIL_FIRMWARE_SIM);
	part = ring_expect(test, ring, DSMIL_EVENT_BATCH_PART);
	KUNIT_EXPECT_EQ(test, part.value, DSMIL_EVENT_OPERATIONS);
	KUNIT_EXPECT_EQ(test, part.count, 0);
	expect_listed(test, &part.detail.operations[1], &operations[1], TOKEN(SAFE_ID, 1));
	expect_listed(test, &part.detail.operations[2], &operations[2], TOKEN(QUARANTINED_ID, 1));
	expect_listed(test, &part.detail.operations[3], &operations[3], 0);
	part = ring_expect(test, ring, DSMIL_EVENT_BATCH_PART);
	KUNIT_EXPECT_EQ(test, part.value, 1);
	KUNIT_EXPECT_EQ(test, part.count, DSMIL_EVENT_OPERATIONS);
	expect_listed(test, &part.detail.operations[0], &operations[6], TOKEN(QUARANTINED_ID, 0));
}

static void stops_at_a_failure(struct kunit *test)
{
	operations[0] = write_of(safe_fd, 1, 7);
	operations[1] = write_of(quarantined_fd, 1, 8);
	operations[2] = write_of(safe_fd, 1, 9);
	prepare(test, 3);
	request.flags = DSMIL_BATCH_STOP;
	KUNIT_EXPECT_EQ(test, submit(test), 0);
	KUNIT_EXPECT_EQ(test, operations[0].result, 0);
	KUNIT_EXPECT_EQ(test, operations[1].result, -EPERM);
	KUNIT_EXPECT_EQ(test, operations[2].result, -ECANCELED);
	KUNIT_EXPECT_EQ(test, request.failed, 2);
	KUNIT_EXPECT_EQ(test, board.writes, 1);
}

/* A caller whose operations are longer: what we do not know must be zero. */
static void wide_stride(struct kunit *test)
{
	struct {
		struct dsmil_batch_operation known;
		u64 unknown;
	} wide[2] = { { write_of(safe_fd, 1, 7) }, { read_of(safe_fd, 1) } };

	prepare(test, 2);
	request.stride = sizeof(wide[0]);
	wide[1].unknown = 1;
	KUNIT_ASSERT_EQ(test, copy_to_user(user_operations, wide, sizeof(wide)), 0);
	KUNIT_EXPECT_EQ(test, submit(test), -E2BIG);
	expect_nothing_done(test);
	wide[1].unknown = 0;
	KUNIT_ASSERT_EQ(test, copy_to_user(user_operations, wide, sizeof(wide)), 0);
	KUNIT_EXPECT_EQ(test, submit(test), 0);
	KUNIT_ASSERT_EQ(test, copy_from_user(wide, user_operations, sizeof(wide)), 0);
	KUNIT_EXPECT_EQ(test, wide[0].known.result, 0);
	KUNIT_EXPECT_EQ(test, wide[1].known.result, 0);
	KUNIT_EXPECT_EQ(test, wide[1].known.value, 7);
}

/* A kernel thread takes no signals, so this is put where a fatal one would be. */
static void be_killed(void)
{
	sigaddset(&current->pending.signal, SIGKILL);
	set_tsk_thread_flag(current, TIF_SIGPENDING);
}

static void fatal_signal_ends_it(struct kunit *test)
{
	operations[0] = write_of(safe_fd, 1, 7);
	operations[1] = write_of(safe_fd, 1, 8);
	prepare(test, 2);
	board.on_call = be_killed;
	submit(test);
	flush_signals(current);
	KUNIT_EXPECT_EQ(test, operations[0].result, 0);
	KUNIT_EXPECT_EQ(test, operations[1].result, -ECANCELED);
	KUNIT_EXPECT_EQ(test, board.writes, 1);
	ring_expect(test, ring, DSMIL_EVENT_BATCH);
}

/* Somebody else who wants the firmware, and when he got it. */
static unsigned int reads_before_us;

static void take_a_turn(struct work_struct *work)
{
	dsmil_firmware_lock();
	reads_before_us = board.reads;
	dsmil_firmware_unlock();
}

static DECLARE_WORK(other_user, take_a_turn);

/* Longer than a batch may keep the lock, and asleep, as a slow firmware is. */
static void be_slow(void)
{
	queue_work(system_wq, &other_user);
	usleep_range(11000, 12000);
}

static void others_get_their_turn(struct kunit *test)
{
	u32 i;

	for (i = 0; i < OPERATIONS_MAX; i++)
		operations[i] = read_of(safe_fd, 0);
	prepare(test, OPERATIONS_MAX);
	reads_before_us = 0;
	board.on_call = be_slow;
	KUNIT_EXPECT_EQ(test, submit(test), 0);
	KUNIT_EXPECT_GT(test, reads_before_us, 0);
	KUNIT_EXPECT_LT(test, reads_before_us, OPERATIONS_MAX);
	flush_work(&other_user);
}

static int batch_init(struct kunit *test)
{
	memset(operations, 0, sizeof(operations));
	user_operations = user_page(test);
	ctl = node_open(test, "ctl", O_RDWR);
	ring = ring_open(test, ctl);
	board_attach(test);
	safe = node_open(test, "8005", O_RDWR);
	safe_fd = descriptor_open(test, safe);
	quarantined = node_open(test, "8009", O_RDWR);
	quarantined_fd = descriptor_open(test, quarantined);
	ring_drain(test, ctl, ring);
	head = dsmil_audit_get_state().head;
	return 0;
}

static void batch_exit(struct kunit *test)
{
	descriptor_close(quarantined_fd);
	descriptor_close(safe_fd);
	node_close(quarantined);
	node_close(safe);
	board_detach();
	node_close(ring);
	node_close(ctl);
}

static struct kunit_case batch_cases[] = {
	KUNIT_CASE(requests_are_checked),
	KUNIT_CASE(bad_pointers),
	KUNIT_CASE(bad_grant_pointers),
	KUNIT_CASE(full_ring_refuses_writes),
	KUNIT_CASE(full_ring_counts_reads),
	KUNIT_CASE(allocations_fail),
	KUNIT_CASE(operations_are_checked),
	KUNIT_CASE(unused_slots_come_back),
	KUNIT_CASE(absent_registers),
	KUNIT_CASE(results_and_event),
	KUNIT_CASE(stops_at_a_failure),
	KUNIT_CASE(wide_stride),
	KUNIT_CASE(fatal_signal_ends_it),
	KUNIT_CASE(others_get_their_turn),
	{}
};

static struct kunit_suite batch_suite = {
	.name = "dsmil_batch",
	.init = batch_init,
	.exit = batch_exit,
	.test_cases = batch_cases,
};

kunit_test_suite(batch_suite);
