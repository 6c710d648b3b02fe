/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: the one place that decides whether a register may be written.
 *
 * A pure function of its request: no allocation, lock, I/O or state, so that it
 * compiles in user space too, where it is tested over all tokens and proved.
 *
 * The rule. A token's own risk is the stricter of two readings of its number:
 * the risk of the device that owns it and, where quarantined, locked or guarded,
 * the risk of the device whose id equals it. A token outside the range has an
 * unknown meaning and counts as locked. The risk of a write is the strictest of
 * all tokens with the same location, because the firmware writes locations. It
 * is allowed if that is safe, the caller has CAP_SYS_RAWIO, the firmware is not
 * read-only, and the board's table and a second look at the firmware name the same
 * one location.
 */
#ifndef DSMIL_GUARD_H
#define DSMIL_GUARD_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#endif
#include <linux/dsmil.h>

/* One line of the board's token table. */
struct dsmil_location {
	__u16 token;
	__u16 location;
};

enum dsmil_operation {
	DSMIL_OPERATION_READ = 0,
	DSMIL_OPERATION_WRITE = 1,
};

struct dsmil_guard_request {
	__u32 operation; /* enum dsmil_operation; anything but READ is a write */
	__u16 token;
	bool has_rawio; /* the caller has CAP_SYS_RAWIO */
	bool firmware_read_only; /* its module takes no writes */

	/* First look: every token of the board, in and outside our range, in any order. */
	const struct dsmil_location *map;
	size_t map_count;

	/* Second look: what the firmware says right now. */
	bool location_known;
	__u16 location;
};

struct dsmil_guard_decision {
	bool allowed;
	__u8 reason;	  /* enum dsmil_reason */
	__u8 rule_risk;	  /* enum dsmil_risk: the strictest that applies, for reads too */
	__u16 rule_token; /* the token that it comes from */
};

/* Reads of every token in the range are allowed. */
struct dsmil_guard_decision dsmil_guard_decide(const struct dsmil_guard_request *request);

/* The device that owns a token of the range. */
static inline __u16 dsmil_token_device(__u16 token)
{
	return (__u16)((token - DSMIL_TOKEN_BASE) / DSMIL_REGISTER_COUNT);
}

static inline bool dsmil_token_in_range(__u16 token)
{
	return token >= DSMIL_TOKEN_BASE && token < DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT;
}

#endif /* DSMIL_GUARD_H */
