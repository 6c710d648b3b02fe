// SPDX-License-Identifier: GPL-2.0-only
#include "guard.h"

/* What one token, by itself, asks for. */
struct rule {
	__u16 token;
	__u8 risk;
	__u8 reason;
};

static const __u8 device_risk[DSMIL_DEVICE_COUNT] = {
#define DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, ...)	\
	[number] = DSMIL_RISK_##risk,
#include "dsmil_catalog.def"
};

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
static struct rule token_rule(__u16 token)
{
	struct rule rule = { .token = token };
	__u8 as_id;

	if (!dsmil_token_in_range(token)) {
		rule.risk = DSMIL_RISK_LOCKED;
		rule.reason = DSMIL_REASON_NOT_A_REGISTER;
		return rule;
	}
	rule.risk = device_risk[dsmil_token_device(token)];
	rule.reason = reason_of_risk(rule.risk);

	if (token >= DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT)
		return rule;
	as_id = device_risk[token - DSMIL_DEVICE_ID_BASE];
	if (as_id >= DSMIL_RISK_GUARDED && as_id > rule.risk) {
		rule.risk = as_id;
		rule.reason = as_id >= DSMIL_RISK_LOCKED ? DSMIL_REASON_QUARANTINED_AS_ID :
							   DSMIL_REASON_GRANT_REQUIRED;
	}
	return rule;
}

/* Both looks name the same one location. */
static bool location_is_stable(const struct dsmil_guard_request *request)
{
	bool found = false;
	size_t i;

	if (!request->location_known)
		return false;
	for (i = 0; i < request->map_count; i++) {
		if (request->map[i].token != request->token)
			continue;
		if (request->map[i].location != request->location)
			return false;
		found = true;
	}
	return found;
}

/* The strictest rule among the tokens at the location; the token's own wins a tie. */
static struct rule strictest_rule(const struct dsmil_guard_request *request)
{
	struct rule strictest = token_rule(request->token);
	size_t i;

	if (!request->location_known)
		return strictest;
	for (i = 0; i < request->map_count; i++) {
		struct rule other;

		if (request->map[i].location != request->location)
			continue;
		other = token_rule(request->map[i].token);
		if (other.risk > strictest.risk) {
			strictest = other;
			strictest.reason = DSMIL_REASON_ALIAS;
		}
	}
	return strictest;
}

struct dsmil_guard_decision dsmil_guard_decide(const struct dsmil_guard_request *request)
{
	struct dsmil_guard_decision decision = { .allowed = false };
	struct rule rule;

	if (!dsmil_token_in_range(request->token))
		rule = token_rule(request->token);
	else
		rule = strictest_rule(request);
	decision.rule_token = rule.token;
	decision.rule_risk = rule.risk;
	decision.reason = rule.reason;

	if (rule.reason == DSMIL_REASON_NOT_A_REGISTER)
		return decision;
	if (request->operation == DSMIL_OPERATION_READ) {
		decision.reason = DSMIL_REASON_ALLOWED;
		decision.allowed = true;
	} else if (rule.risk >= DSMIL_RISK_LOCKED) {
		decision.allowed = false;
	} else if (request->firmware_read_only) {
		decision.reason = DSMIL_REASON_READ_ONLY;
	} else if (!location_is_stable(request)) {
		decision.reason = DSMIL_REASON_LOCATION_UNKNOWN;
	} else if (rule.risk == DSMIL_RISK_SAFE) {
		decision.allowed = request->has_rawio;
		if (!decision.allowed)
			decision.reason = DSMIL_REASON_CAPABILITY_REQUIRED;
	}
	return decision;
}
