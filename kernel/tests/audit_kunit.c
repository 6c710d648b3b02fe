// SPDX-License-Identifier: GPL-2.0-only
/* The audit ring: what is kept, what is only counted, and who may read it. */
#include <linux/file.h>
#include <linux/uaccess.h>

#include "../core/audit.h"
#include "board.h"
#include "support.h"

static struct file *ctl, *ring;

/* Fills the ring with reads up to a number of free places for records of that kind. */
static void fill_with_reads(struct kunit *test, unsigned int count)
{
	struct file *file = node_open(test, "8005", O_RDONLY);
	struct dsmil_reg_read request = { .size = sizeof(request) };
	void __user *user = user_page(test);

	KUNIT_ASSERT_EQ(test, copy_to_user(user, &request, sizeof(request)), 0);
	while (count--)
		KUNIT_ASSERT_EQ(test, node_ioctl_at(file, DSMIL_IOC_REG_READ, user), 0);
	node_close(file);
}

static long write_config(struct kunit *test, const char *name)
{
	struct dsmil_reg_write request = { .size = sizeof(request), .reg = 1, .value = 7 };
	struct file *file = node_open(test, name, O_RDWR);
	long ret = node_ioctl(test, file, DSMIL_IOC_REG_WRITE, &request, sizeof(request));

	node_close(file);
	return ret;
}

static void one_reader(struct kunit *test)
{
	struct dsmil_event_ring request = { .size = sizeof(request), .kind = DSMIL_RING_AUDIT };
	long ret;

	KUNIT_EXPECT_EQ(test, info_get(test, ctl).audit_reader, 1);
	ret = node_ioctl(test, ctl, DSMIL_IOC_EVENT_RING, &request, sizeof(request));
	KUNIT_EXPECT_EQ(test, ret, -EBUSY);
	node_close(ring);
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).audit_reader, 0);
	ring = ring_open(test, ctl);
}

/* A struct that can be read and not be answered: the descriptor must not be lost. */
static void unwritable_answer(struct kunit *test)
{
	struct dsmil_event_ring request = { .size = sizeof(request), .kind = DSMIL_RING_AUDIT };
	void __user *user = user_read_only(test, &request, sizeof(request));

	node_close(ring);
	KUNIT_EXPECT_EQ(test, node_ioctl_at(ctl, DSMIL_IOC_EVENT_RING, user), -EFAULT);
	flush_delayed_fput();
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).audit_reader, 0);
	ring = ring_open(test, ctl);
}

static void records_in_order(struct kunit *test)
{
	struct dsmil_event event;
	u64 first;

	fill_with_reads(test, 2);
	KUNIT_EXPECT_EQ(test, write_config(test, "8005"), 0);
	KUNIT_EXPECT_EQ(test, write_config(test, "8009"), -EPERM);

	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, event.type, DSMIL_EVENT_READ);
	KUNIT_EXPECT_EQ(test, event.device_id, SAFE_ID);
	KUNIT_EXPECT_EQ(test, event.value, 0x1000 + TOKEN(SAFE_ID, 0));
	first = event.sequence;
	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, event.sequence, first + 1);
	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, event.type, DSMIL_EVENT_WRITE);
	KUNIT_EXPECT_EQ(test, event.result, 0);
	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, event.type, DSMIL_EVENT_REFUSED);
	KUNIT_EXPECT_EQ(test, event.result, -EPERM);
	KUNIT_EXPECT_EQ(test, event.reason, DSMIL_REASON_QUARANTINED);
	KUNIT_EXPECT_EQ(test, event.sequence, first + 3);
	KUNIT_EXPECT_EQ(test, ring_read(test, ring, &event), -EAGAIN);
}

static void unacknowledged_records_come_again(struct kunit *test)
{
	struct dsmil_event event;
	u64 first;

	fill_with_reads(test, 2);
	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	first = event.sequence;
	KUNIT_EXPECT_EQ_MSG(test, ring_advance(test, ring, first + 2), -ERANGE, "not read yet");
	KUNIT_EXPECT_EQ(test, ring_advance(test, ring, first + 1), 0);
	KUNIT_EXPECT_EQ_MSG(test, ring_advance(test, ring, first), -ERANGE, "backwards");
	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	node_close(ring);
	ring = ring_open(test, ctl);
	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, event.sequence, first + 1);
}

static void reads_fill_their_share_and_then_count(struct kunit *test)
{
	struct dsmil_info before = info_get(test, ctl), after;
	struct dsmil_event event;
	u32 i;

	fill_with_reads(test, DSMIL_AUDIT_ORDINARY_LIMIT + 5);
	after = info_get(test, ctl);
	KUNIT_EXPECT_EQ(test, after.audit_gaps - before.audit_gaps, 5);
	KUNIT_EXPECT_EQ(test, after.audit_head - before.audit_head, DSMIL_AUDIT_ORDINARY_LIMIT);

	for (i = 0; i < DSMIL_AUDIT_ORDINARY_LIMIT; i++)
		KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, ring_advance(test, ring, after.audit_tail + 1), 0);
	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, event.type, DSMIL_EVENT_GAP);
	KUNIT_EXPECT_EQ(test, event.count, 5);
	KUNIT_EXPECT_EQ(test, event.sequence, after.audit_head);
}

static void full_ring_refuses_writes(struct kunit *test)
{
	u32 writes, used = DSMIL_AUDIT_ORDINARY_LIMIT;
	u64 refused = info_get(test, ctl).audit_refused;

	fill_with_reads(test, used);
	for (; used < DSMIL_AUDIT_WRITE_LIMIT; used++)
		KUNIT_ASSERT_EQ(test, write_config(test, "8005"), 0);
	writes = board.writes;
	KUNIT_EXPECT_EQ(test, write_config(test, "8005"), -EAGAIN);
	KUNIT_EXPECT_EQ_MSG(test, write_config(test, "8009"), -EAGAIN, "whatever the guard says");
	KUNIT_EXPECT_EQ_MSG(test, info_get(test, ctl).audit_refused, refused + 2,
			    "both are counted");
	KUNIT_EXPECT_EQ(test, board.writes, writes);

	/* What is left is for attaching and detaching; behind it they are counted. */
	for (; used < DSMIL_AUDIT_CAPACITY + 2; used++) {
		struct dsmil_info info;

		if (used % 2)
			KUNIT_ASSERT_EQ(test, board_register(), 0);
		else
			board_detach();
		info = info_get(test, ctl);
		KUNIT_EXPECT_LE(test, info.audit_head - info.audit_tail, DSMIL_AUDIT_CAPACITY);
	}
	ring_drain(test, ctl, ring);
	if (used % 2)
		KUNIT_ASSERT_EQ(test, board_register(), 0);
	KUNIT_EXPECT_EQ(test, write_config(test, "8005"), 0);
}

static void reader_is_checked(struct kunit *test)
{
	struct dsmil_ring_advance dirty = { .size = sizeof(dirty), .reserved = 1 };
	void __user *user = user_page(test);
	loff_t offset = 0;

	KUNIT_EXPECT_EQ(test, ring->f_op->read(ring, user, sizeof(struct dsmil_event) - 1, &offset),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, node_ioctl(test, ring, DSMIL_IOC_RING_ADVANCE, &dirty, sizeof(dirty)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, node_ioctl_at(ring, DSMIL_IOC_RING_ADVANCE, NULL), -EFAULT);
	KUNIT_EXPECT_EQ(test, node_ioctl_at(ring, DSMIL_IOC_INFO, user), -ENOTTY);
	fill_with_reads(test, 1);
	KUNIT_EXPECT_EQ(test, ring->f_op->read(ring, NULL, PAGE_SIZE, &offset), -EFAULT);
}

static void poll_says_when(struct kunit *test)
{
	struct dsmil_event event;

	KUNIT_EXPECT_EQ(test, node_poll(ring, NULL), 0);
	fill_with_reads(test, 1);
	KUNIT_EXPECT_EQ(test, node_poll(ring, NULL), POLL_READABLE);
	KUNIT_ASSERT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, node_poll(ring, NULL), 0);
}

static int audit_init(struct kunit *test)
{
	ctl = node_open(test, "ctl", O_RDWR);
	ring = ring_open(test, ctl);
	board_attach(test);
	ring_drain(test, ctl, ring);
	return 0;
}

static void audit_exit(struct kunit *test)
{
	board_detach();
	node_close(ring);
	node_close(ctl);
}

static struct kunit_case audit_cases[] = {
	KUNIT_CASE(one_reader),
	KUNIT_CASE(unwritable_answer),
	KUNIT_CASE(records_in_order),
	KUNIT_CASE(unacknowledged_records_come_again),
	KUNIT_CASE_SLOW(reads_fill_their_share_and_then_count),
	KUNIT_CASE_SLOW(full_ring_refuses_writes),
	KUNIT_CASE(reader_is_checked),
	KUNIT_CASE(poll_says_when),
	{}
};

static struct kunit_suite audit_suite = {
	.name = "dsmil_audit",
	.init = audit_init,
	.exit = audit_exit,
	.test_cases = audit_cases,
};

kunit_test_suite(audit_suite);
