/* SPDX-License-Identifier: GPL-2.0-only */
/* The firmware of the KUnit suites: a board whose answers a test sets. */
#ifndef DSMIL_TEST_BOARD_H
#define DSMIL_TEST_BOARD_H

#include "dsmil_firmware.h"

struct kunit;

/* Each token has a location of its own, this one for the first. */
#define BOARD_LOCATION 0x0400
#define BOARD_EXTRA 4 /* tokens that a test may add */

struct test_board {
	u8 kind; /* enum dsmil_firmware_kind; this and the next are taken when attaching */
	bool read_only;
	struct dsmil_location map[DSMIL_TOKEN_COUNT + BOARD_EXTRA];
	size_t count;
	u32 values[DSMIL_TOKEN_COUNT]; /* by location */
	u16 unlocatable;	       /* a token that locate() does not find, or 0 */
	u16 moved;		       /* a token that locate() finds elsewhere, or 0 */
	int read_error;
	int write_error;
	void (*on_call)(void); /* in each call, under the firmware lock; or NULL */
	unsigned int reads;
	unsigned int writes;
	u16 written_location;
};

extern struct test_board board;

/* A full board that holds 0x1000 + the token in each register, attached. */
void board_attach(struct kunit *test);
void board_detach(void);
/* Only fills it in; 0 or the errno of attaching. */
void board_reset(void);
int board_register(void);

#endif /* DSMIL_TEST_BOARD_H */
