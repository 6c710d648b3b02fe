// SPDX-License-Identifier: GPL-2.0-only
/* The metadata commands of ctl, and the rule for every struct. */
#include <linux/uaccess.h>

#include "board.h"
#include "support.h"

static struct file *ctl;

static void info_without_firmware(struct kunit *test)
{
	struct dsmil_info info = info_get(test, ctl);

	KUNIT_EXPECT_EQ(test, info.api_version, DSMIL_API_VERSION);
	KUNIT_EXPECT_EQ(test, info.firmware_kind, DSMIL_FIRMWARE_NONE);
	KUNIT_EXPECT_EQ(test, info.present_count, 0);
	KUNIT_EXPECT_STREQ(test, info.firmware_name, "");
	KUNIT_EXPECT_EQ(test, info.risk_count[DSMIL_RISK_QUARANTINED], 7);
	KUNIT_EXPECT_EQ(test, info.risk_count[DSMIL_RISK_SAFE], 6);
}

static void info_with_firmware(struct kunit *test)
{
	struct dsmil_info info;

	board_attach(test);
	info = info_get(test, ctl);
	KUNIT_EXPECT_EQ(test, info.firmware_kind, DSMIL_FIRMWARE_SIM);
	KUNIT_EXPECT_EQ(test, info.present_count, DSMIL_DEVICE_COUNT);
	KUNIT_EXPECT_STREQ(test, info.firmware_name, "kunit");
}

/* Each command of ctl that takes a struct, and the struct's first published length. */
static void structs_are_checked(struct kunit *test)
{
	static const struct {
		unsigned int command;
		u32 known;
	} commands[] = {
		{ DSMIL_IOC_INFO, sizeof(struct dsmil_info) },
		{ DSMIL_IOC_DEVICE_GET, sizeof(struct dsmil_device) },
		{ DSMIL_IOC_DEVICE_LIST, sizeof(struct dsmil_device_list) },
		{ DSMIL_IOC_EVENT_RING, sizeof(struct dsmil_event_ring) },
	};
	u32 __user *user = user_page(test);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		unsigned int command = commands[i].command;
		u32 known = commands[i].known;
		u32 size = 0;

		KUNIT_EXPECT_EQ_MSG(test, node_ioctl_at(ctl, command, NULL), -EFAULT, "%zu", i);
		KUNIT_ASSERT_EQ(test, clear_user(user, PAGE_SIZE), 0);
		KUNIT_EXPECT_EQ_MSG(test, node_ioctl_at(ctl, command, user), -EINVAL, "%zu", i);
		KUNIT_ASSERT_EQ(test, put_user((u32)PAGE_SIZE + 1, user), 0);
		KUNIT_EXPECT_EQ_MSG(test, node_ioctl_at(ctl, command, user), -E2BIG, "%zu", i);
		KUNIT_ASSERT_EQ(test, put_user(known + 8, user), 0);
		KUNIT_ASSERT_EQ(test, put_user(1, user + known / sizeof(u32)), 0);
		KUNIT_EXPECT_EQ_MSG(test, node_ioctl_at(ctl, command, user), -E2BIG, "%zu", i);
		KUNIT_ASSERT_EQ(test, get_user(size, user), 0);
		KUNIT_EXPECT_EQ_MSG(test, size, known, "%zu: size says what the kernel knows", i);
	}
	KUNIT_EXPECT_EQ(test, node_ioctl_at(ctl, _IO(DSMIL_IOC_MAGIC, 0x7f), user), -ENOTTY);
}

static void info_reserved(struct kunit *test)
{
	struct dsmil_info info = { .size = sizeof(info), .reserved = 1 };

	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_INFO, &info, sizeof(info)), -EINVAL);
}

static void device_get(struct kunit *test)
{
	struct dsmil_device device = { .size = sizeof(device), .id = QUARANTINED_ID };
	long ret;

	ret = node_ioctl(test, ctl, DSMIL_IOC_DEVICE_GET, &device, sizeof(device));
	KUNIT_EXPECT_EQ_MSG(test, ret, -ENODEV, "without firmware");
	board_attach(test);
	ret = node_ioctl(test, ctl, DSMIL_IOC_DEVICE_GET, &device, sizeof(device));
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, device.number, 9);
	KUNIT_EXPECT_EQ(test, device.risk, DSMIL_RISK_QUARANTINED);
	KUNIT_EXPECT_EQ(test, device.present, 1);
	KUNIT_EXPECT_EQ(test, device.register_reason[1], DSMIL_REASON_QUARANTINED);
	device.id = DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT;
	ret = node_ioctl(test, ctl, DSMIL_IOC_DEVICE_GET, &device, sizeof(device));
	KUNIT_EXPECT_EQ_MSG(test, ret, -ENODEV, "behind the last");
	device.id = SAFE_ID;
	device.reserved2 = 1;
	ret = node_ioctl(test, ctl, DSMIL_IOC_DEVICE_GET, &device, sizeof(device));
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);
}

static long list_at(struct kunit *test, struct dsmil_device_list *list)
{
	return node_ioctl(test, ctl, DSMIL_IOC_DEVICE_LIST, list, sizeof(*list));
}

static void device_list(struct kunit *test)
{
	struct dsmil_device_list list = {
		.size = sizeof(list), .first = 100, .count = 20,
		.stride = sizeof(struct dsmil_device) + 8,
	};
	struct dsmil_device device;
	void __user *user = user_page(test);

	list.devices = (uintptr_t)user;
	KUNIT_EXPECT_EQ_MSG(test, list_at(test, &list), -ENODEV, "without firmware");
	board_attach(test);
	KUNIT_EXPECT_EQ(test, list_at(test, &list), 0);
	KUNIT_EXPECT_EQ_MSG(test, list.count, 8, "as many as there are");
	KUNIT_EXPECT_EQ(test, list.total, DSMIL_DEVICE_COUNT);
	KUNIT_ASSERT_EQ(test, copy_from_user(&device, user + list.stride, sizeof(device)), 0);
	KUNIT_EXPECT_EQ(test, device.number, 101);
	KUNIT_EXPECT_EQ(test, device.size, list.stride);

	list.first = DSMIL_DEVICE_COUNT + 1;
	KUNIT_EXPECT_EQ(test, list_at(test, &list), 0);
	KUNIT_EXPECT_EQ_MSG(test, list.count, 0, "behind the last");
	list.first = 0;
	list.count = 1;
	list.devices = 0;
	KUNIT_EXPECT_EQ_MSG(test, list_at(test, &list), -EFAULT, "a bad array");
	list.stride = sizeof(struct dsmil_device) - 1;
	KUNIT_EXPECT_EQ_MSG(test, list_at(test, &list), -EINVAL, "a short element");
}

static void event_ring_refusals(struct kunit *test)
{
	struct dsmil_event_ring ring = { .size = sizeof(ring), .kind = 99 };
	const struct cred *cred;

	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_EVENT_RING, &ring, sizeof(ring)),
			-EOPNOTSUPP);
	ring.kind = DSMIL_RING_AUDIT;
	ring.flags = 1;
	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_EVENT_RING, &ring, sizeof(ring)),
			-EINVAL);
	ring.flags = 0;
	cred = caller_drop(test);
	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_EVENT_RING, &ring, sizeof(ring)),
			-EPERM);
	caller_restore(cred);
}

static int nodes_init(struct kunit *test)
{
	ctl = node_open(test, "ctl", O_RDWR);
	return 0;
}

static void nodes_exit(struct kunit *test)
{
	board_detach();
	node_close(ctl);
}

static struct kunit_case nodes_cases[] = {
	KUNIT_CASE(info_without_firmware),
	KUNIT_CASE(info_with_firmware),
	KUNIT_CASE(structs_are_checked),
	KUNIT_CASE(info_reserved),
	KUNIT_CASE(device_get),
	KUNIT_CASE(device_list),
	KUNIT_CASE(event_ring_refusals),
	{}
};

static struct kunit_suite nodes_suite = {
	.name = "dsmil_nodes",
	.init = nodes_init,
	.exit = nodes_exit,
	.test_cases = nodes_cases,
};

kunit_test_suite(nodes_suite);
