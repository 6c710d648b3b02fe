/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Observation rings: every event, for readers that may lose some. Each reader has a
 * ring of its own that it maps (see struct dsmil_ring_page); the writer never waits
 * for one.
 */
#ifndef DSMIL_OBSERVE_H
#define DSMIL_OBSERVE_H

#include <linux/dsmil.h>
#include <linux/types.h>

/*
 * A new ring: its file, not yet in the descriptor table. bytes: as asked, 0 for the
 * default; comes back as the ring's. -EPERM, -EINVAL, -EBUSY: see the uAPI.
 */
struct file *dsmil_observe_open(u32 *bytes);
u32 dsmil_observe_count(void);

/*
 * For audit.c. Put: under the audit ring's lock, which keeps the order; what does not
 * fit into a ring is counted there. It copies each record to each ring without letting
 * others run. Wake: after it, outside.
 */
void dsmil_observe_put(const struct dsmil_event *events, u32 count);
void dsmil_observe_wake(void);

#endif /* DSMIL_OBSERVE_H */
