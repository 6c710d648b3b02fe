/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CBMC proves of boards of any length, for every token and quarantine, by
 * induction over the board's lines:
 *   place_walk()  where a token is: the loop hands each line of the board to one step,
 *                 in their order, with what the steps before it made (loop contracts of
 *                 loops.json)
 *   place_step()  and whatever the lines so far say, one more changes it as it must
 *   rule_walk(), rule_step()  the same of the strictest rule at a location
 *   parts()       a row is made of the two, and of nothing else
 * Here guard.c is looked at from inside; proof.c sees it as its callers do.
 */
#include <assert.h>
#include <stdlib.h>

#include "guard.c"
#include "rule.h"

/* CBMC takes the value of a function without a body as arbitrary. */
bool nondet_bool(void);
__u16 nondet_u16(void);
size_t nondet_size(void);
struct rule nondet_rule(void);
struct dsmil_quarantine nondet_quarantine(void);
struct dsmil_location nondet_line(void);

/* More lines than any memory holds. */
#define LINES_MAX ((size_t)1 << 48)

static struct place any_place(void)
{
	return (struct place){
		.location = nondet_u16(),
		.is_listed = nondet_bool(),
		.is_elsewhere = nondet_bool(),
	};
}

static bool is_same_place(struct place a, struct place b)
{
	return a.location == b.location && a.is_listed == b.is_listed && a.is_elsewhere == b.is_elsewhere;
}

static bool is_same_rule(struct rule a, struct rule b)
{
	return a.token == b.token && a.risk == b.risk && a.reason == b.reason;
}

/* --------------------------------------------------------------- walks -- */

static const struct dsmil_location *lines;
static size_t line_count;
static struct dsmil_quarantine added;
static __u16 the_token, the_location;

/* How many lines were handed to the step, and what it gave back last. */
static size_t walked;
static struct place last_place;
static struct rule last_rule;

static void choose_board(void)
{
	line_count = nondet_size();
	__CPROVER_assume(line_count <= LINES_MAX);
	lines = malloc(line_count * sizeof(*lines));
	__CPROVER_assume(lines);
	added = nondet_quarantine();
	the_token = nondet_u16();
	the_location = nondet_u16();
	walked = 0;
}

/* In the walks, these are called in the place of the steps. */
struct place recorded_look_for(struct place place, __u16 token, const struct dsmil_location *line)
{
	assert(token == the_token && line == lines + walked);
	assert(is_same_place(place, last_place));
	walked++;
	last_place = any_place();
	return last_place;
}

struct rule recorded_look_beside(struct rule strictest, __u16 location, const struct dsmil_location *line,
				 const struct dsmil_quarantine *quarantine)
{
	assert(location == the_location && line == lines + walked && quarantine == &added);
	assert(is_same_rule(strictest, last_rule));
	walked++;
	last_rule = nondet_rule();
	return last_rule;
}

void place_walk(void)
{
	struct place found;

	choose_board();
	last_place = (struct place){ .location = 0 };
	found = find_place(the_token, lines, line_count);
	assert(walked == line_count && is_same_place(found, last_place));
}

void rule_walk(void)
{
	struct rule found;

	choose_board();
	last_rule = nondet_rule();
	found = strictest_at(the_location, last_rule, lines, line_count, &added);
	assert(walked == line_count && is_same_rule(found, last_rule));
}

/* --------------------------------------------------------------- steps -- */

/* What is true of the lines so far, in other words than the guard's. */
struct truth {
	bool is_named;	 /* one of them names the token */
	__u16 first;	 /* the location of the first that does */
	bool is_at_two;	 /* one that names it has another location than the first */
};

static bool is_true(struct place place, struct truth truth)
{
	return place.is_listed == truth.is_named && place.is_elsewhere == truth.is_at_two &&
	       (!truth.is_named || place.location == truth.first);
}

void place_step(void)
{
	struct dsmil_location line = nondet_line();
	struct truth truth = { .first = nondet_u16() }, then;
	struct place place = any_place();
	__u16 token = nondet_u16();

	/* Of no line, what the walk begins with is true. */
	assert(is_true((struct place){ .location = 0 }, truth));

	truth.is_named = nondet_bool();
	truth.is_at_two = truth.is_named && nondet_bool();
	__CPROVER_assume(is_true(place, truth));
	then = truth;
	if (line.token == token && !truth.is_named)
		then.first = line.location;
	then.is_named = truth.is_named || line.token == token;
	then.is_at_two = truth.is_at_two ||
			 (truth.is_named && line.token == token && line.location != truth.first);
	assert(is_true(look_for(place, token, &line), then));
}

/*
 * The strictest so far is the token's own rule or that of a line at the location, and
 * not weaker than the own, nor than that of any line at the location: of an arbitrary
 * one of them, `beside`.
 */
void rule_step(void)
{
	struct dsmil_location line = nondet_line();
	struct rule before = nondet_rule(), after, own, with_more;
	struct dsmil_quarantine more = nondet_quarantine();
	__u16 token = nondet_u16(), beside = nondet_u16(), location = nondet_u16();
	bool is_seen = nondet_bool();

	/* Before any line: the own rule is what the walk begins with. */
	added = nondet_quarantine();
	own = token_rule(token, &added);
	assert(own.token == token && own.risk == risk_of_token(token, &added));

	__CPROVER_assume(before.risk == risk_of_token(before.token, &added));
	__CPROVER_assume(before.risk >= own.risk);
	__CPROVER_assume(!is_seen || before.risk >= risk_of_token(beside, &added));
	after = look_beside(before, location, &line, &added);
	is_seen |= line.token == beside && line.location == location;
	assert(after.risk == risk_of_token(after.token, &added));
	assert(after.risk >= own.risk);
	assert(!is_seen || after.risk >= risk_of_token(beside, &added));
	/* Nothing is made up: it stays, or becomes that of a stricter line at the location. */
	assert(is_same_rule(after, before) ||
	       (line.location == location && after.token == line.token && after.risk > before.risk &&
		after.reason == DSMIL_REASON_ALIAS));

	/* Additions only make it stricter: a walk with more of them stays ahead of this one. */
	more.devices[0] |= added.devices[0];
	more.devices[1] |= added.devices[1];
	assert(token_rule(token, &more).risk >= own.risk);
	with_more = nondet_rule();
	__CPROVER_assume(with_more.risk >= before.risk);
	assert(look_beside(with_more, location, &line, &more).risk >= after.risk);
}

/* --------------------------------------------------------------- parts -- */

static struct place the_place;
static struct rule the_rule;
static unsigned asked_for_rule;

/* Called in the place of the walks. */
struct place chosen_place(__u16 token, const struct dsmil_location *map, size_t map_count)
{
	assert(token == the_token && map == lines && map_count == line_count);
	return the_place;
}

struct rule chosen_rule(__u16 location, struct rule strictest, const struct dsmil_location *map,
			size_t map_count, const struct dsmil_quarantine *quarantine)
{
	assert(location == the_place.location && map == lines && map_count == line_count &&
	       quarantine == &added);
	assert(is_same_rule(strictest, token_rule(the_token, &added)));
	asked_for_rule++;
	return the_rule;
}

void parts(void)
{
	struct dsmil_guard_row row;

	choose_board();
	the_place = any_place();
	the_rule = nondet_rule();
	asked_for_rule = 0;
	row = dsmil_guard_make_row(the_token, lines, line_count, &added);
	assert(row.location == the_place.location);
	assert(row.is_stable == (the_place.is_listed && !the_place.is_elsewhere));
	assert(asked_for_rule == the_place.is_listed);
	if (!the_place.is_listed)
		the_rule = token_rule(the_token, &added);
	assert(row.rule_token == the_rule.token && row.rule_risk == the_rule.risk &&
	       row.rule_reason == the_rule.reason);
}
