// SPDX-License-Identifier: GPL-2.0-only
/*
 * The poller. A new interval begins a sweep at once, so that no case waits for a
 * clock; an interval cannot be taken back to "by the kind of firmware", which is
 * why the case of the default comes first.
 */
#include <crypto/sha2.h>
#include <linux/dsmil_netlink.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../core/audit.h"
#include "../core/core.h"
#include "../core/poller.h"
#include "../core/status.h"
#include "board.h"
#include "support.h"

#define PATIENCE (30 * HZ) /* a sweep takes a second or two */
#define POLLED (DSMIL_DEVICE_COUNT * 2) /* STATUS and CONFIG of every device */

static struct file *ctl, *ring;

static struct file *parameter_open(struct kunit *test, const char *name, int flags)
{
	struct file *file;
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/dsmil/parameters/%s", name);
	file = filp_open(path, flags, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, file, "%s", path);
	return file;
}

/* 0 or -errno. */
static int set_parameter(struct kunit *test, const char *name, const char *text)
{
	struct file *file = parameter_open(test, name, O_WRONLY);
	loff_t offset = 0;
	ssize_t ret = kernel_write(file, text, strlen(text), &offset);

	node_close(file);
	return min_t(ssize_t, ret, 0);
}

static int set_interval(struct kunit *test, const char *seconds)
{
	return set_parameter(test, "poll_interval_s", seconds);
}

static void expect_interval(struct kunit *test, const char *wanted)
{
	struct file *file = parameter_open(test, "poll_interval_s", O_RDONLY);
	char text[16] = "";
	loff_t offset = 0;

	KUNIT_ASSERT_GT(test, kernel_read(file, text, sizeof(text) - 1, &offset), 0);
	node_close(file);
	KUNIT_EXPECT_STREQ(test, text, wanted);
}

/* Waits for the next record of that type; others are passed over. */
static struct dsmil_event await(struct kunit *test, u16 type)
{
	struct dsmil_event event = {};
	u64 head;

	do {
		head = dsmil_audit_get_state().head;
		while (ring_read(test, ring, &event) == sizeof(event))
			if (event.type == type)
				return event;
	} while (wait_event_interruptible_timeout(dsmil_audit_wait,
						  dsmil_audit_get_state().head != head,
						  PATIENCE) > 0);
	KUNIT_ASSERT_TRUE_MSG(test, false, "no event of type %u", type);
	return event;
}

static u32 *value_of(u16 token)
{
	return &board.values[token - DSMIL_TOKEN_BASE];
}

static void note_done(struct work_struct *work)
{
}

/* What was queued before on the poller's queue has begun when this returns. */
static void let_the_poller_work(void)
{
	struct work_struct work;

	INIT_WORK_ONSTACK(&work, note_done);
	queue_work(system_freezable_wq, &work);
	flush_work(&work);
	destroy_work_on_stack(&work);
}

static void the_kind_of_firmware_decides(struct kunit *test)
{
	struct dsmil_event event;

	expect_interval(test, "-1\n");
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	let_the_poller_work();
	KUNIT_EXPECT_EQ_MSG(test, board.reads, 0, "simulated firmware is left alone");
	board_detach();

	board.kind = DSMIL_FIRMWARE_DELL;
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	event = await(test, DSMIL_EVENT_SWEEP);
	KUNIT_EXPECT_EQ(test, event.firmware_kind, DSMIL_FIRMWARE_DELL);
	KUNIT_EXPECT_EQ(test, board.reads, POLLED);
}

static void intervals_are_checked(struct kunit *test)
{
	static const char *const bad[] = { "x", "-1", "4", "86401", "4294967296", "5 6" };
	size_t i;

	KUNIT_ASSERT_EQ(test, set_interval(test, "0"), 0);
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_LT_MSG(test, set_interval(test, bad[i]), 0, "\"%s\"", bad[i]);
	KUNIT_EXPECT_EQ(test, set_interval(test, "4"), -EINVAL);
	KUNIT_EXPECT_EQ(test, set_interval(test, "86401"), -EINVAL);
	expect_interval(test, "0\n");
	let_the_poller_work();
	KUNIT_EXPECT_EQ(test, board.reads, 0);
}

/* As the uAPI says what the digest of a sweep is over. */
struct sweep_answer {
	__le16 token;
	__le32 value;
	__le32 result;
} __packed;

/* The event of a sweep: how many, how many failed, and a digest of every answer. */
static void sweep_is_one_event(struct kunit *test)
{
	struct sweep_answer *answers;
	struct dsmil_event event;
	u8 digest[SHA256_DIGEST_SIZE];
	u32 count = 0;
	u16 i;

	answers = kunit_kcalloc(test, POLLED, sizeof(*answers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, answers);
	for (i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		if (i % DSMIL_REGISTER_COUNT == DSMIL_REG_DATA)
			continue;
		answers[count].token = cpu_to_le16(DSMIL_TOKEN_BASE + i);
		answers[count++].value = cpu_to_le32(0x1000 + DSMIL_TOKEN_BASE + i);
	}
	sha256((u8 *)answers, POLLED * sizeof(*answers), digest);

	KUNIT_ASSERT_EQ(test, board_register(), 0);
	ring_expect(test, ring, DSMIL_EVENT_FIRMWARE_ATTACHED);
	KUNIT_ASSERT_EQ(test, set_interval(test, "86400"), 0);
	event = await(test, DSMIL_EVENT_SWEEP);
	KUNIT_EXPECT_EQ(test, event.count, POLLED);
	KUNIT_EXPECT_EQ(test, event.value, 0);
	KUNIT_EXPECT_MEMEQ(test, event.detail.digest, digest, sizeof(digest));
	KUNIT_EXPECT_EQ(test, board.reads, POLLED);
}

/* Each is told with what was there before, and only a change that nobody asked for. */
static void changes_are_told(struct kunit *test)
{
	const u16 changed = TOKEN(MONITORED_ID, 1);
	struct dsmil_event event;

	KUNIT_ASSERT_EQ(test, board_register(), 0);
	KUNIT_ASSERT_EQ(test, set_interval(test, "86400"), 0);
	await(test, DSMIL_EVENT_SWEEP);
	*value_of(changed) = 5;
	*value_of(TOKEN(MONITORED_ID, 2)) = 6; /* DATA is not polled */
	KUNIT_ASSERT_EQ(test, set_interval(test, "86400"), 0);
	event = await(test, DSMIL_EVENT_CHANGED);
	KUNIT_EXPECT_EQ(test, event.token, changed);
	KUNIT_EXPECT_EQ(test, event.device_id, MONITORED_ID);
	KUNIT_EXPECT_EQ(test, event.reg, DSMIL_REG_CONFIG);
	KUNIT_EXPECT_EQ(test, event.value, 5);
	KUNIT_EXPECT_EQ(test, event.detail.changed.before, 0x1000 + changed);
	KUNIT_EXPECT_EQ_MSG(test, event.first_ns, 0, "a time is no value");
	KUNIT_EXPECT_EQ(test, event.risk, DSMIL_RISK_MONITORED);
	event = await(test, DSMIL_EVENT_SWEEP);
	KUNIT_EXPECT_EQ_MSG(test, dsmil_audit_get_state().head, event.sequence + 1, "just one");
}

/* Failures are counted, change nothing that is known, and are no changes. */
static void failures_are_counted(struct kunit *test)
{
	struct dsmil_event good, bad;
	u32 value = 0;
	bool known;

	KUNIT_ASSERT_EQ(test, board_register(), 0);
	KUNIT_ASSERT_EQ(test, set_interval(test, "86400"), 0);
	good = await(test, DSMIL_EVENT_SWEEP);
	board.read_error = -EIO;
	KUNIT_ASSERT_EQ(test, set_interval(test, "86400"), 0);
	bad = await(test, DSMIL_EVENT_SWEEP);
	KUNIT_EXPECT_EQ_MSG(test, bad.sequence, good.sequence + 1, "nothing in between");
	KUNIT_EXPECT_EQ(test, bad.count, POLLED);
	KUNIT_EXPECT_EQ(test, bad.value, POLLED);
	KUNIT_EXPECT_NE(test, memcmp(bad.detail.digest, good.detail.digest,
				     sizeof(bad.detail.digest)), 0);
	dsmil_firmware_lock();
	known = dsmil_status_value(TOKEN(SAFE_ID, 0), &value);
	dsmil_firmware_unlock();
	KUNIT_EXPECT_TRUE(test, known);
	KUNIT_EXPECT_EQ(test, value, 0x1000 + TOKEN(SAFE_ID, 0));
}

/* With DATA where it is asked for, and without what the board lacks. */
static void what_is_polled(struct kunit *test)
{
	board.map[0].token = 0x1234;
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	KUNIT_ASSERT_EQ(test, set_parameter(test, "poll_data", "Y"), 0);
	KUNIT_ASSERT_EQ(test, set_interval(test, "86400"), 0);
	KUNIT_EXPECT_EQ(test, await(test, DSMIL_EVENT_SWEEP).count, DSMIL_TOKEN_COUNT - 1);
	KUNIT_ASSERT_EQ(test, set_parameter(test, "poll_data", "N"), 0);
}

static struct completion called;

static void say_called(void)
{
	complete(&called);
}

/* Detaching in the middle of a sweep: not one call more, and no event of it. */
static void detaching_ends_a_sweep(struct kunit *test)
{
	struct dsmil_event event;
	unsigned int reads;

	init_completion(&called);
	board.on_call = say_called;
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	KUNIT_ASSERT_EQ(test, set_interval(test, "86400"), 0);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&called, PATIENCE), 0);
	board_detach();
	reads = board.reads;
	KUNIT_EXPECT_LT(test, reads, POLLED);
	let_the_poller_work();
	KUNIT_EXPECT_EQ(test, board.reads, reads);
	while (ring_read(test, ring, &event) == sizeof(event))
		KUNIT_EXPECT_NE(test, event.type, DSMIL_EVENT_SWEEP);
}

static int poller_init(struct kunit *test)
{
	board_reset();
	ctl = node_open(test, "ctl", O_RDWR);
	ring = ring_open(test, ctl);
	ring_drain(test, ctl, ring);
	return 0;
}

static void poller_exit(struct kunit *test)
{
	board_detach();
	node_close(ring);
	node_close(ctl);
}

static void poller_suite_exit(struct kunit_suite *suite)
{
	struct file *file = filp_open("/sys/module/dsmil/parameters/poll_interval_s", O_WRONLY, 0);
	loff_t offset = 0;

	if (IS_ERR(file))
		return;
	kernel_write(file, "0", 1, &offset);
	node_close(file);
}

static struct kunit_case poller_cases[] = {
	KUNIT_CASE_SLOW(the_kind_of_firmware_decides),
	KUNIT_CASE(intervals_are_checked),
	KUNIT_CASE_SLOW(sweep_is_one_event),
	KUNIT_CASE_SLOW(changes_are_told),
	KUNIT_CASE_SLOW(failures_are_counted),
	KUNIT_CASE_SLOW(what_is_polled),
	KUNIT_CASE(detaching_ends_a_sweep),
	{}
};

static struct kunit_suite poller_suite = {
	.name = "dsmil_poller",
	.suite_exit = poller_suite_exit,
	.init = poller_init,
	.exit = poller_exit,
	.test_cases = poller_cases,
};

kunit_test_suite(poller_suite);
