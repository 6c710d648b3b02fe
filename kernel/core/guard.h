/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guard: the one place that decides whether a register may be written.
 *
 * Pure functions: no allocation, lock, I/O or state, so that they compile in user
 * space too, where they are tested over all tokens and proved (tests/guard).
 *
 * The rule. A token's own risk is the stricter of two readings of its number:
 * the risk of the device that owns it and, where quarantined, locked or guarded,
 * the risk of the device whose id equals it. A device that user space added to
 * the quarantine is quarantined in both. A token outside the range has an
 * unknown meaning and counts as locked. The risk of a write is the strictest of
 * all tokens with the same location, because the firmware writes locations.
 *
 * What only depends on the board and the quarantine is worked out once, into a
 * table with a row a token; a decision then looks at one row. It checks, in this
 * order, and the first that fails is the reason:
 *   1. the token is one of the range               (NOT_A_REGISTER)
 *   2. a read is allowed
 *   3. no quarantined, locked or unknown token is at the location (its rule)
 *   4. the board names one location, and so does the second look
 *                                                  (LOCATION_UNKNOWN)
 *   5. the firmware module takes writes            (READ_ONLY)
 *   6. a grant, if one is given, holds             (GRANT_MALFORMED to
 *                         GRANT_STORE_FULL, in the order of enum dsmil_reason,
 *                         GRANT_UNCHECKED behind GRANT_BAD_SIGNATURE)
 *   7. if none is given, none is needed            (the rule), and the caller
 *      has CAP_SYS_RAWIO                           (CAPABILITY_REQUIRED)
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

/* The devices that user space added, a bit a number. Nothing clears one. */
struct dsmil_quarantine {
	__u64 devices[2];
};

/* --------------------------------------------------------------- table -- */

/* What the board and the quarantine say of one token. */
struct dsmil_guard_row {
	__u16 location;
	__u16 rule_token; /* the strictest at the location; the token's own wins a tie */
	__u8 rule_risk;	  /* enum dsmil_risk */
	__u8 rule_reason; /* enum dsmil_reason: what it refuses without a grant */
	bool is_stable;	  /* the board names a location, and only one */
};

struct dsmil_guard_table {
	struct dsmil_guard_row rows[DSMIL_TOKEN_COUNT];
};

/*
 * map: every token of the board, in and outside our range, in any order. A token
 * at several locations is not stable; its rule is the one of the first.
 */
struct dsmil_guard_row dsmil_guard_make_row(__u16 token, const struct dsmil_location *map,
					    size_t map_count,
					    const struct dsmil_quarantine *added);
void dsmil_guard_make_table(struct dsmil_guard_table *table, const struct dsmil_location *map,
			    size_t map_count, const struct dsmil_quarantine *added);

/* ------------------------------------------------------------ decision -- */

enum dsmil_operation {
	DSMIL_OPERATION_READ = 0,
	DSMIL_OPERATION_WRITE = 1,
};

/* Who signed. Equal numbers are the same key, the same owner. */
struct dsmil_guard_signer {
	bool is_enrolled;
	bool is_checked; /* whether it has signed was found out */
	bool has_signed; /* the signature is this key's, over this grant */
	__u8 key;
	__u8 owner;
};

/* A grant: what its body says, and what was found out about it. */
struct dsmil_guard_grant {
	bool is_well_formed; /* nothing else counts if not */
	bool is_supported;   /* this kernel can check signatures */
	__u8 signer_count;
	struct dsmil_guard_signer signers[DSMIL_GRANT_SIGNERS_MAX];
	bool is_used;	     /* its nonce is in the store */
	bool has_room;	     /* the store takes another nonce */

	__u64 load_id[2];
	__u64 expires_ns; /* CLOCK_BOOTTIME */
	__u32 value;
	__u32 mask;
	__u32 old_value;
	__u32 uid;
	__u16 device_id;
	__u8 reg;
	__u8 firmware_kind;
	bool expects_old; /* old_value counts */
};

struct dsmil_guard_request {
	__u32 operation; /* enum dsmil_operation; anything but READ is a write */
	__u16 token;
	bool has_rawio; /* the caller has CAP_SYS_RAWIO */

	/* The second look: what the firmware says right now. */
	bool location_known;
	__u16 location;
	bool firmware_read_only; /* the firmware module takes no writes */

	/* A write with a grant; the rest only counts then. */
	const struct dsmil_guard_grant *grant; /* or NULL */
	__u64 load_id[2];
	__u64 now_ns; /* CLOCK_BOOTTIME */
	__u32 uid;    /* of the caller, effective, in the initial user namespace */
	__u32 value;  /* to write */
	__u8 firmware_kind;
	bool old_known;	 /* the register was read, */
	__u32 old_value; /* and held this */
};

struct dsmil_guard_decision {
	bool allowed;
	__u8 reason;	  /* enum dsmil_reason */
	__u8 rule_risk;	  /* enum dsmil_risk: the strictest that applies, for reads too */
	__u16 rule_token; /* the token that it comes from */
};

struct dsmil_guard_decision dsmil_guard_decide(const struct dsmil_guard_table *table,
					       const struct dsmil_guard_request *request);

/* The device that owns a token of the range. */
static inline __u16 dsmil_token_device(__u16 token)
{
	return (__u16)((token - DSMIL_TOKEN_BASE) / DSMIL_REGISTER_COUNT);
}

static inline bool dsmil_token_in_range(__u16 token)
{
	return token >= DSMIL_TOKEN_BASE && token < DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT;
}

static inline bool dsmil_quarantine_holds(const struct dsmil_quarantine *added, __u16 number)
{
	return added->devices[number / 64] >> (number % 64) & 1;
}

#endif /* DSMIL_GUARD_H */
