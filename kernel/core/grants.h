/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grants: the keys that may sign them, the nonces that were used, and what is
 * found out about one before the guard decides on it. Keys and nonces live from
 * module load to unload. Unless said otherwise, under the firmware lock.
 */
#ifndef DSMIL_GRANTS_H
#define DSMIL_GRANTS_H

#include <linux/dsmil.h>
#include <linux/types.h>

#include "guard.h"

/* A grant as it came from user space. */
struct dsmil_grant {
	u32 length; /* what user space says; only whole grants are copied */
	u8 bytes[DSMIL_GRANT_BYTES(DSMIL_GRANT_SIGNERS_MAX)] __aligned(8);
};

/*
 * -EINVAL: a length without a pointer; -EFAULT. A length that no grant has is not
 * an error here: the guard refuses it, so that it is recorded. No lock needed.
 */
int dsmil_grant_from_user(struct dsmil_grant *grant, u64 pointer, u32 length);

/* Checks everything but its terms, which is for the guard. Sleeps. */
void dsmil_grant_examine(const struct dsmil_grant *grant, struct dsmil_guard_grant *facts);

/* After all checks and before the firmware is called: it is used up from now on. */
void dsmil_grant_burn(const struct dsmil_grant *grant);

/* For the event of an operation with a grant; leaves out what is no grant. */
void dsmil_grant_describe(const struct dsmil_grant *grant, struct dsmil_event *event);

/* ---------------------------------------------------------------- keys -- */

/* No lock held. */
long dsmil_grant_key_add_ioctl(struct dsmil_grant_key_add __user *arg);
long dsmil_grant_key_seal_ioctl(struct dsmil_grant_key_seal __user *arg);

struct dsmil_grant_key {
	u8 point[65]; /* SEC 1, 2.3.3: 0x04, X, Y */
	u8 id[32];    /* SHA-256 of the point */
	u8 owner;     /* equal numbers, equal names */
	char owner_name[32];
};

/* NULL from the first index on that no key has. */
const struct dsmil_grant_key *dsmil_grant_key_at(u32 index);

struct dsmil_grant_state {
	bool is_supported;
	bool is_sealed;
	u32 keys;
	u32 nonces;
};

struct dsmil_grant_state dsmil_grant_get_state(void);

int dsmil_grants_init(void);
void dsmil_grants_exit(void);

#endif /* DSMIL_GRANTS_H */
