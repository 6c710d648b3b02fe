// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "audit.h"
#include "core.h"
#include "netlink.h"
#include "observe.h"

DECLARE_WAIT_QUEUE_HEAD(dsmil_audit_wait);

/* Records that the observers get between two chances for other tasks. */
#define OBSERVED_AT_ONCE 64

static struct dsmil_event *slots;

/*
 * The lock holds for all below, and keeps the observers' rings in the order of this one;
 * head - tail + reserved never exceeds the capacity. It may be held for long: a batch has
 * hundreds of records, and there may be DSMIL_OBSERVERS_MAX rings to copy each to.
 */
static DEFINE_MUTEX(lock);
static struct dsmil_event spare; /* what has no slot is built here: observers get it */
static u64 head = 1; /* of readers too: the records below it are whole */
static u64 tail = 1;
static u32 reserved; /* slots promised to writes and batches under way */
static u64 gap_count;
static u64 gap_first_ns;
static u64 gap_total;
static u64 refused_total;

static u64 used(void)
{
	return head - tail + reserved;
}

static struct dsmil_event *slot_of(u64 sequence)
{
	return &slots[sequence % DSMIL_AUDIT_CAPACITY];
}

static void advance_head(u32 count)
{
	/* Pairs with dsmil_audit_head(): the records before the number that says so. */
	smp_store_release(&head, head + count);
}

static void observe(const struct dsmil_event *events, u32 count)
{
	while (count > OBSERVED_AT_ONCE) {
		dsmil_observe_put(events, OBSERVED_AT_ONCE);
		events += OBSERVED_AT_ONCE;
		count -= OBSERVED_AT_ONCE;
		cond_resched();
	}
	dsmil_observe_put(events, count);
}

static void append(struct dsmil_event *events, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		events[i].sequence = head + i;
		*slot_of(head + i) = events[i];
	}
	advance_head(count);
	observe(events, count);
}

/* Observers have rings of their own: they still get what this one only counts. */
static void count_gap(const struct dsmil_event *events, u32 count, u32 counted)
{
	if (!gap_count)
		gap_first_ns = events->boottime_ns;
	WRITE_ONCE(gap_count, gap_count + counted);
	gap_total += counted;
	observe(events, count);
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

	mutex_lock(&lock);
	kept = gap_count && used() < DSMIL_AUDIT_ORDINARY_LIMIT;
	if (kept) {
		prepare_gap(&gap);
		append(&gap, 1);
		WRITE_ONCE(gap_count, 0);
	}
	mutex_unlock(&lock);
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
	/* In the initial user namespace, a user's number is the kernel's own. */
	event->uid = __kuid_val(current_euid());
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

struct dsmil_event *dsmil_audit_begin(u16 type, u64 boottime_ns)
{
	struct dsmil_event *event;

	if (READ_ONCE(gap_count))
		record_gap();
	mutex_lock(&lock);
	event = used() < DSMIL_AUDIT_ORDINARY_LIMIT ? slot_of(head) : &spare;
	/* All of it: what is forgotten here would be another record's. */
	memset(event, 0, sizeof(*event));
	dsmil_audit_prepare_at(event, type, boottime_ns);
	return event;
}

u64 dsmil_audit_end(struct dsmil_event *event)
{
	bool kept = event != &spare;

	if (kept) {
		event->sequence = head;
		advance_head(1);
		dsmil_observe_put(event, 1);
	} else {
		count_gap(event, 1, 1);
	}
	mutex_unlock(&lock);
	dsmil_observe_wake();
	if (kept)
		publish(event, 1);
	return event->sequence;
}

u64 dsmil_audit_record(struct dsmil_event *events, u32 count, u32 counted)
{
	bool kept;

	if (READ_ONCE(gap_count))
		record_gap();
	mutex_lock(&lock);
	kept = used() + count <= DSMIL_AUDIT_ORDINARY_LIMIT;
	if (kept)
		append(events, count);
	else
		count_gap(events, count, counted);
	mutex_unlock(&lock);

	dsmil_observe_wake();
	if (kept)
		publish(events, count);
	return events->sequence;
}

static void report_full(void)
{
	static DEFINE_RATELIMIT_STATE(limit, 60 * HZ, 1);

	if (__ratelimit(&limit))
		pr_warn("the audit ring is full: writes are refused until its reader acknowledges records\n");
}

int dsmil_audit_reserve(u32 count)
{
	int ret = 0;

	mutex_lock(&lock);
	if (used() + count <= DSMIL_AUDIT_WRITE_LIMIT) {
		reserved += count;
	} else {
		refused_total++;
		ret = -EAGAIN;
	}
	mutex_unlock(&lock);
	if (ret)
		report_full();
	return ret;
}

u64 dsmil_audit_commit(struct dsmil_event *events, u32 count)
{
	mutex_lock(&lock);
	reserved -= count;
	append(events, count);
	mutex_unlock(&lock);
	dsmil_observe_wake();
	publish(events, count);
	return events->sequence;
}

void dsmil_audit_release(u32 count)
{
	mutex_lock(&lock);
	reserved -= count;
	mutex_unlock(&lock);
}

/* One record, up to a limit of its own; what has no room is counted. */
static void record_below(u64 limit, struct dsmil_event *event)
{
	bool kept;

	mutex_lock(&lock);
	kept = used() < limit;
	if (kept)
		append(event, 1);
	else
		count_gap(event, 1, 1);
	mutex_unlock(&lock);
	dsmil_observe_wake();
	if (kept)
		publish(event, 1);
}

void dsmil_audit_insist(struct dsmil_event *event)
{
	record_below(DSMIL_AUDIT_WRITE_LIMIT, event);
}

void dsmil_audit_state(u16 type, u8 firmware_kind, u32 value)
{
	struct dsmil_event event = {};

	dsmil_audit_prepare(&event, type);
	event.firmware_kind = firmware_kind;
	event.value = value;
	record_below(DSMIL_AUDIT_CAPACITY, &event);
}

u64 dsmil_audit_head(void)
{
	/* Pairs with advance_head(). */
	return smp_load_acquire(&head);
}

struct dsmil_audit_state dsmil_audit_get_state(void)
{
	struct dsmil_audit_state state;

	mutex_lock(&lock);
	state.head = head;
	state.tail = tail;
	state.gaps = gap_total;
	state.refused = refused_total;
	mutex_unlock(&lock);
	return state;
}

const struct dsmil_event *dsmil_audit_slot(u64 sequence, size_t *run)
{
	*run = DSMIL_AUDIT_CAPACITY - sequence % DSMIL_AUDIT_CAPACITY;
	return slot_of(sequence);
}

void dsmil_audit_acknowledge(u64 up_to)
{
	mutex_lock(&lock);
	tail = up_to;
	mutex_unlock(&lock);
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
