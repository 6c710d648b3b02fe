// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "core.h"
#include "quarantine.h"
#include "status.h"

static struct dsmil_status_page *page;

/* Whether a register's value is known; not for readers, who have time_ns and result. */
static DECLARE_BITMAP(known, DSMIL_TOKEN_COUNT);

/* A reader that finds an odd sequence spins: the writer is not to be put aside. */
static void begin(void)
{
	preempt_disable();
	WRITE_ONCE(page->sequence, page->sequence + 1);
	/* Odd before anything changes; pairs with the reader's second look at it. */
	smp_wmb();
}

static void end(void)
{
	/* Even after everything changed; pairs with the reader's acquire. */
	smp_wmb();
	WRITE_ONCE(page->sequence, page->sequence + 1);
	preempt_enable();
}

static struct dsmil_status_register *find_register(u16 token)
{
	u16 number = dsmil_token_device(token);

	return &page->devices[number].registers[(token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT];
}

static void forget_registers(void)
{
	u16 number;

	for (number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		struct dsmil_status_device *device = &page->devices[number];

		memset(device->registers, 0, sizeof(device->registers));
		device->changes = 0;
	}
	bitmap_zero(known, DSMIL_TOKEN_COUNT);
}

static void fill_devices(void)
{
	u16 number;

	for (number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		page->devices[number].present = dsmil_device_present(number);
		page->devices[number].risk = dsmil_quarantine_risk(number);
	}
}

void dsmil_status_attach(u8 firmware_kind)
{
	begin();
	page->firmware_kind = firmware_kind;
	page->flags = 0;
	page->sweeps = 0;
	page->sweep_ns = 0;
	forget_registers();
	fill_devices();
	end();
}

void dsmil_status_detach(void)
{
	begin();
	page->flags = DSMIL_STATUS_STALE;
	end();
}

void dsmil_status_refresh(void)
{
	begin();
	fill_devices();
	end();
}

bool dsmil_status_value(u16 token, u32 *value)
{
	*value = find_register(token)->value;
	return test_bit(token - DSMIL_TOKEN_BASE, known);
}

bool dsmil_status_register(u16 token, struct dsmil_status_register *state)
{
	*state = *find_register(token);
	return test_bit(token - DSMIL_TOKEN_BASE, known);
}

void dsmil_status_note(const struct dsmil_register_operation *operation)
{
	struct dsmil_status_register *cell = find_register(operation->token);
	bool is_read = operation->operation == DSMIL_OPERATION_READ;
	bool was_known = test_bit(operation->token - DSMIL_TOKEN_BASE, known);

	begin();
	cell->time_ns = operation->time_ns;
	cell->result = operation->result;
	if (!operation->result) {
		if (is_read && was_known && cell->value != operation->value)
			page->devices[dsmil_token_device(operation->token)].changes++;
		cell->value = operation->value;
	}
	end();
	if (!operation->result)
		__set_bit(operation->token - DSMIL_TOKEN_BASE, known);
}

void dsmil_status_swept(void)
{
	begin();
	page->sweeps++;
	page->sweep_ns = ktime_get_boottime_ns();
	end();
}

int dsmil_status_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_WRITE | VM_EXEC))
		return -EPERM;
	vm_flags_clear(vma, VM_MAYWRITE | VM_MAYEXEC);
	/* -EINVAL beyond the end. */
	return remap_vmalloc_range(vma, page, vma->vm_pgoff);
}

int dsmil_status_init(void)
{
	u16 number;

	page = vmalloc_user(sizeof(*page));
	if (!page)
		return -ENOMEM;
	page->version = DSMIL_STATUS_VERSION;
	page->bytes = sizeof(*page);
	page->device_bytes = sizeof(page->devices[0]);
	memcpy(page->load_id, dsmil_load_id(), sizeof(page->load_id));
	for (number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		page->devices[number].id = DSMIL_DEVICE_ID_BASE + number;
		page->devices[number].risk = dsmil_catalog[number].risk;
	}
	return 0;
}

void dsmil_status_exit(void)
{
	vfree(page);
}
