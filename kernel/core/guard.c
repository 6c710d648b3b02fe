// SPDX-License-Identifier: GPL-2.0-only
#include "guard.h"

#define LIFE_MAX_NS (DSMIL_GRANT_LIFE_MAX_S * 1000000000ULL)

/* What one token, by itself, asks for. */
struct rule {
	__u16 token;
	__u8 risk;
	__u8 reason;
};

static const __u8 catalog_risk[DSMIL_DEVICE_COUNT] = {
#define DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, ...)	\
	[number] = DSMIL_RISK_##risk,
#include "dsmil_catalog.def"
};

/* --------------------------------------------------------------- table -- */

static __u8 device_risk(__u16 number, const struct dsmil_quarantine *added)
{
	if (dsmil_quarantine_holds(added, number))
		return DSMIL_RISK_QUARANTINED;
	return catalog_risk[number];
}

/* Why a token of this risk is not written without a grant. */
static __u8 reason_of_risk(__u8 risk)
{
	switch (risk) {
	case DSMIL_RISK_SAFE:
		return DSMIL_REASON_ALLOWED;
	case DSMIL_RISK_MONITORED:
	case DSMIL_RISK_GUARDED:
		return DSMIL_REASON_GRANT_REQUIRED;
	case DSMIL_RISK_LOCKED:
		return DSMIL_REASON_LOCKED;
	default:
		return DSMIL_REASON_QUARANTINED;
	}
}

/* The stricter of the two readings of a token's number. */
static struct rule token_rule(__u16 token, const struct dsmil_quarantine *added)
{
	struct rule rule = { .token = token };
	__u8 as_id;

	if (!dsmil_token_in_range(token)) {
		rule.risk = DSMIL_RISK_LOCKED;
		rule.reason = DSMIL_REASON_NOT_A_REGISTER;
		return rule;
	}
	rule.risk = device_risk(dsmil_token_device(token), added);
	rule.reason = reason_of_risk(rule.risk);

	if (token >= DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT)
		return rule;
	as_id = device_risk(token - DSMIL_DEVICE_ID_BASE, added);
	if (as_id >= DSMIL_RISK_GUARDED && as_id > rule.risk) {
		rule.risk = as_id;
		rule.reason = as_id >= DSMIL_RISK_LOCKED ? DSMIL_REASON_QUARANTINED_AS_ID :
							   DSMIL_REASON_GRANT_REQUIRED;
	}
	return rule;
}

/*
 * The board may be of any length. What a line adds to what the lines before it said is a
 * function of its own, and the loops do nothing but call it: so the proof (tests/guard)
 * holds for every length, by induction.
 */

/* Where the lines so far put a token. */
struct place {
	__u16 location; /* as the first that names it says */
	bool is_listed;
	bool is_elsewhere; /* a further one says otherwise */
};

static struct place look_for(struct place place, __u16 token, const struct dsmil_location *line)
{
	if (line->token != token)
		return place;
	if (!place.is_listed)
		place.location = line->location;
	place.is_listed = true;
	place.is_elsewhere |= line->location != place.location;
	return place;
}

/* The strictest rule at a location, of the lines so far; the token's own wins a tie. */
static struct rule look_beside(struct rule strictest, __u16 location,
			       const struct dsmil_location *line,
			       const struct dsmil_quarantine *added)
{
	struct rule other;

	if (line->location != location)
		return strictest;
	other = token_rule(line->token, added);
	if (other.risk <= strictest.risk)
		return strictest;
	other.reason = DSMIL_REASON_ALIAS;
	return other;
}

static struct place find_place(__u16 token, const struct dsmil_location *map, size_t map_count)
{
	struct place place = { .location = 0 };
	size_t i;

	for (i = 0; i < map_count; i++)
		place = look_for(place, token, &map[i]);
	return place;
}

static struct rule strictest_at(__u16 location, struct rule strictest,
				const struct dsmil_location *map, size_t map_count,
				const struct dsmil_quarantine *added)
{
	size_t i;

	for (i = 0; i < map_count; i++)
		strictest = look_beside(strictest, location, &map[i], added);
	return strictest;
}

struct dsmil_guard_row dsmil_guard_make_row(__u16 token, const struct dsmil_location *map,
					    size_t map_count,
					    const struct dsmil_quarantine *added)
{
	struct place place = find_place(token, map, map_count);
	struct rule rule = token_rule(token, added);

	if (place.is_listed)
		rule = strictest_at(place.location, rule, map, map_count, added);
	return (struct dsmil_guard_row){
		.location = place.location,
		.rule_token = rule.token,
		.rule_risk = rule.risk,
		.rule_reason = rule.reason,
		.is_stable = place.is_listed && !place.is_elsewhere,
	};
}

void dsmil_guard_make_table(struct dsmil_guard_table *table, const struct dsmil_location *map,
			    size_t map_count, const struct dsmil_quarantine *added)
{
	__u16 i;

	for (i = 0; i < DSMIL_TOKEN_COUNT; i++)
		table->rows[i] = dsmil_guard_make_row((__u16)(DSMIL_TOKEN_BASE + i), map,
						      map_count, added);
}

/* ------------------------------------------------------------ decision -- */

static bool is_forged(const struct dsmil_guard_signer *signer)
{
	return signer->is_checked && !signer->has_signed;
}

/* ALLOWED, or what is wrong with those who signed. */
static __u8 check_signers(const struct dsmil_guard_grant *grant, __u8 risk)
{
	const struct dsmil_guard_signer *first = &grant->signers[0];
	const struct dsmil_guard_signer *second = &grant->signers[1];
	bool are_two = grant->signer_count == 2;

	if (!first->is_enrolled || (are_two && !second->is_enrolled))
		return DSMIL_REASON_GRANT_KEY_UNKNOWN;
	if (is_forged(first) || (are_two && is_forged(second)))
		return DSMIL_REASON_GRANT_BAD_SIGNATURE;
	if (!first->is_checked || (are_two && !second->is_checked))
		return DSMIL_REASON_GRANT_UNCHECKED;
	if (risk >= DSMIL_RISK_GUARDED &&
	    (!are_two || first->key == second->key || first->owner == second->owner))
		return DSMIL_REASON_GRANT_SIGNERS;
	return DSMIL_REASON_ALLOWED;
}

/* ALLOWED, or how the request is another than the one that was granted. */
static __u8 check_terms(const struct dsmil_guard_grant *grant,
			const struct dsmil_guard_request *request)
{
	__u16 number = dsmil_token_device(request->token);
	__u32 reg = (__u32)(request->token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT;

	if (request->now_ns >= grant->expires_ns)
		return DSMIL_REASON_GRANT_EXPIRED;
	if (grant->expires_ns - request->now_ns > LIFE_MAX_NS)
		return DSMIL_REASON_GRANT_TOO_LONG;
	if (grant->load_id[0] != request->load_id[0] || grant->load_id[1] != request->load_id[1])
		return DSMIL_REASON_GRANT_OTHER_LOAD;
	if (grant->firmware_kind != request->firmware_kind)
		return DSMIL_REASON_GRANT_OTHER_FIRMWARE;
	if (grant->device_id != DSMIL_DEVICE_ID_BASE + number || grant->reg != reg)
		return DSMIL_REASON_GRANT_OTHER_REGISTER;
	if (grant->uid != request->uid)
		return DSMIL_REASON_GRANT_OTHER_USER;
	if ((request->value ^ grant->value) & grant->mask)
		return DSMIL_REASON_GRANT_VALUE;
	if (grant->expects_old &&
	    (!request->old_known || request->old_value != grant->old_value))
		return DSMIL_REASON_GRANT_OLD_VALUE;
	return DSMIL_REASON_ALLOWED;
}

static __u8 check_grant(const struct dsmil_guard_request *request, __u8 risk)
{
	const struct dsmil_guard_grant *grant = request->grant;
	__u8 reason;

	if (!grant->is_well_formed || grant->signer_count < 1 ||
	    grant->signer_count > DSMIL_GRANT_SIGNERS_MAX)
		return DSMIL_REASON_GRANT_MALFORMED;
	if (!grant->is_supported)
		return DSMIL_REASON_GRANT_UNSUPPORTED;
	reason = check_signers(grant, risk);
	if (reason == DSMIL_REASON_ALLOWED)
		reason = check_terms(grant, request);
	if (reason != DSMIL_REASON_ALLOWED)
		return reason;
	if (grant->is_used)
		return DSMIL_REASON_GRANT_REPLAYED;
	return grant->has_room ? DSMIL_REASON_ALLOWED : DSMIL_REASON_GRANT_STORE_FULL;
}

static __u8 check_write(const struct dsmil_guard_row *row,
			const struct dsmil_guard_request *request)
{
	if (row->rule_risk >= DSMIL_RISK_LOCKED)
		return row->rule_reason;
	if (!row->is_stable || !request->location_known || request->location != row->location)
		return DSMIL_REASON_LOCATION_UNKNOWN;
	if (request->firmware_read_only)
		return DSMIL_REASON_READ_ONLY;
	if (request->grant)
		return check_grant(request, row->rule_risk);
	if (row->rule_risk > DSMIL_RISK_SAFE)
		return row->rule_reason;
	return request->has_rawio ? DSMIL_REASON_ALLOWED : DSMIL_REASON_CAPABILITY_REQUIRED;
}

struct dsmil_guard_decision dsmil_guard_decide(const struct dsmil_guard_table *table,
					       const struct dsmil_guard_request *request)
{
	struct dsmil_guard_decision decision = {
		.reason = DSMIL_REASON_NOT_A_REGISTER,
		.rule_risk = DSMIL_RISK_LOCKED,
		.rule_token = request->token,
	};
	const struct dsmil_guard_row *row;

	if (!dsmil_token_in_range(request->token))
		return decision;
	row = &table->rows[request->token - DSMIL_TOKEN_BASE];
	decision.rule_risk = row->rule_risk;
	decision.rule_token = row->rule_token;
	decision.reason = request->operation == DSMIL_OPERATION_READ ? DSMIL_REASON_ALLOWED :
								       check_write(row, request);
	decision.allowed = decision.reason == DSMIL_REASON_ALLOWED;
	return decision;
}
