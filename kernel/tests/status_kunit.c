// SPDX-License-Identifier: GPL-2.0-only
/* The status page: who may map it how, and that it says what happened. */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>

#include "board.h"
#include "support.h"

#define PAGES DIV_ROUND_UP(sizeof(struct dsmil_status_page), PAGE_SIZE)

static struct file *ctl;
static struct dsmil_status_page *page; /* as it was when last looked at */

static unsigned long map(struct kunit *test, size_t pages, unsigned long protection, u32 first)
{
	return user_map(test, ctl, pages * PAGE_SIZE, protection, MAP_SHARED, first);
}

static void look(struct kunit *test)
{
	unsigned long address = map(test, PAGES, PROT_READ, 0);

	KUNIT_ASSERT_LT_MSG(test, address, TASK_SIZE, "%ld", (long)address);
	KUNIT_ASSERT_EQ(test, copy_from_user(page, (void __user *)address, sizeof(*page)), 0);
	vm_munmap(address, PAGES * PAGE_SIZE);
	KUNIT_EXPECT_EQ_MSG(test, page->sequence % 2, 0, "nobody writes");
}

static struct dsmil_status_device *device_of(u16 id)
{
	return &page->devices[id - DSMIL_DEVICE_ID_BASE];
}

static long read_status(struct kunit *test)
{
	struct dsmil_reg_read request = { .size = sizeof(request) };
	struct file *file = node_open(test, "8005", O_RDONLY);
	long ret = node_ioctl(test, file, DSMIL_IOC_REG_READ, &request, sizeof(request));

	node_close(file);
	return ret;
}

static long write_status(struct kunit *test, const char *name, u32 value)
{
	struct dsmil_reg_write request = { .size = sizeof(request), .value = value };
	struct file *file = node_open(test, name, O_RDWR);
	long ret = node_ioctl(test, file, DSMIL_IOC_REG_WRITE, &request, sizeof(request));

	node_close(file);
	return ret;
}

static void nobody_maps_it_writable(struct kunit *test)
{
	unsigned long address;

	KUNIT_EXPECT_EQ(test, (long)map(test, PAGES, PROT_READ | PROT_WRITE, 0), -EPERM);
	KUNIT_EXPECT_EQ(test, (long)map(test, PAGES, PROT_READ | PROT_EXEC, 0), -EPERM);
	KUNIT_EXPECT_EQ_MSG(test, (long)map(test, PAGES + 1, PROT_READ, 0), -EINVAL, "too long");
	KUNIT_EXPECT_EQ_MSG(test, (long)map(test, 1, PROT_READ, PAGES), -EINVAL, "behind the end");
	address = map(test, PAGES, PROT_READ, 0);
	KUNIT_ASSERT_LT(test, address, TASK_SIZE);
	KUNIT_EXPECT_TRUE(test, user_may_become(address, VM_MAYREAD));
	KUNIT_EXPECT_FALSE_MSG(test, user_may_become(address, VM_MAYWRITE | VM_MAYEXEC),
			       "later either");
	vm_munmap(address, PAGES * PAGE_SIZE);
}

static void the_head_says_what_it_is(struct kunit *test)
{
	struct dsmil_info info = info_get(test, ctl);

	look(test);
	KUNIT_EXPECT_EQ(test, page->version, DSMIL_STATUS_VERSION);
	KUNIT_EXPECT_EQ(test, page->bytes, sizeof(*page));
	KUNIT_EXPECT_EQ(test, page->device_bytes, sizeof(page->devices[0]));
	KUNIT_EXPECT_MEMEQ(test, page->load_id, info.load_id, sizeof(page->load_id));
	KUNIT_EXPECT_EQ(test, page->firmware_kind, DSMIL_FIRMWARE_SIM);
	KUNIT_EXPECT_EQ(test, page->flags, 0);
	KUNIT_EXPECT_EQ(test, device_of(QUARANTINED_ID)->id, QUARANTINED_ID);
	KUNIT_EXPECT_EQ(test, device_of(QUARANTINED_ID)->risk, DSMIL_RISK_QUARANTINED);
	KUNIT_EXPECT_EQ(test, device_of(SAFE_ID)->present, 1);
	KUNIT_EXPECT_EQ_MSG(test, device_of(SAFE_ID)->registers[0].time_ns, 0, "nobody asked");
}

/* A failure is seen by its result; the last good value stays. */
static void accesses_are_noted(struct kunit *test)
{
	struct dsmil_status_register *cell = &device_of(SAFE_ID)->registers[0];
	u64 first_ns;
	u32 sequence;

	look(test);
	sequence = page->sequence;
	KUNIT_EXPECT_EQ(test, read_status(test), 0);
	look(test);
	KUNIT_EXPECT_EQ(test, page->sequence, sequence + 2);
	KUNIT_EXPECT_EQ(test, cell->value, 0x1000 + TOKEN(SAFE_ID, 0));
	KUNIT_EXPECT_EQ(test, cell->result, 0);
	first_ns = cell->time_ns;
	KUNIT_EXPECT_NE(test, first_ns, 0);

	board.read_error = -EIO;
	board.values[TOKEN(SAFE_ID, 0) - DSMIL_TOKEN_BASE] = 5;
	KUNIT_EXPECT_EQ(test, read_status(test), -EIO);
	look(test);
	KUNIT_EXPECT_EQ(test, cell->value, 0x1000 + TOKEN(SAFE_ID, 0));
	KUNIT_EXPECT_EQ(test, cell->result, -EIO);
	KUNIT_EXPECT_GT(test, cell->time_ns, first_ns);
	KUNIT_EXPECT_EQ(test, device_of(SAFE_ID)->changes, 0);
}

static void refusals_are_not_noted(struct kunit *test)
{
	u32 sequence;

	look(test);
	sequence = page->sequence;
	KUNIT_EXPECT_EQ(test, write_status(test, "8009", 7), -EPERM);
	look(test);
	KUNIT_EXPECT_EQ(test, page->sequence, sequence);
	KUNIT_EXPECT_EQ(test, device_of(QUARANTINED_ID)->registers[0].time_ns, 0);
}

/* Only a read that finds another value than the last one: what is written is no surprise. */
static void changes_are_counted(struct kunit *test)
{
	struct dsmil_status_device *device = device_of(SAFE_ID);

	KUNIT_EXPECT_EQ(test, read_status(test), 0);
	KUNIT_EXPECT_EQ(test, write_status(test, "8005", 7), 0);
	KUNIT_EXPECT_EQ(test, read_status(test), 0);
	look(test);
	KUNIT_EXPECT_EQ(test, device->registers[0].value, 7);
	KUNIT_EXPECT_EQ(test, device->changes, 0);
	board.values[TOKEN(SAFE_ID, 0) - DSMIL_TOKEN_BASE] = 8;
	KUNIT_EXPECT_EQ(test, read_status(test), 0);
	look(test);
	KUNIT_EXPECT_EQ(test, device->registers[0].value, 8);
	KUNIT_EXPECT_EQ(test, device->changes, 1);
}

/* What the last firmware said stays to be read, marked, and is no other's. */
static void firmware_goes_and_comes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, read_status(test), 0);
	board_detach();
	look(test);
	KUNIT_EXPECT_EQ(test, page->flags, DSMIL_STATUS_STALE);
	KUNIT_EXPECT_EQ(test, device_of(SAFE_ID)->registers[0].value, 0x1000 + TOKEN(SAFE_ID, 0));

	board.map[TOKEN(SAFE_ID, 2) - DSMIL_TOKEN_BASE].token = 0x1234;
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	look(test);
	KUNIT_EXPECT_EQ(test, page->flags, 0);
	KUNIT_EXPECT_EQ(test, device_of(SAFE_ID)->registers[0].time_ns, 0);
	KUNIT_EXPECT_EQ(test, device_of(SAFE_ID)->registers[0].value, 0);
	KUNIT_EXPECT_EQ_MSG(test, device_of(SAFE_ID)->present, 0, "it lacks a register");
}

static int status_init(struct kunit *test)
{
	page = kunit_kzalloc(test, sizeof(*page), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, page);
	ctl = node_open(test, "ctl", O_RDWR);
	board_attach(test);
	return 0;
}

static void status_exit(struct kunit *test)
{
	board_detach();
	node_close(ctl);
}

static struct kunit_case status_cases[] = {
	KUNIT_CASE(nobody_maps_it_writable),
	KUNIT_CASE(the_head_says_what_it_is),
	KUNIT_CASE(accesses_are_noted),
	KUNIT_CASE(refusals_are_not_noted),
	KUNIT_CASE(changes_are_counted),
	KUNIT_CASE(firmware_goes_and_comes),
	{}
};

static struct kunit_suite status_suite = {
	.name = "dsmil_status",
	.init = status_init,
	.exit = status_exit,
	.test_cases = status_cases,
};

kunit_test_suite(status_suite);
