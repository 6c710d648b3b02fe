/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What netlink tells of keys and of additions to the quarantine. A generation is never 0
 * and another one after every change. No locks are needed.
 */
#ifndef DSMIL_NETLINK_FACTS_H
#define DSMIL_NETLINK_FACTS_H

#include <linux/errno.h>
#include <linux/types.h>

struct dsmil_grant_key_facts {
	u8 id[32];
	char owner[32];
};

/* Keys are not enrolled by anything yet, and devices not added. */
static inline int dsmil_grant_key_at(u32 index, struct dsmil_grant_key_facts *key)
{
	return -ENOENT;
}

static inline u32 dsmil_grant_key_generation(void)
{
	return 1;
}

static inline bool dsmil_quarantine_is_added(u16 number)
{
	return false;
}

static inline u32 dsmil_quarantine_generation(void)
{
	return 1;
}

#endif /* DSMIL_NETLINK_FACTS_H */
