/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs for the test kernels share beyond tests/kselftest/support.h. */
#ifndef DSMIL_TESTKERNEL_MACHINE_H
#define DSMIL_TESTKERNEL_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The core and the simulated board: 0 or an errno. */
int core_load(void);
int core_unload(void);
int board_load(void);
int board_unload(void);

/* A line into one of the board's files of faults: 0 or an errno. */
int board_fault(const char *file, const char *line);

/*
 * The writes that reached the board: how many of the newest 1,024 there are, and
 * how many of them went where no caller of these tests may write. -1: no journal.
 */
struct journal_verdict {
	int writes;
	int forbidden;
	unsigned first_forbidden; /* token */
};

struct journal_verdict journal_judge(void);

/* The next allocation but n - 1 of this thread fails; 0: none. */
void fail_nth(unsigned n);
/* Whether it came so far. */
bool fail_came(void);

/* xorshift64*: the same numbers for the same seed (never 0) everywhere. */
struct dice {
	uint64_t state;
};

struct dice dice_make(uint64_t seed, uint64_t stream);
uint64_t dice_roll(struct dice *dice);
/* 0 .. below - 1 */
unsigned dice_below(struct dice *dice, unsigned below);

/* A number that was given as --NAME, or the default; bails out if it is none. */
uint64_t number_option(const char *name, uint64_t otherwise);

#endif
