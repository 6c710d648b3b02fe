// SPDX-License-Identifier: GPL-2.0-only
/* Reads and writes through the nodes of the devices. */
#include <linux/uaccess.h>

#include "../core/trace.h"
#include "board.h"
#include "support.h"

static long reg_read(struct kunit *test, struct file *file, u32 reg, u32 *value)
{
	struct dsmil_reg_read request = { .size = sizeof(request), .reg = reg };
	long ret = node_ioctl(test, file, DSMIL_IOC_REG_READ, &request, sizeof(request));

	*value = request.value;
	return ret;
}

static struct dsmil_reg_write last;

static long write_request(struct kunit *test, struct file *file, struct dsmil_reg_write *request)
{
	return node_ioctl(test, file, DSMIL_IOC_REG_WRITE, request, sizeof(*request));
}

static long reg_write(struct kunit *test, struct file *file, u32 reg, u32 value)
{
	last = (struct dsmil_reg_write){ .size = sizeof(last), .reg = reg, .value = value };
	return write_request(test, file, &last);
}

/* The answer to a write to CONFIG of a device, by its node's name. */
static long write_to(struct kunit *test, u16 id, u32 reg)
{
	struct file *file;
	char name[8];
	long ret;

	snprintf(name, sizeof(name), "%04x", id);
	file = node_open(test, name, O_RDWR);
	ret = reg_write(test, file, reg, 0x2a);
	node_close(file);
	return ret;
}

static void reads(struct kunit *test)
{
	struct file *file = node_open(test, "8005", O_RDONLY);
	u32 value, reg;

	for (reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
		KUNIT_EXPECT_EQ(test, reg_read(test, file, reg, &value), 0);
		KUNIT_EXPECT_EQ(test, value, 0x1000 + TOKEN(SAFE_ID, reg));
	}
	KUNIT_EXPECT_EQ(test, reg_read(test, file, DSMIL_REGISTER_COUNT, &value), -ERANGE);
	KUNIT_EXPECT_EQ_MSG(test, board.reads, 3, "what is refused reaches no firmware");
	node_close(file);
}

static void read_fails(struct kunit *test)
{
	struct dsmil_reg_read flagged = { .size = sizeof(flagged), .flags = 1 };
	struct file *file = node_open(test, "8005", O_RDONLY);
	u32 value;

	board.read_error = -EIO;
	KUNIT_EXPECT_EQ(test, reg_read(test, file, 0, &value), -EIO);
	board.unlocatable = TOKEN(SAFE_ID, 1);
	KUNIT_EXPECT_EQ(test, reg_read(test, file, 1, &value), -ENXIO);
	KUNIT_EXPECT_EQ(test, node_ioctl(test, file, DSMIL_IOC_REG_READ, &flagged, sizeof(flagged)),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, node_ioctl_at(file, DSMIL_IOC_REG_READ, NULL), -EFAULT);
	KUNIT_EXPECT_EQ(test, node_ioctl_at(file, DSMIL_IOC_INFO, user_page(test)), -ENOTTY);
	node_close(file);
}

static void safe_write(struct kunit *test)
{
	u32 reg;

	for (reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
		KUNIT_EXPECT_EQ(test, write_to(test, SAFE_ID, reg), 0);
		KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_ALLOWED);
		KUNIT_EXPECT_NE(test, last.sequence, 0);
		KUNIT_EXPECT_EQ(test, board.values[TOKEN(SAFE_ID, reg) - DSMIL_TOKEN_BASE], 0x2a);
	}
	KUNIT_EXPECT_EQ(test, board.writes, 3);
}

static void safe_write_needs_capability(struct kunit *test)
{
	struct file *file = node_open(test, "8005", O_RDWR);
	const struct cred *cred = caller_drop(test);

	KUNIT_EXPECT_EQ(test, reg_write(test, file, 1, 1), -EPERM);
	caller_restore(cred);
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_CAPABILITY_REQUIRED);
	KUNIT_EXPECT_EQ(test, board.writes, 0);
	node_close(file);
}

static void write_fails(struct kunit *test)
{
	struct dsmil_reg_write request = { .size = sizeof(request), .flags = 1 };
	struct file *file = node_open(test, "8005", O_RDONLY);

	KUNIT_EXPECT_EQ_MSG(test, reg_write(test, file, 1, 1), -EBADF, "opened for reading");
	node_close(file);
	file = node_open(test, "8005", O_RDWR);
	KUNIT_EXPECT_EQ(test, reg_write(test, file, DSMIL_REGISTER_COUNT, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, write_request(test, file, &request), -EINVAL);
	KUNIT_EXPECT_EQ(test, node_ioctl_at(file, DSMIL_IOC_REG_WRITE, NULL), -EFAULT);
	KUNIT_EXPECT_EQ(test, board.writes, 0);
	board.write_error = -EIO;
	KUNIT_EXPECT_EQ(test, reg_write(test, file, 1, 1), -EIO);
	KUNIT_EXPECT_EQ_MSG(test, last.reason, DSMIL_REASON_ALLOWED, "no fault of the guard");
	KUNIT_EXPECT_EQ(test, board.writes, 1);
	node_close(file);
}

/* A grant that nobody signed opens nothing, whatever the kernel makes of it. */
static void write_with_broken_grant(struct kunit *test)
{
	struct dsmil_reg_write request = {
		.size = sizeof(request), .reg = 1, .grant_length = 7,
	};
	struct file *file = node_open(test, "8064", O_RDWR);
	void __user *user = user_page(test);

	request.grant = (uintptr_t)user;
	KUNIT_EXPECT_LT(test, write_request(test, file, &request), 0);
	request.grant_length = DSMIL_GRANT_BYTES(1);
	KUNIT_EXPECT_LT(test, write_request(test, file, &request), 0);
	request.grant = 0;
	KUNIT_EXPECT_LT(test, write_request(test, file, &request), 0);
	KUNIT_EXPECT_EQ(test, board.writes, 0);
	node_close(file);
}

static void forbidden_writes(struct kunit *test)
{
	static const u16 quarantined[] = {
		0x8009, 0x800a, 0x800b, 0x8019, 0x801a, 0x801b, 0x8029
	};
	size_t i;
	u32 reg;

	for (i = 0; i < ARRAY_SIZE(quarantined); i++) {
		for (reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
			KUNIT_EXPECT_EQ(test, write_to(test, quarantined[i], reg), -EPERM);
			KUNIT_EXPECT_EQ(test, last.rule_risk, DSMIL_RISK_QUARANTINED);
		}
	}
	KUNIT_EXPECT_EQ_MSG(test, write_to(test, 0x8003, 0), -EPERM, "0x8009, read as an id");
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_QUARANTINED_AS_ID);
	KUNIT_EXPECT_EQ_MSG(test, write_to(test, 0x8053, 1), -EPERM, "the emergency stop");
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_LOCKED);
	KUNIT_EXPECT_EQ(test, write_to(test, MONITORED_ID, 1), -EPERM);
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_GRANT_REQUIRED);
	KUNIT_EXPECT_EQ(test, board.writes, 0);
}

static void change_map(size_t index, u16 token, u16 location)
{
	dsmil_board_change_begin();
	board.map[index].token = token;
	board.map[index].location = location;
	board.count = max(board.count, index + 1);
	dsmil_board_change_end();
}

static void aliases(struct kunit *test)
{
	const u16 safe = TOKEN(SAFE_ID, 1);
	const u16 at = BOARD_LOCATION + safe - DSMIL_TOKEN_BASE;

	change_map(DSMIL_TOKEN_COUNT, 0x1234, at);
	KUNIT_EXPECT_EQ_MSG(test, write_to(test, SAFE_ID, 1), -EPERM, "an unknown token is there");
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_ALIAS);
	KUNIT_EXPECT_EQ(test, last.rule_token, 0x1234);
	change_map(DSMIL_TOKEN_COUNT, 0x1234, 0x10);
	KUNIT_EXPECT_EQ(test, write_to(test, SAFE_ID, 1), 0);
	change_map(TOKEN(QUARANTINED_ID, 0) - DSMIL_TOKEN_BASE, TOKEN(QUARANTINED_ID, 0), at);
	KUNIT_EXPECT_EQ_MSG(test, write_to(test, SAFE_ID, 1), -EPERM, "a quarantined one is");
	KUNIT_EXPECT_EQ(test, last.rule_risk, DSMIL_RISK_QUARANTINED);
	KUNIT_EXPECT_EQ(test, board.writes, 1);
}

static void unstable_locations(struct kunit *test)
{
	dsmil_board_change_begin();
	board.unlocatable = TOKEN(SAFE_ID, 0);
	board.moved = TOKEN(SAFE_ID, 1);
	dsmil_board_change_end();
	KUNIT_EXPECT_EQ(test, write_to(test, SAFE_ID, 0), -EPERM);
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_LOCATION_UNKNOWN);
	KUNIT_EXPECT_EQ(test, write_to(test, SAFE_ID, 1), -EPERM);
	change_map(DSMIL_TOKEN_COUNT, TOKEN(SAFE_ID, 2), 0x10);
	KUNIT_EXPECT_EQ_MSG(test, write_to(test, SAFE_ID, 2), -EPERM, "the board names two places");
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_LOCATION_UNKNOWN);
	KUNIT_EXPECT_EQ(test, board.writes, 0);
}

static void absent_register(struct kunit *test)
{
	struct file *file;
	u32 value;

	board_detach();
	board_reset();
	board.map[DSMIL_TOKEN_COUNT - 1].token = 0x1234; /* DATA of the last device */
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	file = node_open(test, "806b", O_RDWR);
	KUNIT_EXPECT_EQ(test, reg_read(test, file, 2, &value), -ENODEV);
	KUNIT_EXPECT_EQ(test, reg_write(test, file, 2, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, reg_read(test, file, 1, &value), 0);
	node_close(file);
}

static void old_descriptors(struct kunit *test)
{
	struct file *file = node_open(test, "8005", O_RDWR);
	u32 value;

	board_detach();
	KUNIT_EXPECT_EQ(test, reg_read(test, file, 0, &value), -ENODEV);
	KUNIT_EXPECT_EQ(test, node_open_error("8005", O_RDWR), -ENOENT);
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	KUNIT_EXPECT_EQ_MSG(test, reg_write(test, file, 1, 1), -ENODEV, "for ever");
	KUNIT_EXPECT_EQ(test, board_register(), -EBUSY);
	node_close(file);
}

/* What each tracepoint was last given, and how often. */
struct trace {
	unsigned int count;
	struct dsmil_event event;
};

static struct trace traced_read, traced_write, traced_refused;

static void probe(void *data, const struct dsmil_event *event)
{
	struct trace *trace = data;

	trace->count++;
	trace->event = *event;
}

static void trace_begin(struct kunit *test)
{
	traced_read.count = 0;
	traced_write.count = 0;
	traced_refused.count = 0;
	KUNIT_ASSERT_EQ(test, register_trace_dsmil_read(probe, &traced_read), 0);
	KUNIT_ASSERT_EQ(test, register_trace_dsmil_write(probe, &traced_write), 0);
	KUNIT_ASSERT_EQ(test, register_trace_dsmil_refused(probe, &traced_refused), 0);
}

static void trace_end(void)
{
	unregister_trace_dsmil_refused(probe, &traced_refused);
	unregister_trace_dsmil_write(probe, &traced_write);
	unregister_trace_dsmil_read(probe, &traced_read);
	tracepoint_synchronize_unregister();
}

static void expect_traced(struct kunit *test, const struct trace *trace, u16 token, u32 value,
			  int result)
{
	KUNIT_EXPECT_EQ(test, trace->count, 1);
	KUNIT_EXPECT_EQ(test, trace->event.token, token);
	KUNIT_EXPECT_EQ(test, trace->event.value, value);
	KUNIT_EXPECT_EQ(test, trace->event.result, result);
}

static void tracepoints(struct kunit *test)
{
	struct file *file = node_open(test, "8005", O_RDONLY);
	u32 value;

	trace_begin(test);
	board.read_error = -EIO;
	KUNIT_EXPECT_EQ(test, reg_read(test, file, 0, &value), -EIO);
	KUNIT_EXPECT_EQ(test, write_to(test, SAFE_ID, 1), 0);
	KUNIT_EXPECT_EQ(test, write_to(test, QUARANTINED_ID, 1), -EPERM);
	trace_end();
	expect_traced(test, &traced_read, TOKEN(SAFE_ID, 0), 0, -EIO);
	expect_traced(test, &traced_write, TOKEN(SAFE_ID, 1), 0x2a, 0);
	expect_traced(test, &traced_refused, TOKEN(QUARANTINED_ID, 1), 0x2a, -EPERM);
	KUNIT_EXPECT_EQ(test, traced_refused.event.reason, DSMIL_REASON_QUARANTINED);
	node_close(file);
}

/* A batch is one event of the ring, and still each of its operations is traced. */
static void batches_are_traced(struct kunit *test)
{
	struct file *safe = node_open(test, "8005", O_RDWR);
	struct file *quarantined = node_open(test, "8009", O_RDWR), *ctl;
	int safe_fd = descriptor_open(test, safe);
	int quarantined_fd = descriptor_open(test, quarantined);
	struct dsmil_batch_operation operations[] = {
		{ .fd = safe_fd, .operation = DSMIL_BATCH_READ },
		{ .fd = safe_fd, .operation = DSMIL_BATCH_WRITE, .reg = 1, .value = 7 },
		{ .fd = quarantined_fd, .operation = DSMIL_BATCH_WRITE, .reg = 1, .value = 8 },
	};
	struct dsmil_reg_batch batch = {
		.size = sizeof(batch), .count = ARRAY_SIZE(operations),
		.stride = sizeof(operations[0]),
	};
	void __user *user = user_page(test);

	ctl = node_open(test, "ctl", O_RDWR);
	batch.operations = (uintptr_t)user;
	KUNIT_ASSERT_EQ(test, copy_to_user(user, operations, sizeof(operations)), 0);
	trace_begin(test);
	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_REG_BATCH, &batch, sizeof(batch)), 0);
	trace_end();
	expect_traced(test, &traced_read, TOKEN(SAFE_ID, 0), 0x1000 + TOKEN(SAFE_ID, 0), 0);
	expect_traced(test, &traced_write, TOKEN(SAFE_ID, 1), 7, 0);
	expect_traced(test, &traced_refused, TOKEN(QUARANTINED_ID, 1), 8, -EPERM);
	node_close(ctl);
	descriptor_close(quarantined_fd);
	descriptor_close(safe_fd);
	node_close(quarantined);
	node_close(safe);
}

static int registers_init(struct kunit *test)
{
	board_attach(test);
	return 0;
}

static void registers_exit(struct kunit *test)
{
	board_detach();
}

static struct kunit_case registers_cases[] = {
	KUNIT_CASE(reads),
	KUNIT_CASE(read_fails),
	KUNIT_CASE(safe_write),
	KUNIT_CASE(safe_write_needs_capability),
	KUNIT_CASE(write_fails),
	KUNIT_CASE(write_with_broken_grant),
	KUNIT_CASE(forbidden_writes),
	KUNIT_CASE(aliases),
	KUNIT_CASE(unstable_locations),
	KUNIT_CASE(absent_register),
	KUNIT_CASE(old_descriptors),
	KUNIT_CASE(tracepoints),
	KUNIT_CASE(batches_are_traced),
	{}
};

static struct kunit_suite registers_suite = {
	.name = "dsmil_registers",
	.init = registers_init,
	.exit = registers_exit,
	.test_cases = registers_cases,
};

kunit_test_suite(registers_suite);
