// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "audit.h"
#include "core.h"
#include "netlink.h"

DECLARE_WAIT_QUEUE_HEAD(dsmil_audit_wait);

static struct dsmil_event *slots;

/* The lock holds for all below; head - tail + reserved never exceeds the capacity. */
static DEFINE_SPINLOCK(lock);
static u64 head = 1;
static u64 tail = 1;
static u32 reserved; /* slots promised to writes under way */
static u64 gap_count;
static u64 gap_first_ns;
static u64 gap_total;

static u64 used(void)
{
	return head - tail + reserved;
}

static void append(struct dsmil_event *event)
{
	event->sequence = head;
	slots[head % DSMIL_AUDIT_CAPACITY] = *event;
	head++;
}

static void count_gap(const struct dsmil_event *event)
{
	if (!gap_count)
		gap_first_ns = event->boottime_ns;
	gap_count++;
	gap_total++;
}

/* Nobody's doing in particular: a gap record names no caller. */
static void prepare_gap(struct dsmil_event *gap)
{
	memset(gap, 0, sizeof(*gap));
	gap->size = sizeof(*gap);
	gap->type = DSMIL_EVENT_GAP;
	gap->device_id = DSMIL_NO_DEVICE;
	gap->boottime_ns = ktime_get_boottime_ns();
	gap->realtime_ns = ktime_get_real_ns();
	memcpy(gap->load_id, dsmil_load_id(), sizeof(gap->load_id));
	gap->count = gap_count;
	gap->first_ns = gap_first_ns;
}

/* Gives the pending gap its slot, if there is one; says whether it did. */
static bool append_gap(struct dsmil_event *gap)
{
	if (!gap_count || used() >= DSMIL_AUDIT_ORDINARY_LIMIT)
		return false;
	prepare_gap(gap);
	append(gap);
	gap_count = 0;
	return true;
}

/* Outside the lock; the callers' locks keep it in the order of the sequences. */
static void publish(const struct dsmil_event *event)
{
	wake_up_interruptible(&dsmil_audit_wait);
	dsmil_netlink_publish(event);
}

void dsmil_audit_prepare(struct dsmil_event *event, u16 type)
{
	memset(event, 0, sizeof(*event));
	event->size = sizeof(*event);
	event->type = type;
	event->device_id = DSMIL_NO_DEVICE;
	event->boottime_ns = ktime_get_boottime_ns();
	event->realtime_ns = ktime_get_real_ns();
	memcpy(event->load_id, dsmil_load_id(), sizeof(event->load_id));
	event->uid = from_kuid(&init_user_ns, current_euid());
	event->pid = task_tgid_nr(current);
	get_task_comm(event->comm, current);
#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	event->cgroup_id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
#endif
}

u64 dsmil_audit_record(struct dsmil_event *event)
{
	struct dsmil_event gap;
	bool has_gap, kept;

	spin_lock(&lock);
	has_gap = append_gap(&gap);
	kept = used() < DSMIL_AUDIT_ORDINARY_LIMIT;
	if (kept)
		append(event);
	else
		count_gap(event);
	spin_unlock(&lock);

	if (has_gap)
		publish(&gap);
	if (kept)
		publish(event);
	return event->sequence;
}

int dsmil_audit_reserve(void)
{
	int ret = 0;

	spin_lock(&lock);
	if (used() < DSMIL_AUDIT_WRITE_LIMIT)
		reserved++;
	else
		ret = -EAGAIN;
	spin_unlock(&lock);
	return ret;
}

u64 dsmil_audit_commit(struct dsmil_event *event)
{
	spin_lock(&lock);
	reserved--;
	append(event);
	spin_unlock(&lock);
	publish(event);
	return event->sequence;
}

void dsmil_audit_release(void)
{
	spin_lock(&lock);
	reserved--;
	spin_unlock(&lock);
}

void dsmil_audit_state(u16 type, u8 firmware_kind, u32 value)
{
	struct dsmil_event event;
	bool kept;

	dsmil_audit_prepare(&event, type);
	event.firmware_kind = firmware_kind;
	event.value = value;
	spin_lock(&lock);
	kept = used() < DSMIL_AUDIT_CAPACITY;
	if (kept)
		append(&event);
	else
		count_gap(&event);
	spin_unlock(&lock);
	if (kept)
		publish(&event);
}

struct dsmil_audit_state dsmil_audit_get_state(void)
{
	struct dsmil_audit_state state;

	spin_lock(&lock);
	state.head = head;
	state.tail = tail;
	state.gaps = gap_total;
	spin_unlock(&lock);
	return state;
}

const struct dsmil_event *dsmil_audit_slot(u64 sequence)
{
	return &slots[sequence % DSMIL_AUDIT_CAPACITY];
}

void dsmil_audit_acknowledge(u64 up_to)
{
	struct dsmil_event gap;
	bool has_gap;

	spin_lock(&lock);
	tail = up_to;
	has_gap = append_gap(&gap);
	spin_unlock(&lock);
	if (has_gap)
		publish(&gap);
}

int dsmil_audit_init(void)
{
	BUILD_BUG_ON_NOT_POWER_OF_2(DSMIL_AUDIT_CAPACITY);
	slots = vcalloc(DSMIL_AUDIT_CAPACITY, sizeof(*slots));
	return slots ? 0 : -ENOMEM;
}

void dsmil_audit_exit(void)
{
	vfree(slots);
}
