/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the core share. */
#ifndef DSMIL_CORE_H
#define DSMIL_CORE_H

#include <linux/fs.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#include "dsmil_firmware.h"

struct dsmil_grant;

/* ------------------------------------------------------------ catalog.c -- */

/* A device as the catalogue has it: true of every board. */
struct dsmil_catalog_entry {
	u8 risk; /* enum dsmil_risk */
	u8 group;
	u8 layer; /* 0: no service device */
	u32 clearance;
	const char *name;
	const char *group_name;
	const char *layer_name;
	const char *service_name;
};

extern const struct dsmil_catalog_entry dsmil_catalog[DSMIL_DEVICE_COUNT];
extern const char *const dsmil_risk_names[DSMIL_RISK_QUARANTINED + 1];
extern const char *const dsmil_reason_names[DSMIL_REASON_GRANT_UNCHECKED + 1];
extern const char *const dsmil_register_names[DSMIL_REGISTER_COUNT];

/* ----------------------------------------------------------- firmware.c -- */

/*
 * The attached firmware. Its lock is the firmware lock: it serialises every
 * firmware call, and audit records of calls are made under it, so that their
 * order is the order of the calls.
 *
 * An epoch counts the firmware that came and went: a file opened in one epoch is
 * dead in the next. A revision also counts changes of the board.
 */
const struct dsmil_firmware_ops *dsmil_firmware_lock(void); /* NULL: none attached */
/* For callers that may be waited for: an ERR_PTR, without the lock, when they are killed. */
const struct dsmil_firmware_ops *dsmil_firmware_lock_killable(void);
void dsmil_firmware_unlock(void);
u32 dsmil_firmware_epoch(void);    /* 0 while none is attached; no lock needed */
u32 dsmil_firmware_revision(void); /* under the lock; never 0 */

/* Under the lock. */
bool dsmil_register_present(u16 token);
bool dsmil_device_present(u16 number);
u32 dsmil_present_count(void);

/* ---------------------------------------------------------- registers.c -- */

struct dsmil_statistics {
	u64 reads;
	u64 writes;
	u64 refused;
	u64 firmware_errors;
};

/*
 * A clock for many operations in a row: read anew when the tick has moved, for reading
 * it costs as much as the rest of a fast firmware's read. It never goes back.
 */
struct dsmil_tick_clock {
	unsigned long tick;
	u64 ns; /* CLOCK_BOOTTIME; 0: not read yet */
};

u64 dsmil_tick_clock_ns(struct dsmil_tick_clock *clock);

/* One operation on a register, and what came of it. */
struct dsmil_register_operation {
	u16 token;
	u8 operation; /* enum dsmil_operation */
	u32 value;    /* WRITE: in; READ: out, 0 if it failed */
	const struct dsmil_grant *grant; /* WRITE: in, or NULL */
	struct dsmil_tick_clock *clock;	 /* in: for time_ns, or NULL: to the nanosecond */

	bool decided; /* the guard was asked: what follows holds */
	struct dsmil_guard_decision decision;
	int result;   /* 0, -EPERM: the guard refused, or the firmware's */
	u64 time_ns;  /* CLOCK_BOOTTIME of the answer */
	u64 sequence; /* of the audit record; 0 if it is only counted in a gap */
};

/*
 * Both take token and value, give the result, and -ENODEV if the epoch is over or
 * the board lacks the register. A write gives -EAGAIN if the audit ring is full:
 * nothing was done.
 */
int dsmil_register_read(u32 epoch, struct dsmil_register_operation *operation);
int dsmil_register_write(u32 epoch, struct dsmil_register_operation *operation);

/*
 * Under the firmware lock, for a register that the board has: asks the guard and,
 * if it allows it, the firmware. Records nothing: the caller makes the event.
 */
void dsmil_register_perform(const struct dsmil_firmware_ops *ops,
			    struct dsmil_register_operation *operation);

/*
 * Under the firmware lock, of an operation that was performed without a record of its
 * own: its tracepoint and, if it was refused, its line in dmesg.
 */
void dsmil_register_note(const struct dsmil_firmware_ops *ops,
			 const struct dsmil_register_operation *operation);

/* Under the firmware lock, when the board or the quarantine changed. */
void dsmil_registers_rebuild(const struct dsmil_firmware_ops *ops);

/* Under the firmware lock: what a privileged caller's write would meet. */
struct dsmil_guard_decision dsmil_register_outlook(const struct dsmil_firmware_ops *ops, u16 token);
struct dsmil_statistics dsmil_register_statistics(void);

/* --------------------------------------------------------------- info.c -- */

/* Both wait for the firmware's lock, and fail with -EINTR if the caller is killed. */
int dsmil_info_fill(struct dsmil_info *info);
/* -ENODEV without firmware. revision: of firmware and board, may be NULL. */
int dsmil_device_fill(u16 number, struct dsmil_device *device, u32 *revision);
int dsmil_info_init(void);
const u8 *dsmil_load_id(void);

/* ------------------------------------------------------------- device.c -- */

int dsmil_device_init(void);
void dsmil_device_exit(void);
int dsmil_devices_add(void);
void dsmil_devices_remove(void);

/* ------------------------------------------------------------ chardev.c -- */

int dsmil_chardev_init(struct device *parent);
void dsmil_chardev_exit(void);
dev_t dsmil_chardev_number(u16 number); /* of a device's node */

/* Which device's node the file is of, and in which epoch it was opened. -EBADF: of none. */
int dsmil_chardev_device(const struct file *file, u16 *number, u32 *epoch);

/*
 * The uAPI's rule for structs: size first; what we do not know must be zero; not
 * shorter than it was first published (abi_gen.h). Leaves the caller's size in the
 * struct, and zero what the caller does not have.
 */
int dsmil_struct_from_user_since(void *to, size_t known, size_t first, void __user *from);

/*
 * Of a struct that has not grown yet. Nearly every caller has just this size: one copy
 * then does; whatever is wrong with another is found out the long way.
 */
static __always_inline int dsmil_struct_from_user(void *to, size_t known, void __user *from)
{
	if (likely(!copy_from_user(to, from, known) && *(const u32 *)to == known))
		return 0;
	return dsmil_struct_from_user_since(to, known, known, from);
}

/* Back to the caller, as far as its struct goes. */
int dsmil_struct_to_user(void __user *to, const void *from, size_t known);

#endif /* DSMIL_CORE_H */
