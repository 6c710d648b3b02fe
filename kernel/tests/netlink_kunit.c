// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dsmil_netlink.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "board.h"
#include "client.h"
#include "support.h"

static struct client *client;

static int ask(struct kunit *test, u8 command, u16 type, u32 value)
{
	return client_ask(test, client, command, type, value);
}

static void info(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, ask(test, DSMIL_CMD_INFO_GET, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_INFO_API_VERSION),
			DSMIL_API_VERSION);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_INFO_FIRMWARE_KIND),
			DSMIL_FIRMWARE_SIM);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_INFO_PRESENT_COUNT),
			DSMIL_DEVICE_COUNT);
}

static void device(struct kunit *test)
{
	const struct nlmsghdr *message = (void *)client->buffer;

	KUNIT_ASSERT_EQ(test, ask(test, DSMIL_CMD_DEVICE_GET, DSMIL_A_DEVICE_ID, QUARANTINED_ID),
			0);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_DEVICE_NUMBER), 9);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_DEVICE_RISK),
			DSMIL_RISK_QUARANTINED);
	KUNIT_ASSERT_EQ(test, ask(test, DSMIL_CMD_DEVICE_GET, DSMIL_A_DEVICE_NUMBER, 53), 0);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_DEVICE_ID), 0x8035);
	/* A service is bound to it. */
	KUNIT_EXPECT_NOT_NULL(test, client_attribute(client, message, DSMIL_A_DEVICE_SERVICE_NAME));
}

static void refusals(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, ask(test, DSMIL_CMD_DEVICE_GET, 0, 0), -EINVAL, "which one?");
	KUNIT_EXPECT_EQ(test, ask(test, DSMIL_CMD_DEVICE_GET, DSMIL_A_DEVICE_NUMBER,
				  DSMIL_DEVICE_COUNT), -ERANGE);
	KUNIT_EXPECT_EQ(test, ask(test, DSMIL_CMD_DEVICE_GET, DSMIL_A_DEVICE_NAME, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ask(test, 0x7f, 0, 0), -EOPNOTSUPP);
	board_detach();
	KUNIT_EXPECT_EQ(test, ask(test, DSMIL_CMD_DEVICE_GET, DSMIL_A_DEVICE_NUMBER, 5), -ENODEV);
}

/* How many devices a dump gives, or its error. */
static int dump(struct kunit *test, u16 type)
{
	int interrupted, ret;

	client_send(test, client, DSMIL_CMD_DEVICE_GET, NLM_F_DUMP, type, 5);
	ret = client_collect(test, client, &interrupted);
	KUNIT_EXPECT_EQ(test, interrupted, 0);
	return ret;
}

static void dumps(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dump(test, 0), DSMIL_DEVICE_COUNT);
	KUNIT_EXPECT_EQ_MSG(test, dump(test, DSMIL_A_DEVICE_NUMBER), -EINVAL, "takes no attribute");
	board_detach();
	KUNIT_EXPECT_EQ_MSG(test, dump(test, 0), -ENODEV, "without firmware");
}

/* A board that changes under a dump makes it say so. */
static void interrupted_dump(struct kunit *test)
{
	int interrupted;

	client_send(test, client, DSMIL_CMD_DEVICE_GET, NLM_F_DUMP, 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, client_next(test, client));
	dsmil_board_change_begin();
	dsmil_board_change_end();
	KUNIT_EXPECT_GT(test, client_collect(test, client, &interrupted), 0);
	KUNIT_EXPECT_GT(test, interrupted, 0);
}

/* Firmware that goes under a dump ends it. */
static void ended_dump(struct kunit *test)
{
	int interrupted;

	client_send(test, client, DSMIL_CMD_DEVICE_GET, NLM_F_DUMP, 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, client_next(test, client));
	board_detach();
	KUNIT_EXPECT_EQ(test, client_collect(test, client, &interrupted), -ENODEV);
}

static void write_config(struct kunit *test, const char *name)
{
	struct dsmil_reg_write request = { .size = sizeof(request), .reg = 1, .value = 7 };
	struct file *file = node_open(test, name, O_RDWR);

	node_ioctl(test, file, DSMIL_IOC_REG_WRITE, &request, sizeof(request));
	node_close(file);
}

static void events(struct kunit *test)
{
	const struct nlmsghdr *message;

	KUNIT_ASSERT_EQ(test, client_join(client, client->events), 0);
	write_config(test, "8009");
	message = client_next(test, client);
	KUNIT_ASSERT_NOT_NULL(test, message);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_EVENT_TYPE), DSMIL_EVENT_REFUSED);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_EVENT_DEVICE_ID), QUARANTINED_ID);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_EVENT_REASON),
			DSMIL_REASON_QUARANTINED);
}

static void expect_event(struct kunit *test, u32 type)
{
	KUNIT_ASSERT_NOT_NULL(test, client_next(test, client));
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_EVENT_TYPE), type);
}

/* Two operations; the second is a write to that device. */
static void write_in_batch(struct kunit *test, const char *name)
{
	struct file *ctl = node_open(test, "ctl", O_RDWR), *file = node_open(test, name, O_RDWR);
	int fd = descriptor_open(test, file);
	struct dsmil_batch_operation operations[] = {
		{ .fd = fd, .operation = DSMIL_BATCH_READ },
		{ .fd = fd, .operation = DSMIL_BATCH_WRITE, .reg = 1, .value = 7 },
	};
	void __user *user = user_page(test);
	struct dsmil_reg_batch batch = {
		.size = sizeof(batch), .count = ARRAY_SIZE(operations),
		.stride = sizeof(operations[0]), .operations = (uintptr_t)user,
	};

	KUNIT_ASSERT_EQ(test, copy_to_user(user, operations, sizeof(operations)), 0);
	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_REG_BATCH, &batch, sizeof(batch)), 0);
	descriptor_close(fd);
	node_close(file);
	node_close(ctl);
}

/* The group "security": what the guard refused, alone or in a batch, and nothing else. */
static void security(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, client_join(client, client->security), 0);
	write_config(test, "8005");
	write_in_batch(test, "8005");
	KUNIT_EXPECT_NULL(test, client_next(test, client));
	write_config(test, "8009");
	expect_event(test, DSMIL_EVENT_REFUSED);
	write_in_batch(test, "8009");
	expect_event(test, DSMIL_EVENT_BATCH_PART);
	KUNIT_EXPECT_NOT_NULL_MSG(test, client_attribute(client, (void *)client->buffer,
							 DSMIL_A_EVENT_DETAIL), "the operations");
	KUNIT_EXPECT_NULL(test, client_next(test, client));
}

/* Values of registers are in the events. */
static void groups_need_the_capability(struct kunit *test)
{
	const struct cred *cred = caller_drop(test);
	int events = client_join(client, client->events);
	int security = client_join(client, client->security);

	caller_restore(cred);
	KUNIT_EXPECT_EQ(test, events, -EPERM);
	KUNIT_EXPECT_EQ(test, security, -EPERM);
	write_config(test, "8009");
	KUNIT_EXPECT_NULL(test, client_next(test, client));
}

/* An allocation that fails makes a request fail cleanly, and the next one works. */
static void allocations_fail(struct kunit *test)
{
	unsigned int nth, left, failed = 0;

	for (nth = 1; nth < 100; nth++) {
		const struct nlmsghdr *message;

		current->fail_nth = nth;
		client_try(client, DSMIL_CMD_INFO_GET);
		left = current->fail_nth;
		current->fail_nth = 0;
		message = client_next(test, client);
		failed += !message || message->nlmsg_type == NLMSG_ERROR;
		if (left)
			break;
	}
	KUNIT_EXPECT_LT(test, nth, 100);
	KUNIT_EXPECT_GT(test, failed, 0);
	KUNIT_EXPECT_EQ(test, ask(test, DSMIL_CMD_INFO_GET, 0, 0), 0);
}

/* A listener that a notification cannot be made for is told so. */
static void event_without_memory(struct kunit *test)
{
	struct dsmil_reg_read request = { .size = sizeof(request) };
	struct file *file = node_open(test, "8005", O_RDONLY);
	void __user *user = user_page(test);
	unsigned int nth, told = 0;
	long ret;

	KUNIT_ASSERT_EQ(test, client_join(client, client->events), 0);
	KUNIT_ASSERT_EQ(test, copy_to_user(user, &request, sizeof(request)), 0);
	for (nth = 1; nth < 10; nth++) {
		current->fail_nth = nth;
		ret = node_ioctl_at(file, DSMIL_IOC_REG_READ, user);
		current->fail_nth = 0;
		/* The copies from and to the caller can fail as well. */
		KUNIT_EXPECT_TRUE(test, ret == 0 || ret == -EFAULT);
		told += client_take_error(client) == -ENOBUFS;
		while (client_next(test, client))
			;
	}
	KUNIT_EXPECT_GT(test, told, 0);
	node_close(file);
}

static int netlink_init(struct kunit *test)
{
	board_attach(test);
	client = client_open(test);
	return 0;
}

static void netlink_exit(struct kunit *test)
{
	board_detach();
	client_close(client);
}

static struct kunit_case netlink_cases[] = {
	KUNIT_CASE(info),
	KUNIT_CASE(device),
	KUNIT_CASE(refusals),
	KUNIT_CASE(dumps),
	KUNIT_CASE(interrupted_dump),
	KUNIT_CASE(ended_dump),
	KUNIT_CASE(events),
	KUNIT_CASE(security),
	KUNIT_CASE(groups_need_the_capability),
	KUNIT_CASE(allocations_fail),
	KUNIT_CASE(event_without_memory),
	{}
};

static struct kunit_suite netlink_suite = {
	.name = "dsmil_netlink",
	.init = netlink_init,
	.exit = netlink_exit,
	.test_cases = netlink_cases,
};

kunit_test_suite(netlink_suite);
