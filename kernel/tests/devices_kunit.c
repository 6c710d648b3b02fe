// SPDX-License-Identifier: GPL-2.0-only
/* The 108 devices: what sysfs shows, and how they come and go. */
#include <linux/fault-inject.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "board.h"
#include "support.h"

static void read_attribute(struct kunit *test, const char *id, const char *name, char *text,
			   size_t size)
{
	struct file *file;
	char path[96];
	loff_t offset = 0;
	ssize_t length;

	snprintf(path, sizeof(path), "/sys/bus/dsmil/devices/%s/%s", id, name);
	file = filp_open(path, O_RDONLY, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL_MSG(test, file, "%s", path);
	length = kernel_read(file, text, size - 1, &offset);
	node_close(file);
	KUNIT_ASSERT_GE_MSG(test, length, 0, "%s", path);
	text[length] = '\0';
	strim(text);
}

static void attributes(struct kunit *test)
{
	static const struct {
		const char *id, *name, *text;
	} wanted[] = {
		{ "8009", "id", "0x8009" },
		{ "8009", "number", "9" },
		{ "8009", "name", "Data Destruction" },
		{ "8009", "risk", "quarantined" },
		{ "8009", "present", "1" },
		{ "8009", "register_risk", "quarantined quarantined quarantined" },
		{ "8009", "register_reason", "quarantined quarantined quarantined" },
		{ "8005", "risk", "safe" },
		{ "8005", "register_reason", "allowed allowed allowed" },
		{ "8053", "risk", "locked" },
	};
	char text[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		read_attribute(test, wanted[i].id, wanted[i].name, text, sizeof(text));
		KUNIT_EXPECT_STREQ_MSG(test, text, wanted[i].text, "%s", wanted[i].name);
	}
	/* What the catalogue alone knows: there, and not empty. */
	read_attribute(test, "8035", "group", text, sizeof(text));
	KUNIT_EXPECT_STRNEQ(test, text, "");
	read_attribute(test, "8035", "layer", text, sizeof(text));
	KUNIT_EXPECT_STRNEQ(test, text, "0");
	read_attribute(test, "8035", "service", text, sizeof(text));
	KUNIT_EXPECT_STRNEQ(test, text, "");
	read_attribute(test, "8035", "clearance", text, sizeof(text));
	KUNIT_EXPECT_EQ(test, strlen(text), strlen("0xff020202"));
}

static void every_device_has_a_node(struct kunit *test)
{
	char name[8];
	u16 id;

	for (id = DSMIL_DEVICE_ID_BASE; id < DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT; id++) {
		snprintf(name, sizeof(name), "%04x", id);
		KUNIT_EXPECT_EQ_MSG(test, node_open_error(name, O_RDONLY), 0, "%s", name);
	}
	board_detach();
	KUNIT_EXPECT_EQ(test, node_open_error("8000", O_RDONLY), -ENOENT);
	KUNIT_EXPECT_EQ(test, node_open_error("806b", O_RDONLY), -ENOENT);
}

static void come_and_go(struct kunit *test)
{
	int i;

	for (i = 0; i < 20; i++) {
		board_detach();
		KUNIT_ASSERT_EQ(test, board_register(), 0);
	}
	KUNIT_EXPECT_EQ(test, node_open_error("8005", O_RDWR), 0);
}

/*
 * Each allocation of attaching fails once: near the beginning every one, further
 * on one in sixteen of what was passed. What fails leaves nothing behind.
 */
static void attaching_survives_every_allocation(struct kunit *test)
{
	unsigned int nth, failed = 0, left;
	int ret;

	board_detach();
	for (nth = 1;; nth += 1 + nth / 16) {
		current->fail_nth = nth;
		ret = board_register();
		left = current->fail_nth;
		current->fail_nth = 0;
		if (!ret && left)
			break;
		if (!ret) {
			board_detach();
			continue;
		}
		failed++;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_EQ(test, node_open_error("8000", O_RDONLY), -ENOENT);
	}
	kunit_info(test, "%u of the first %u allocations fail attaching", failed, nth);
	KUNIT_EXPECT_GT(test, failed, 20);
	KUNIT_EXPECT_EQ(test, node_open_error("8005", O_RDWR), 0);
}

static int devices_init(struct kunit *test)
{
	board_attach(test);
	return 0;
}

static void devices_exit(struct kunit *test)
{
	board_detach();
}

static struct kunit_case devices_cases[] = {
	KUNIT_CASE(attributes),
	KUNIT_CASE(every_device_has_a_node),
	KUNIT_CASE_SLOW(come_and_go),
	KUNIT_CASE_SLOW(attaching_survives_every_allocation),
	{}
};

static struct kunit_suite devices_suite = {
	.name = "dsmil_devices",
	.init = devices_init,
	.exit = devices_exit,
	.test_cases = devices_cases,
};

kunit_test_suite(devices_suite);
