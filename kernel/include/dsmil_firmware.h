/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the core and a firmware module (dsmil_dell, dsmil_sim).
 *
 * The core calls every operation with the firmware lock held, from process
 * context, one at a time; they may sleep. A token is always one of the range.
 */
#ifndef DSMIL_FIRMWARE_H
#define DSMIL_FIRMWARE_H

#include "../core/guard.h"

struct dsmil_firmware_ops {
	const char *name; /* at most 15 characters */
	enum dsmil_firmware_kind kind;
	/* The guard then refuses every write. Set before registering, with a line in the log. */
	bool read_only;

	/*
	 * The whole token table of the board, in any order, tokens outside our
	 * range and repeated ones included. Valid while the firmware lock is held.
	 */
	const struct dsmil_location *(*map)(size_t *count);

	/* The location that the firmware names right now; -ENOENT if none. */
	int (*locate)(u16 token, u16 *location);

	/* -EIO: the firmware failed; -ENXIO: it does not support the token. */
	int (*read)(u16 token, u16 location, u32 *value);
	int (*write)(u16 token, u16 location, u32 value);
};

/*
 * Makes the 108 devices. One firmware at a time: -EBUSY. ops must stay valid
 * until dsmil_unregister_firmware() returns; after that no operation runs, and
 * files that are still open give -ENODEV.
 */
int dsmil_register_firmware(const struct dsmil_firmware_ops *ops);
void dsmil_unregister_firmware(const struct dsmil_firmware_ops *ops);

/* Around any change of what map() and locate() answer. Takes the firmware lock. */
void dsmil_board_change_begin(void);
void dsmil_board_change_end(void);

/*
 * Under the firmware lock: whether a token is one of those that user space added
 * to the quarantine, in either reading of its number, and a number that is another
 * after each addition.
 */
bool dsmil_quarantine_forbids(u16 token);
u32 dsmil_quarantine_generation(void);

#endif /* DSMIL_FIRMWARE_H */
