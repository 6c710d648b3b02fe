/* SPDX-License-Identifier: GPL-2.0-only */
/* What was done with each device, and what its registers last said. */
#ifndef DSMIL_STATISTICS_H
#define DSMIL_STATISTICS_H

#include "core.h"

/* Under the firmware lock: an operation was decided, and if called, done. */
void dsmil_statistics_note(const struct dsmil_register_operation *operation, bool called);

/* Of a device since the module was loaded. Takes the firmware lock. */
struct dsmil_statistics dsmil_statistics_of(u16 number);

/* What a register last said to whoever read it. */
struct dsmil_register_last {
	u64 time_ns; /* CLOCK_BOOTTIME of the last read; 0: the firmware was never asked */
	int result;
	bool has_value;
	u32 value; /* of the last good read */
};

/* Under the firmware lock; what another firmware said is forgotten. */
struct dsmil_register_last dsmil_register_last(u16 token);

#endif /* DSMIL_STATISTICS_H */
