/* SPDX-License-Identifier: Apache-2.0 */
/* The rule of one token once more, for the proofs: what its number alone says. */
#ifndef GUARD_RULE_H
#define GUARD_RULE_H

#include <linux/dsmil.h>
#include <stdbool.h>

#include "guard.h"

/* The catalogue, as the proofs read it. */
static const unsigned char risk_of_device[DSMIL_DEVICE_COUNT] = {
#define DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, ...)                       \
	[number] = DSMIL_RISK_##risk,
#include "dsmil_catalog.def"
};

static bool is_added(const struct dsmil_quarantine *added, unsigned number)
{
	return (added->devices[number >= 64] & (1ULL << (number >= 64 ? number - 64 : number))) != 0;
}

static unsigned risk_as_register(unsigned token, const struct dsmil_quarantine *added)
{
	unsigned number = (token - 0x8000) / 3;

	return is_added(added, number) ? DSMIL_RISK_QUARANTINED : risk_of_device[number];
}

/* 0 where the number is no device's id. */
static unsigned risk_as_id(unsigned token, const struct dsmil_quarantine *added)
{
	if (token < 0x8000 || token >= 0x8000 + 108)
		return 0;
	return is_added(added, token - 0x8000) ? DSMIL_RISK_QUARANTINED : risk_of_device[token - 0x8000];
}

static bool is_register(unsigned token)
{
	return token >= 0x8000 && token <= 0x8143;
}

/* The stricter of the two readings. */
static unsigned risk_of_token(unsigned token, const struct dsmil_quarantine *added)
{
	unsigned own, as_id;

	if (!is_register(token))
		return DSMIL_RISK_LOCKED;
	own = risk_as_register(token, added);
	as_id = risk_as_id(token, added);
	return as_id >= DSMIL_RISK_GUARDED && as_id > own ? as_id : own;
}

#endif
