/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CBMC proves of the guard, for every token, operation, capability, second
 * look, grant and quarantine. Three proofs that build on each other:
 *   rows()       what a row says of its token is what the board and the quarantine
 *                say, and additions only make it stricter
 *   table()      each row is at its token's place in the table
 *   decisions()  on any row, the decision is what the specification says of it
 * rows() runs the whole code on boards of up to PAIRS lines; proof_board.c proves the
 * same of boards of any length.
 */
#include <assert.h>
#include <linux/dsmil.h>

#include "guard.h"
#include "rule.h"

#ifndef PAIRS
#define PAIRS 4
#endif

/* CBMC takes the value of a function without a body as arbitrary. */
bool nondet_bool(void);

/* ------------------------------------------------- the rule, once more -- */

/* The first thing that is wrong with a grant, or ALLOWED. */
static unsigned fault_of_grant(const struct dsmil_guard_request *request, unsigned strictest)
{
	const struct dsmil_guard_grant *grant = request->grant;
	const struct dsmil_guard_signer *a = &grant->signers[0];
	const struct dsmil_guard_signer *b = grant->signer_count > 1 ? &grant->signers[1] : a;
	unsigned register_number = request->token - 0x8000;
	const struct {
		bool is_wrong;
		unsigned reason;
	} checks[] = {
		{ !grant->is_well_formed || (grant->signer_count != 1 && grant->signer_count != 2),
		  DSMIL_REASON_GRANT_MALFORMED },
		{ !grant->is_supported, DSMIL_REASON_GRANT_UNSUPPORTED },
		{ !(a->is_enrolled && b->is_enrolled), DSMIL_REASON_GRANT_KEY_UNKNOWN },
		{ (a->is_checked && !a->has_signed) || (b->is_checked && !b->has_signed),
		  DSMIL_REASON_GRANT_BAD_SIGNATURE },
		{ !(a->is_checked && b->is_checked), DSMIL_REASON_GRANT_UNCHECKED },
		{ strictest == DSMIL_RISK_GUARDED && (a == b || a->key == b->key || a->owner == b->owner),
		  DSMIL_REASON_GRANT_SIGNERS },
		{ grant->expires_ns <= request->now_ns, DSMIL_REASON_GRANT_EXPIRED },
		{ grant->expires_ns - request->now_ns > 300000000000ULL, DSMIL_REASON_GRANT_TOO_LONG },
		{ grant->load_id[0] != request->load_id[0] || grant->load_id[1] != request->load_id[1],
		  DSMIL_REASON_GRANT_OTHER_LOAD },
		{ grant->firmware_kind != request->firmware_kind, DSMIL_REASON_GRANT_OTHER_FIRMWARE },
		{ grant->reg > 2 || grant->device_id < 0x8000 ||
			  3U * (grant->device_id - 0x8000U) + grant->reg != register_number,
		  DSMIL_REASON_GRANT_OTHER_REGISTER },
		{ grant->uid != request->uid, DSMIL_REASON_GRANT_OTHER_USER },
		{ (request->value & grant->mask) != (grant->value & grant->mask), DSMIL_REASON_GRANT_VALUE },
		{ grant->expects_old && !(request->old_known && request->old_value == grant->old_value),
		  DSMIL_REASON_GRANT_OLD_VALUE },
		{ grant->is_used, DSMIL_REASON_GRANT_REPLAYED },
		{ !grant->has_room, DSMIL_REASON_GRANT_STORE_FULL },
	};

	for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].is_wrong)
			return checks[i].reason;
	return DSMIL_REASON_ALLOWED;
}

static bool is_valid(const struct dsmil_guard_request *request, unsigned strictest)
{
	return request->grant && fault_of_grant(request, strictest) == DSMIL_REASON_ALLOWED;
}

/* ------------------------------------------------------- any situation -- */

static struct dsmil_location map[PAIRS];
static size_t count;
static struct dsmil_quarantine added;

static void choose_board(void)
{
	__CPROVER_havoc_object(map);
	__CPROVER_havoc_object(&count);
	__CPROVER_assume(count <= PAIRS);
	__CPROVER_havoc_object(&added);
}

static struct dsmil_guard_grant grant;
static struct dsmil_guard_request request;
static struct dsmil_guard_table board;

/* Havoc would give a bool more values than two. */
static void choose_request(void)
{
	__CPROVER_havoc_object(&grant);
	for (unsigned i = 0; i < DSMIL_GRANT_SIGNERS_MAX; i++) {
		grant.signers[i].is_enrolled = nondet_bool();
		grant.signers[i].is_checked = nondet_bool();
		grant.signers[i].has_signed = nondet_bool();
	}
	grant.is_well_formed = nondet_bool();
	grant.is_supported = nondet_bool();
	grant.is_used = nondet_bool();
	grant.has_room = nondet_bool();
	grant.expects_old = nondet_bool();
	__CPROVER_havoc_object(&request);
	request.has_rawio = nondet_bool();
	request.location_known = nondet_bool();
	request.firmware_read_only = nondet_bool();
	request.old_known = nondet_bool();
	request.grant = nondet_bool() ? &grant : NULL;
}

static struct dsmil_guard_row choose_row(void)
{
	struct dsmil_guard_row row;

	__CPROVER_havoc_object(&row);
	row.is_stable = nondet_bool();
	return row;
}

/* ---------------------------------------------------------------- rows -- */

static void check_row(__u16 token, struct dsmil_guard_row row)
{
	bool is_listed = false, is_at_two = false, is_found = row.rule_token == token;

	for (unsigned i = 0; i < count; i++) {
		is_listed |= map[i].token == token;
		is_at_two |= map[i].token == token && map[i].location != row.location;
	}
	assert(row.is_stable == (is_listed && !is_at_two));

	/* Whatever shares the location, its risk is not forgotten. */
	assert(row.rule_risk >= risk_of_token(token, &added));
	for (unsigned i = 0; is_listed && i < count; i++) {
		if (map[i].location != row.location)
			continue;
		assert(row.rule_risk >= risk_of_token(map[i].token, &added));
		is_found |= map[i].token == row.rule_token;
	}
	/* Nor is anything made up: the rule is that of a token that is there. */
	assert(is_found);
	assert(row.rule_risk == risk_of_token(row.rule_token, &added));
	assert((row.rule_reason == DSMIL_REASON_ALLOWED) == (row.rule_risk == DSMIL_RISK_SAFE));
	assert(row.rule_reason < DSMIL_REASON_CAPABILITY_REQUIRED);
	if (row.rule_token != token)
		assert(row.rule_reason == DSMIL_REASON_ALIAS);
	if (row.rule_reason == DSMIL_REASON_QUARANTINED)
		assert(risk_as_register(token, &added) == DSMIL_RISK_QUARANTINED);
}

void rows(void)
{
	struct dsmil_quarantine more;
	struct dsmil_guard_row row, stricter;
	__u16 token;

	choose_board();
	__CPROVER_havoc_object(&token);
	__CPROVER_assume(is_register(token));
	row = dsmil_guard_make_row(token, map, count, &added);
	check_row(token, row);

	/* Additions never make anything less strict, nor stable. */
	__CPROVER_havoc_object(&more);
	more.devices[0] |= added.devices[0];
	more.devices[1] |= added.devices[1];
	stricter = dsmil_guard_make_row(token, map, count, &more);
	assert(stricter.rule_risk >= row.rule_risk);
	assert(stricter.is_stable == row.is_stable && stricter.location == row.location);
	/* And an added device is quarantined in both readings. */
	if (is_added(&more, (token - 0x8000) / 3) || (token < 0x8000 + 108 && is_added(&more, token - 0x8000)))
		assert(stricter.rule_risk == DSMIL_RISK_QUARANTINED);
}

/* --------------------------------------------------------------- table -- */

static bool is_same_row(struct dsmil_guard_row a, struct dsmil_guard_row b)
{
	return a.location == b.location && a.rule_token == b.rule_token && a.rule_risk == b.rule_risk &&
	       a.rule_reason == b.rule_reason && a.is_stable == b.is_stable;
}

/*
 * The row of each token is at its place. That the loop hands the board and the
 * quarantine through is for tests/guard/guard_test.cpp: a proof over 324 rows of
 * an arbitrary board takes longer than anybody waits.
 */
void table(void)
{
	static const struct dsmil_quarantine nothing;
	__u16 token;

	dsmil_guard_make_table(&board, map, 0, &nothing);
	__CPROVER_havoc_object(&token);
	__CPROVER_assume(is_register(token));
	assert(board.rows[token - 0x8000].rule_token == token);
	assert(is_same_row(board.rows[token - 0x8000], dsmil_guard_make_row(token, map, 0, &nothing)));
}

/* ----------------------------------------------------------- decisions -- */

static bool holds(unsigned risk)
{
	return request.grant && fault_of_grant(&request, risk) == DSMIL_REASON_ALLOWED;
}

/* The promises, each in its own words. */
static void check_write(struct dsmil_guard_row row, struct dsmil_guard_decision decision)
{
	bool is_in_place = row.is_stable && request.location_known && request.location == row.location;

	if (row.rule_risk >= DSMIL_RISK_LOCKED)
		assert(!decision.allowed); /* nothing quarantined or locked, with any grant */
	if (!is_in_place || request.firmware_read_only)
		assert(!decision.allowed);
	if (row.rule_risk >= DSMIL_RISK_MONITORED && decision.allowed)
		assert(request.grant && grant.signers[0].is_enrolled && grant.signers[0].is_checked &&
		       grant.signers[0].has_signed &&
		       !grant.is_used && grant.has_room && request.now_ns < grant.expires_ns &&
		       ((request.value ^ grant.value) & grant.mask) == 0);
	if (row.rule_risk >= DSMIL_RISK_GUARDED && decision.allowed)
		assert(grant.signer_count == 2 && grant.signers[1].is_enrolled &&
		       grant.signers[1].is_checked && grant.signers[1].has_signed &&
		       grant.signers[0].key != grant.signers[1].key &&
		       grant.signers[0].owner != grant.signers[1].owner);
	if (request.grant && !holds(row.rule_risk))
		assert(!decision.allowed); /* a grant that is given must hold */
	if (!request.grant && !request.has_rawio)
		assert(!decision.allowed);
	/* And what the rule allows is allowed: the proof is not about a guard that is shut. */
	assert(decision.allowed ==
	       (row.rule_risk < DSMIL_RISK_LOCKED && is_in_place && !request.firmware_read_only &&
		(request.grant ? holds(row.rule_risk) : row.rule_risk == DSMIL_RISK_SAFE && request.has_rawio)));
}

static void check_reason(struct dsmil_guard_row row, struct dsmil_guard_decision decision)
{
	assert(decision.allowed == (decision.reason == DSMIL_REASON_ALLOWED));
	if (decision.reason == DSMIL_REASON_GRANT_UNCHECKED ||
	    (decision.reason >= DSMIL_REASON_GRANT_MALFORMED && decision.reason <= DSMIL_REASON_GRANT_STORE_FULL))
		assert(request.grant && decision.reason == fault_of_grant(&request, row.rule_risk));
}

void decisions(void)
{
	struct dsmil_guard_row row = choose_row(), stricter = choose_row();
	struct dsmil_guard_decision decision;

	choose_request();
	/* As rows() proves of every row. */
	__CPROVER_assume((row.rule_reason == DSMIL_REASON_ALLOWED) == (row.rule_risk == DSMIL_RISK_SAFE));
	__CPROVER_assume(row.rule_reason < DSMIL_REASON_CAPABILITY_REQUIRED);
	if (is_register(request.token))
		board.rows[request.token - 0x8000] = row;
	decision = dsmil_guard_decide(&board, &request);
	if (!is_register(request.token)) {
		assert(!decision.allowed && decision.reason == DSMIL_REASON_NOT_A_REGISTER);
		return;
	}
	assert(decision.rule_risk == row.rule_risk && decision.rule_token == row.rule_token);
	if (request.operation == DSMIL_OPERATION_READ)
		assert(decision.allowed);
	else
		check_write(row, decision);
	check_reason(row, decision);

	/* What is refused stays refused on a stricter row of the same place. */
	__CPROVER_assume((stricter.rule_reason == DSMIL_REASON_ALLOWED) ==
			 (stricter.rule_risk == DSMIL_RISK_SAFE));
	__CPROVER_assume(stricter.rule_risk >= row.rule_risk && stricter.is_stable == row.is_stable &&
			 stricter.location == row.location);
	board.rows[request.token - 0x8000] = stricter;
	assert(decision.allowed || !dsmil_guard_decide(&board, &request).allowed);
}
