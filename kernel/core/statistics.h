/* SPDX-License-Identifier: GPL-2.0-only */
/* What was done with each device. */
#ifndef DSMIL_STATISTICS_H
#define DSMIL_STATISTICS_H

#include "core.h"

/* Under the firmware lock: an operation was decided, and if called, done. */
void dsmil_statistics_note(const struct dsmil_register_operation *operation, bool called);

/* Of a device since the module was loaded. Takes the firmware lock: -EINTR when killed. */
int dsmil_statistics_of(u16 number, struct dsmil_statistics *statistics);

#endif /* DSMIL_STATISTICS_H */
