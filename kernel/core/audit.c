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
#include "observe.h"

DECLARE_WAIT_QUEUE_HEAD(dsmil_audit_wait);

static struct dsmil_event *slots;

/* The lock holds for all below; head - tail + reserved never exceeds the capacity. */
static DEFINE_SPINLOCK(lock);
static u64 head = 1;
static u64 tail = 1;
static u32 reserved; /* slots promised to writes and batches under way */
static u64 gap_count;
static u64 gap_first_ns;
static u64 gap_total;

static u64 used(void)
{
	return head - tail + reserved;
}

static void append(struct dsmil_event *events, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		events[i].sequence = head;
		slots[head % DSMIL_AUDIT_CAPACITY] = events[i];
		head++;
	}
	dsmil_observe_put(events, count);
}

/* Observers have rings of their own: they still get what this one only counts. */
static void count_gap(const struct dsmil_event *events, u32 count, u32 counted)
{
	if (!gap_count)
		gap_first_ns = events->boottime_ns;
	WRITE_ONCE(gap_count, gap_count + counted);
	gap_total += counted;
	dsmil_observe_put(events, count);
}

/* CLOCK_REALTIME at a moment of CLOCK_BOOTTIME, without reading a clock. */
static u64 realtime_at(u64 boottime_ns)
{
	return boottime_ns + ktime_to_ns(ktime_sub(ktime_mono_to_any(0, TK_OFFS_REAL),
						   ktime_mono_to_any(0, TK_OFFS_BOOT)));
}

/* Nobody's doing in particular: a gap record names no caller. */
static void prepare_gap(struct dsmil_event *gap)
{
	gap->size = sizeof(*gap);
	gap->type = DSMIL_EVENT_GAP;
	gap->device_id = DSMIL_NO_DEVICE;
	gap->boottime_ns = ktime_get_boottime_ns();
	gap->realtime_ns = realtime_at(gap->boottime_ns);
	memcpy(gap->load_id, dsmil_load_id(), sizeof(gap->load_id));
	gap->count = gap_count;
	gap->first_ns = gap_first_ns;
}

/* Outside the lock; the callers' locks keep it in the order of the sequences. */
static void publish(const struct dsmil_event *events, u32 count)
{
	u32 i;

	if (wq_has_sleeper(&dsmil_audit_wait))
		wake_up_interruptible(&dsmil_audit_wait);
	for (i = 0; i < count; i++)
		dsmil_netlink_publish(&events[i]);
}

/* Gives the pending gap its slot, if there is one free. */
static void record_gap(void)
{
	struct dsmil_event gap = {};
	bool kept;

	spin_lock(&lock);
	kept = gap_count && used() < DSMIL_AUDIT_ORDINARY_LIMIT;
	if (kept) {
		prepare_gap(&gap);
		append(&gap, 1);
		WRITE_ONCE(gap_count, 0);
	}
	spin_unlock(&lock);
	if (!kept)
		return;
	dsmil_observe_wake();
	publish(&gap, 1);
}

void dsmil_audit_prepare_at(struct dsmil_event *event, u16 type, u64 boottime_ns)
{
	event->size = sizeof(*event);
	event->type = type;
	event->device_id = DSMIL_NO_DEVICE;
	event->boottime_ns = boottime_ns;
	event->realtime_ns = realtime_at(boottime_ns);
	memcpy(event->load_id, dsmil_load_id(), sizeof(event->load_id));
	event->uid = from_kuid(&init_user_ns, current_euid());
	event->pid = task_tgid_nr(current);
	/* As tracepoints do: one's own name needs no lock; its last byte is always zero. */
	memcpy(event->comm, current->comm, sizeof(event->comm));
#ifdef CONFIG_CGROUPS
	rcu_read_lock();
	event->cgroup_id = cgroup_id(task_dfl_cgroup(current));
	rcu_read_unlock();
#endif
}

void dsmil_audit_prepare(struct dsmil_event *event, u16 type)
{
	dsmil_audit_prepare_at(event, type, ktime_get_boottime_ns());
}

u64 dsmil_audit_record(struct dsmil_event *events, u32 count, u32 counted)
{
	bool kept;

	if (READ_ONCE(gap_count))
		record_gap();
	spin_lock(&lock);
	kept = used() + count <= DSMIL_AUDIT_ORDINARY_LIMIT;
	if (kept)
		append(events, count);
	else
		count_gap(events, count, counted);
	spin_unlock(&lock);

	dsmil_observe_wake();
	if (kept)
		publish(events, count);
	return events->sequence;
}

int dsmil_audit_reserve(u32 count)
{
	int ret = 0;

	spin_lock(&lock);
	if (used() + count <= DSMIL_AUDIT_WRITE_LIMIT)
		reserved += count;
	else
		ret = -EAGAIN;
	spin_unlock(&lock);
	return ret;
}

u64 dsmil_audit_commit(struct dsmil_event *events, u32 count)
{
	spin_lock(&lock);
	reserved -= count;
	append(events, count);
	spin_unlock(&lock);
	dsmil_observe_wake();
	publish(events, count);
	return events->sequence;
}

void dsmil_audit_release(u32 count)
{
	spin_lock(&lock);
	reserved -= count;
	spin_unlock(&lock);
}

void dsmil_audit_state(u16 type, u8 firmware_kind, u32 value)
{
	struct dsmil_event event = {};
	bool kept;

	dsmil_audit_prepare(&event, type);
	event.firmware_kind = firmware_kind;
	event.value = value;
	spin_lock(&lock);
	kept = used() < DSMIL_AUDIT_CAPACITY;
	if (kept)
		append(&event, 1);
	else
		count_gap(&event, 1, 1);
	spin_unlock(&lock);
	dsmil_observe_wake();
	if (kept)
		publish(&event, 1);
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

const struct dsmil_event *dsmil_audit_slot(u64 sequence, size_t *run)
{
	*run = DSMIL_AUDIT_CAPACITY - sequence % DSMIL_AUDIT_CAPACITY;
	return &slots[sequence % DSMIL_AUDIT_CAPACITY];
}

void dsmil_audit_acknowledge(u64 up_to)
{
	spin_lock(&lock);
	tail = up_to;
	spin_unlock(&lock);
	record_gap();
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
