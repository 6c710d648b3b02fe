// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices that user space adds to the quarantine. Nothing takes one off again, so
 * this suite comes behind those that count on the compiled-in list, and its cases
 * count on their order.
 */
#include <linux/dsmil_netlink.h>
#include <linux/uaccess.h>

#include "../core/audit.h"
#include "board.h"
#include "client.h"
#include "support.h"

/* Safe; read as a token, its id is STATUS of the safe device 0x8010. */
#define ADDED_ID 0x8030
#define SHADOWED_ID 0x8010
/* Added while the audit ring is full. */
#define UNRECORDED_ID 0x8020
#define COMPILED_IN 7

static struct file *ctl, *ring;
static struct client *client;

static long add(struct kunit *test, u16 id)
{
	struct dsmil_quarantine_add request = { .size = sizeof(request), .device_id = id };

	return node_ioctl(test, ctl, DSMIL_IOC_QUARANTINE_ADD, &request, sizeof(request));
}

static long write_register(struct kunit *test, struct file *file, u32 reg, u32 *reason)
{
	struct dsmil_reg_write request = { .size = sizeof(request), .reg = reg, .value = 7 };
	long ret = node_ioctl(test, file, DSMIL_IOC_REG_WRITE, &request, sizeof(request));

	*reason = request.reason;
	return ret;
}

static void expect_added(struct kunit *test, u32 count)
{
	struct dsmil_info info = info_get(test, ctl);

	KUNIT_EXPECT_EQ(test, info.quarantine_added, count);
	KUNIT_EXPECT_EQ(test, info.risk_count[DSMIL_RISK_QUARANTINED], COMPILED_IN + count);
	KUNIT_EXPECT_EQ(test, dsmil_quarantine_generation(), count);
}

static void expect_netlink(struct kunit *test, u16 id, u32 is_quarantined, u32 was_added)
{
	KUNIT_ASSERT_EQ(test, client_ask(test, client, DSMIL_CMD_QUARANTINE_GET,
					 DSMIL_A_QUARANTINE_DEVICE_ID, id), 0);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_QUARANTINE_DEVICE_ID), id);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_QUARANTINE_QUARANTINED),
			is_quarantined);
	KUNIT_EXPECT_EQ(test, client_u32(test, client, DSMIL_A_QUARANTINE_ADDED), was_added);
}

static int dump(struct kunit *test, u16 type)
{
	int interrupted;

	client_send(test, client, DSMIL_CMD_QUARANTINE_GET, NLM_F_DUMP, type, QUARANTINED_ID);
	return client_collect(test, client, &interrupted);
}

static void refusals(struct kunit *test)
{
	struct dsmil_quarantine_add dirty = {
		.size = sizeof(dirty), .device_id = ADDED_ID, .reserved = 1,
	};
	u64 head = dsmil_audit_get_state().head;
	const struct cred *cred;

	KUNIT_EXPECT_EQ(test, node_ioctl_at(ctl, DSMIL_IOC_QUARANTINE_ADD, NULL), -EFAULT);
	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_QUARANTINE_ADD, &dirty,
					 sizeof(dirty)), -EINVAL);
	KUNIT_EXPECT_EQ(test, add(test, DSMIL_DEVICE_ID_BASE - 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, add(test, DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT), -ENODEV);
	cred = caller_drop(test);
	KUNIT_EXPECT_EQ(test, add(test, ADDED_ID), -EPERM);
	caller_restore(cred);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().head, head);
	expect_added(test, 0);
	KUNIT_EXPECT_FALSE(test, dsmil_quarantine_forbids(ADDED_ID));
}

static void compiled_in_already(struct kunit *test)
{
	u64 head = dsmil_audit_get_state().head;

	KUNIT_EXPECT_EQ(test, add(test, QUARANTINED_ID), 0);
	KUNIT_EXPECT_EQ_MSG(test, dsmil_audit_get_state().head, head, "no news");
	expect_added(test, 0);
}

static void netlink_refusals(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, client_ask(test, client, DSMIL_CMD_QUARANTINE_GET, 0, 0), -EINVAL,
			    "which one?");
	KUNIT_EXPECT_EQ(test, client_ask(test, client, DSMIL_CMD_QUARANTINE_GET,
					 DSMIL_A_QUARANTINE_DEVICE_ID,
					 DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT), -ERANGE);
	KUNIT_EXPECT_EQ_MSG(test, dump(test, DSMIL_A_QUARANTINE_DEVICE_ID), -EINVAL,
			    "takes no attribute");
}

/* Also through a descriptor that was opened when the device was safe. */
static void added_is_never_written(struct kunit *test)
{
	struct file *added = node_open(test, "8030", O_RDWR);
	struct file *shadowed = node_open(test, "8010", O_RDWR);
	struct dsmil_event event;
	u32 reg, reason, writes;

	expect_netlink(test, ADDED_ID, 0, 0);
	KUNIT_EXPECT_EQ(test, write_register(test, added, 1, &reason), 0);
	KUNIT_EXPECT_EQ(test, write_register(test, shadowed, 0, &reason), 0);
	writes = board.writes;
	ring_drain(test, ctl, ring);

	KUNIT_EXPECT_EQ(test, add(test, ADDED_ID), 0);
	event = ring_expect(test, ring, DSMIL_EVENT_QUARANTINE_ADDED);
	KUNIT_EXPECT_EQ(test, event.device_id, ADDED_ID);
	KUNIT_EXPECT_EQ(test, event.risk, DSMIL_RISK_QUARANTINED);
	expect_added(test, 1);
	for (reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
		KUNIT_EXPECT_EQ(test, write_register(test, added, reg, &reason), -EPERM);
		KUNIT_EXPECT_EQ(test, reason, DSMIL_REASON_QUARANTINED);
		KUNIT_EXPECT_TRUE(test, dsmil_quarantine_forbids(TOKEN(ADDED_ID, reg)));
	}
	KUNIT_EXPECT_EQ(test, write_register(test, shadowed, 0, &reason), -EPERM);
	KUNIT_EXPECT_EQ(test, reason, DSMIL_REASON_QUARANTINED_AS_ID);
	KUNIT_EXPECT_TRUE(test, dsmil_quarantine_forbids(ADDED_ID));
	KUNIT_EXPECT_EQ(test, board.writes, writes);
	KUNIT_EXPECT_EQ_MSG(test, write_register(test, shadowed, 1, &reason), 0, "nothing more");
	KUNIT_EXPECT_FALSE(test, dsmil_quarantine_forbids(TOKEN(SHADOWED_ID, 1)));
	node_close(shadowed);
	node_close(added);
}

static void added_once(struct kunit *test)
{
	u64 head = dsmil_audit_get_state().head;

	KUNIT_EXPECT_EQ(test, add(test, ADDED_ID), 0);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().head, head);
	expect_added(test, 1);
}

static void another_firmware_changes_nothing(struct kunit *test)
{
	struct dsmil_device device = { .size = sizeof(device), .id = ADDED_ID };
	struct file *file;
	u32 reason;

	board_detach();
	expect_added(test, 1);
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_DEVICE_GET, &device, sizeof(device)),
			0);
	KUNIT_EXPECT_EQ(test, device.risk, DSMIL_RISK_QUARANTINED);
	file = node_open(test, "8030", O_RDWR);
	KUNIT_EXPECT_EQ(test, write_register(test, file, 1, &reason), -EPERM);
	KUNIT_EXPECT_EQ(test, reason, DSMIL_REASON_QUARANTINED);
	node_close(file);
}

/* Protection must not wait for somebody to read the audit ring. */
static void added_though_the_ring_is_full(struct kunit *test)
{
	u32 count = ring_reserve_all();
	u64 gaps = dsmil_audit_get_state().gaps;
	u64 head = dsmil_audit_get_state().head;

	KUNIT_EXPECT_EQ(test, add(test, UNRECORDED_ID), 0);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().head, head);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().gaps, gaps + 1);
	dsmil_audit_release(count);
	expect_added(test, 2);
	KUNIT_EXPECT_TRUE(test, dsmil_quarantine_forbids(TOKEN(UNRECORDED_ID, 1)));
}

static void netlink_tells_them_apart(struct kunit *test)
{
	const struct nlattr *name;

	expect_netlink(test, ADDED_ID, 1, 1);
	expect_netlink(test, QUARANTINED_ID, 1, 0);
	name = client_attribute(client, (void *)client->buffer, DSMIL_A_QUARANTINE_NAME);
	KUNIT_ASSERT_NOT_NULL(test, name);
	KUNIT_EXPECT_EQ(test, nla_strcmp(name, "Data Destruction"), 0);
	expect_netlink(test, SAFE_ID, 0, 0);
	KUNIT_EXPECT_EQ(test, dump(test, 0), COMPILED_IN + 2);
}

static int quarantine_init(struct kunit *test)
{
	ctl = node_open(test, "ctl", O_RDWR);
	ring = ring_open(test, ctl);
	client = client_open(test);
	board_attach(test);
	ring_drain(test, ctl, ring);
	return 0;
}

static void quarantine_exit(struct kunit *test)
{
	board_detach();
	client_close(client);
	node_close(ring);
	node_close(ctl);
}

static struct kunit_case quarantine_cases[] = {
	KUNIT_CASE(refusals),
	KUNIT_CASE(compiled_in_already),
	KUNIT_CASE(netlink_refusals),
	KUNIT_CASE(added_is_never_written),
	KUNIT_CASE(added_once),
	KUNIT_CASE(another_firmware_changes_nothing),
	KUNIT_CASE(added_though_the_ring_is_full),
	KUNIT_CASE(netlink_tells_them_apart),
	{}
};

static struct kunit_suite quarantine_suite = {
	.name = "dsmil_quarantine",
	.init = quarantine_init,
	.exit = quarantine_exit,
	.test_cases = quarantine_cases,
};

kunit_test_suite(quarantine_suite);
