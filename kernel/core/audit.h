/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The audit ring: one from module load to unload, of DSMIL_AUDIT_CAPACITY
 * records, each kept until a reader acknowledged it.
 *
 * Sequences start at 1 and have no holes. Reads and refusals may use 7/8 of the
 * ring, so that they cannot starve writes; the last slots are for attaching and
 * detaching alone. What does not fit is counted in one pending gap record, which
 * gets its slot and sequence when one frees.
 */
#ifndef DSMIL_AUDIT_H
#define DSMIL_AUDIT_H

#include <linux/dsmil.h>
#include <linux/types.h>

#define DSMIL_AUDIT_CAPACITY 1024 /* a power of two */
#define DSMIL_AUDIT_STATE_SLOTS 16
#define DSMIL_AUDIT_WRITE_LIMIT (DSMIL_AUDIT_CAPACITY - DSMIL_AUDIT_STATE_SLOTS)
#define DSMIL_AUDIT_ORDINARY_LIMIT (DSMIL_AUDIT_CAPACITY / 8 * 7)

int dsmil_audit_init(void);
void dsmil_audit_exit(void);

/* Fills in everything about the moment (CLOCK_BOOTTIME) and the caller; the rest is zero. */
void dsmil_audit_prepare_at(struct dsmil_event *event, u16 type, u64 boottime_ns);
void dsmil_audit_prepare(struct dsmil_event *event, u16 type); /* now */

/*
 * Of several events, all are kept, one after the other, or none is; the sequence is
 * that of the first.
 *
 * Reads and refusals: the sequence, or 0 if there is no room. Then the gap counts
 * them as `counted` records.
 */
u64 dsmil_audit_record(struct dsmil_event *events, u32 count, u32 counted);

/*
 * The same of one event that is filled in where it will lie. Under the firmware lock,
 * which everybody but a gap's record takes: so what begin() gave stays as it is until the
 * caller lets it go. Nobody records anything between begin() and end().
 */
struct dsmil_event *dsmil_audit_begin(u16 type, u64 boottime_ns);
u64 dsmil_audit_end(struct dsmil_event *event);

/*
 * Writes: the slots first, and then either of the other two for all of them. -EAGAIN if
 * there is no room, which is counted.
 */
int dsmil_audit_reserve(u32 count);
u64 dsmil_audit_commit(struct dsmil_event *events, u32 count);
void dsmil_audit_release(u32 count);

/*
 * What must be done whether it can be recorded or not: in a write's slot, in one of the
 * ordinary, or counted in a gap.
 */
void dsmil_audit_insist(struct dsmil_event *event);

/* Firmware attached or detached. */
void dsmil_audit_state(u16 type, u8 firmware_kind, u32 value);

/* For INFO. */
struct dsmil_audit_state {
	u64 head; /* sequence of the next record */
	u64 tail; /* sequence up to which was acknowledged */
	u64 gaps; /* events that are only counted */
	u64 refused; /* reservations that found no room */
};

struct dsmil_audit_state dsmil_audit_get_state(void);
u64 dsmil_audit_head(void); /* the same without a lock */

/* -------------------------------------------------- for audit_reader.c -- */

/* Woken for each record. */
extern struct wait_queue_head dsmil_audit_wait;

/*
 * A record that the reader has not acknowledged stays where it is. run: how many slots
 * lie behind each other from there, whether they hold a record or not.
 */
const struct dsmil_event *dsmil_audit_slot(u64 sequence, size_t *run);
/* Frees every record below up_to, which the reader checked. */
void dsmil_audit_acknowledge(u64 up_to);

/* ------------------------------------------------------ audit_reader.c -- */

/*
 * Opens the ring: a new file, not yet in the descriptor table. -EBUSY while
 * another reader has it, -EPERM without CAP_SYS_ADMIN.
 */
struct file *dsmil_audit_open(void);
bool dsmil_audit_has_reader(void);

#endif /* DSMIL_AUDIT_H */
