/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CBMC proves of the guard, for every token, operation, capability and second
 * look, and every board of up to PAIRS lines (lines beyond the token's own and one
 * at its location only repeat these cases).
 */
#include <assert.h>
#include <linux/dsmil.h>

#include "guard.h"

#define PAIRS 4

/* CBMC takes the value of a function without a body as arbitrary. */
bool nondet_bool(void);

/* The catalogue, as the proof reads it. */
static const unsigned char risk_of_device[DSMIL_DEVICE_COUNT] = {
#define DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, ...)                       \
	[number] = DSMIL_RISK_##risk,
#include "dsmil_catalog.def"
};

static unsigned risk_as_register(unsigned token)
{
	return risk_of_device[(token - 0x8000) / 3];
}

/* 0 where the number is no device's id. */
static unsigned risk_as_id(unsigned token)
{
	return token >= 0x8000 && token < 0x8000 + 108 ? risk_of_device[token - 0x8000] : 0;
}

static bool is_register(unsigned token)
{
	return token >= 0x8000 && token <= 0x8143;
}

/* A token that nobody ever writes, by itself or by writing its location. */
static bool is_forbidden(unsigned token)
{
	return !is_register(token) || risk_as_register(token) >= DSMIL_RISK_LOCKED ||
	       risk_as_id(token) >= DSMIL_RISK_LOCKED;
}

/* A token that is written without a grant. */
static bool is_safe(unsigned token)
{
	return is_register(token) && risk_as_register(token) == DSMIL_RISK_SAFE &&
	       risk_as_id(token) < DSMIL_RISK_GUARDED;
}

/* The stricter of the two readings. */
static unsigned risk_of_token(unsigned token)
{
	if (!is_register(token))
		return DSMIL_RISK_LOCKED;
	if (risk_as_id(token) >= DSMIL_RISK_GUARDED && risk_as_id(token) > risk_as_register(token))
		return risk_as_id(token);
	return risk_as_register(token);
}

int main(void)
{
	struct dsmil_guard_request request;
	struct dsmil_location map[PAIRS];
	struct dsmil_guard_decision decision;
	bool listed = false, elsewhere = false, all_safe = true, any_forbidden = false, wanted;
	unsigned strictest;

	__CPROVER_havoc_object(&request);
	__CPROVER_havoc_object(map);
	/* Havoc would give a bool more values than two. */
	request.has_rawio = nondet_bool();
	request.location_known = nondet_bool();
	request.firmware_read_only = nondet_bool();
	request.map = map;
	__CPROVER_assume(request.map_count <= PAIRS);
	decision = dsmil_guard_decide(&request);

	strictest = risk_of_token(request.token);
	for (unsigned i = 0; i < PAIRS; i++) {
		if (i >= request.map_count)
			break;
		if (map[i].token == request.token && map[i].location == request.location)
			listed = true;
		if (map[i].token == request.token && map[i].location != request.location)
			elsewhere = true;
		if (map[i].location == request.location && !is_safe(map[i].token))
			all_safe = false;
		if (map[i].location == request.location && is_forbidden(map[i].token))
			any_forbidden = true;
		if (request.location_known && map[i].location == request.location &&
		    risk_of_token(map[i].token) > strictest)
			strictest = risk_of_token(map[i].token);
	}

	if (request.operation != DSMIL_OPERATION_READ) {
		if (is_forbidden(request.token))
			assert(!decision.allowed); /* never a quarantined, locked or foreign token */
		if (any_forbidden)
			assert(!decision.allowed); /* nor what shares its location */
		if (!request.has_rawio || request.firmware_read_only)
			assert(!decision.allowed);
		if (!request.location_known || !listed || elsewhere)
			assert(!decision.allowed);
		/* And what the rule allows is allowed: the proof is not about a guard that is shut. */
		wanted = is_safe(request.token) && all_safe && request.has_rawio && request.location_known &&
			 listed && !elsewhere && !request.firmware_read_only;
		assert(decision.allowed == wanted);
	} else {
		assert(decision.allowed == is_register(request.token));
	}
	if (is_register(request.token)) {
		assert(decision.rule_risk == strictest); /* what a grant will be asked about */
		assert(risk_of_token(decision.rule_token) == strictest);
	}
	assert(decision.allowed == (decision.reason == DSMIL_REASON_ALLOWED));
	if (decision.reason == DSMIL_REASON_QUARANTINED)
		assert(risk_as_register(decision.rule_token) == DSMIL_RISK_QUARANTINED);
	return 0;
}
