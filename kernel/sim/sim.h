/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the simulated board and its fault injection. */
#ifndef DSMIL_SIM_H
#define DSMIL_SIM_H

#include "dsmil_firmware.h"

#define SIM_OUTSIDE_CAPACITY 16 /* tokens outside our range that a test may add */
#define SIM_CELL_COUNT (DSMIL_TOKEN_COUNT + SIM_OUTSIDE_CAPACITY)

/* One token of the board. Changed only within dsmil_board_change_begin() and _end(). */
struct sim_cell {
	u32 value;	   /* counts for the first cell of its location */
	int read_error;	   /* 0, -EIO or -ENXIO */
	int write_error;
	u32 flip_read;	   /* bits of an answer that are turned over */
	bool unlocatable;	  /* locate() does not find it */
};

/* Written by the firmware's write(), which the core serialises. */
struct sim_write {
	u16 token;
	u16 location;
	u32 value;
	int result;
};

#define SIM_JOURNAL_CAPACITY 1024 /* the newest are kept */

struct sim_board {
	size_t count;
	struct dsmil_location map[SIM_CELL_COUNT];
	struct sim_cell cells[SIM_CELL_COUNT];
	u64 writes; /* how many ever reached the board */
	struct sim_write journal[SIM_JOURNAL_CAPACITY];
};

extern struct sim_board *sim_board;

/* The cell of a token, NULL if the board has no such token. */
struct sim_cell *sim_find_cell(u16 token);
/* -ENOSPC when SIM_OUTSIDE_CAPACITY is used up, -EINVAL for a token of our range. */
int sim_add_outside(u16 token, u16 location);

void sim_faults_init(void);
void sim_faults_exit(void);

#endif /* DSMIL_SIM_H */
