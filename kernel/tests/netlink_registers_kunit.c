// SPDX-License-Identifier: GPL-2.0-only
/* What netlink says of registers and of what was done with them. */
#include <linux/dsmil_netlink.h>

#include "board.h"
#include "client.h"
#include "support.h"

static struct client *client;

static int ask_register(struct kunit *test, u16 token)
{
	return client_ask(test, client, DSMIL_CMD_REGISTER_GET, DSMIL_A_REGISTER_TOKEN, token);
}

/* How many answers a dump gives, or its error. */
static int dump(struct kunit *test, u8 command, u16 type)
{
	int interrupted, ret;

	client_send(test, client, command, NLM_F_DUMP, type, DSMIL_TOKEN_BASE);
	ret = client_collect(test, client, &interrupted);
	KUNIT_EXPECT_EQ(test, interrupted, 0);
	return ret;
}

static long read_status(struct kunit *test)
{
	struct dsmil_reg_read request = { .size = sizeof(request) };
	struct file *file = node_open(test, "8005", O_RDONLY);
	long ret = node_ioctl(test, file, DSMIL_IOC_REG_READ, &request, sizeof(request));

	node_close(file);
	return ret;
}

static long write_config(struct kunit *test, const char *name)
{
	struct dsmil_reg_write request = { .size = sizeof(request), .reg = 1, .value = 7 };
	struct file *file = node_open(test, name, O_RDWR);
	long ret = node_ioctl(test, file, DSMIL_IOC_REG_WRITE, &request, sizeof(request));

	node_close(file);
	return ret;
}

static bool has(u16 type)
{
	return client_attribute(client, (void *)client->buffer, type);
}

/* -------------------------------------------------------- REGISTER_GET -- */

static void values_need_the_capability(struct kunit *test)
{
	const struct cred *cred = caller_drop(test);
	int one = ask_register(test, TOKEN(SAFE_ID, 0));
	int all = dump(test, DSMIL_CMD_REGISTER_GET, 0);

	caller_restore(cred);
	KUNIT_EXPECT_EQ(test, one, -EPERM);
	KUNIT_EXPECT_EQ(test, all, -EPERM);
}

static void register_refusals(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, client_ask(test, client, DSMIL_CMD_REGISTER_GET, 0, 0), -EINVAL,
			    "which one?");
	KUNIT_EXPECT_EQ(test, ask_register(test, DSMIL_TOKEN_BASE - 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, ask_register(test, DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT), -ERANGE);
	KUNIT_EXPECT_EQ_MSG(test, dump(test, DSMIL_CMD_REGISTER_GET, DSMIL_A_REGISTER_TOKEN),
			    -EINVAL, "takes no attribute");
	board_detach();
	KUNIT_EXPECT_EQ(test, ask_register(test, TOKEN(SAFE_ID, 0)), -ENODEV);
	KUNIT_EXPECT_EQ(test, dump(test, DSMIL_CMD_REGISTER_GET, 0), -ENODEV);
	KUNIT_EXPECT_EQ_MSG(test, board.reads, 0, "netlink asks no firmware");
}

static void register_facts(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, ask_register(test, TOKEN(QUARANTINED_ID, 1)), 0);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_REGISTER_TOKEN),
			TOKEN(QUARANTINED_ID, 1));
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_REGISTER_DEVICE_ID), QUARANTINED_ID);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_REGISTER_REG), 1);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_REGISTER_PRESENT), 1);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_REGISTER_RISK),
			DSMIL_RISK_QUARANTINED);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_REGISTER_REASON),
			DSMIL_REASON_QUARANTINED);
	KUNIT_EXPECT_FALSE_MSG(test, has(DSMIL_A_REGISTER_TIME_NS), "nobody asked the firmware");
}

/* An access that failed is known by its result, and its value is not. */
static void register_state(struct kunit *test)
{
	board.read_error = -EIO;
	KUNIT_EXPECT_EQ(test, read_status(test), -EIO);
	KUNIT_ASSERT_EQ(test, ask_register(test, TOKEN(SAFE_ID, 0)), 0);
	KUNIT_EXPECT_EQ(test, (s32)client_u32(test, client, DSMIL_A_REGISTER_RESULT), -EIO);
	KUNIT_EXPECT_NE(test, client_u64(test, client, DSMIL_A_REGISTER_TIME_NS), 0);
	KUNIT_EXPECT_FALSE(test, has(DSMIL_A_REGISTER_VALUE));

	board.read_error = 0;
	KUNIT_EXPECT_EQ(test, read_status(test), 0);
	KUNIT_ASSERT_EQ(test, ask_register(test, TOKEN(SAFE_ID, 0)), 0);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_REGISTER_RESULT), 0);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_REGISTER_VALUE),
			0x1000 + TOKEN(SAFE_ID, 0));
}

static void register_dumps(struct kunit *test)
{
	int interrupted;

	KUNIT_EXPECT_EQ(test, dump(test, DSMIL_CMD_REGISTER_GET, 0), DSMIL_TOKEN_COUNT);
	client_send(test, client, DSMIL_CMD_REGISTER_GET, NLM_F_DUMP, 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, client_next(test, client));
	dsmil_board_change_begin();
	dsmil_board_change_end();
	KUNIT_EXPECT_GT(test, client_collect(test, client, &interrupted), 0);
	KUNIT_EXPECT_GT_MSG(test, interrupted, 0, "the board changed");
	client_send(test, client, DSMIL_CMD_REGISTER_GET, NLM_F_DUMP, 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, client_next(test, client));
	board_detach();
	KUNIT_EXPECT_EQ_MSG(test, client_collect(test, client, &interrupted), -ENODEV,
			    "the firmware has gone");
}

/* ------------------------------------------------------ STATISTICS_GET -- */

struct counters {
	u64 reads, writes, refused, firmware_errors;
};

/* Of one device, or with id 0 the totals. */
static struct counters ask_statistics(struct kunit *test, u16 id)
{
	KUNIT_ASSERT_EQ(test, client_ask(test, client, DSMIL_CMD_STATISTICS_GET,
					 id ? DSMIL_A_STATISTICS_DEVICE_ID : 0, id), 0);
	return (struct counters){
		.reads = client_u64(test, client, DSMIL_A_STATISTICS_READS),
		.writes = client_u64(test, client, DSMIL_A_STATISTICS_WRITES),
		.refused = client_u64(test, client, DSMIL_A_STATISTICS_REFUSED),
		.firmware_errors = client_u64(test, client, DSMIL_A_STATISTICS_FIRMWARE_ERRORS),
	};
}

static void expect_grown(struct kunit *test, u16 id, struct counters before, struct counters by)
{
	struct counters now = ask_statistics(test, id);

	KUNIT_EXPECT_EQ(test, now.reads - before.reads, by.reads);
	KUNIT_EXPECT_EQ(test, now.writes - before.writes, by.writes);
	KUNIT_EXPECT_EQ(test, now.refused - before.refused, by.refused);
	KUNIT_EXPECT_EQ(test, now.firmware_errors - before.firmware_errors, by.firmware_errors);
}

static void statistics_refusals(struct kunit *test)
{
	const u16 id = DSMIL_A_STATISTICS_DEVICE_ID;

	KUNIT_EXPECT_EQ(test, client_ask(test, client, DSMIL_CMD_STATISTICS_GET, id,
					 DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT), -ERANGE);
	KUNIT_EXPECT_EQ_MSG(test, dump(test, DSMIL_CMD_STATISTICS_GET, id), -EINVAL,
			    "takes no attribute");
}

/* Each operation is counted for its device and in the totals, and for no other device. */
static void statistics_count(struct kunit *test)
{
	struct counters totals = ask_statistics(test, 0), safe = ask_statistics(test, SAFE_ID);
	struct counters quarantined = ask_statistics(test, QUARANTINED_ID);

	KUNIT_EXPECT_EQ(test, read_status(test), 0);
	KUNIT_EXPECT_EQ(test, write_config(test, "8005"), 0);
	KUNIT_EXPECT_EQ(test, write_config(test, "8009"), -EPERM);
	board.read_error = -EIO;
	board.write_error = -EIO;
	KUNIT_EXPECT_EQ(test, read_status(test), -EIO);
	KUNIT_EXPECT_EQ(test, write_config(test, "8005"), -EIO);
	board.unlocatable = TOKEN(SAFE_ID, 0);
	KUNIT_EXPECT_EQ_MSG(test, read_status(test), -ENXIO, "reaches no firmware");

	expect_grown(test, SAFE_ID, safe, (struct counters){ 2, 2, 0, 2 });
	expect_grown(test, QUARANTINED_ID, quarantined, (struct counters){ 0, 0, 1, 0 });
	expect_grown(test, 0, totals, (struct counters){ 2, 2, 1, 2 });
}

/* They outlive the firmware. */
static void statistics_dump(struct kunit *test)
{
	board_detach();
	KUNIT_EXPECT_EQ(test, dump(test, DSMIL_CMD_STATISTICS_GET, 0), DSMIL_DEVICE_COUNT);
}

static int netlink_registers_init(struct kunit *test)
{
	board_attach(test);
	client = client_open(test);
	return 0;
}

static void netlink_registers_exit(struct kunit *test)
{
	board_detach();
	client_close(client);
}

static struct kunit_case netlink_registers_cases[] = {
	KUNIT_CASE(values_need_the_capability),
	KUNIT_CASE(register_refusals),
	KUNIT_CASE(register_facts),
	KUNIT_CASE(register_state),
	KUNIT_CASE(register_dumps),
	KUNIT_CASE(statistics_refusals),
	KUNIT_CASE(statistics_count),
	KUNIT_CASE(statistics_dump),
	{}
};

static struct kunit_suite netlink_registers_suite = {
	.name = "dsmil_netlink_registers",
	.init = netlink_registers_init,
	.exit = netlink_registers_exit,
	.test_cases = netlink_registers_cases,
};

kunit_test_suite(netlink_registers_suite);
