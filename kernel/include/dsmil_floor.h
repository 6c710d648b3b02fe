/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The floor under the guard: each firmware module checks every write once more,
 * by other means than the guard, so that a mistake above cannot reach the
 * firmware. It is coarser: it knows neither grants nor callers, only the
 * locations that nobody ever writes, because a quarantined, locked or unknown
 * token is there, user space's additions to the quarantine included.
 */
#ifndef DSMIL_FLOOR_H
#define DSMIL_FLOOR_H

#include <linux/bitmap.h>

#include "dsmil_firmware.h"

#define DSMIL_LOCATION_COUNT 0x10000

struct dsmil_floor {
	const struct dsmil_location *map; /* as it was built of */
	size_t count;
	u32 generation; /* of the quarantine */
	DECLARE_BITMAP(open, DSMIL_LOCATION_COUNT);
};

static inline bool dsmil_floor_forbids(u16 token)
{
	static const struct {
		u16 id;
		u16 token_base;
		u8 risk;
	} devices[] = {
#define DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, ...)	\
		{ id, token_base, DSMIL_RISK_##risk },
#include "dsmil_catalog.def"
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		if (devices[i].risk < DSMIL_RISK_LOCKED)
			continue;
		if (token == devices[i].id ||
		    (token >= devices[i].token_base &&
		     token < devices[i].token_base + DSMIL_REGISTER_COUNT))
			return true;
	}
	return token < DSMIL_TOKEN_BASE || token >= DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT ||
	       dsmil_quarantine_forbids(token);
}

/* The map stays valid until the floor is built again, or away. */
static inline void dsmil_floor_build(struct dsmil_floor *floor, const struct dsmil_location *map,
				     size_t count)
{
	size_t i;

	floor->map = map;
	floor->count = count;
	floor->generation = dsmil_quarantine_generation();
	bitmap_zero(floor->open, DSMIL_LOCATION_COUNT);
	for (i = 0; i < count; i++)
		__set_bit(map[i].location, floor->open);
	for (i = 0; i < count; i++)
		if (dsmil_floor_forbids(map[i].token))
			__clear_bit(map[i].location, floor->open);
}

/* Under the firmware lock. A refusal here is a bug in the guard. */
static inline bool dsmil_floor_allows(struct dsmil_floor *floor, u16 location)
{
	if (floor->generation != dsmil_quarantine_generation())
		dsmil_floor_build(floor, floor->map, floor->count);
	return !WARN_ONCE(!test_bit(location, floor->open),
			  "dsmil: a forbidden write to location 0x%04x got past the guard\n",
			  location);
}

#endif /* DSMIL_FLOOR_H */
