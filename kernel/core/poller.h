/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The poller: reads every register now and then, so that the status page is fresh and
 * changes that nobody asked for are seen. It holds the firmware lock for one register
 * at a time and rests in between.
 */
#ifndef DSMIL_POLLER_H
#define DSMIL_POLLER_H

#include <linux/types.h>

/* Around the time that a firmware is attached; not under the firmware lock. */
void dsmil_poller_start(u8 firmware_kind);
/* When it returns, nothing is polled; waits for one firmware call at most. */
void dsmil_poller_stop(void);

#endif /* DSMIL_POLLER_H */
