/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of dsmil_sim share: the board (board.c), its making and removing
 * at run time (dsmil_sim.c) and its faults (faults.c).
 */
#ifndef DSMIL_SIM_H
#define DSMIL_SIM_H

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/device.h>

#include "dsmil_firmware.h"
#include "dsmil_floor.h"

#define SIM_OUTSIDE_CAPACITY 16 /* tokens outside our range that a test may add */
#define SIM_CELL_COUNT (DSMIL_TOKEN_COUNT + SIM_OUTSIDE_CAPACITY)
#define SIM_ALIAS_CAPACITY 16	  /* of one board */
#define SIM_JOURNAL_CAPACITY 1024 /* the newest are kept */

/* What a board is made of. The same configuration makes the same board. */
struct sim_config {
	u32 id;
	DECLARE_BITMAP(absent, DSMIL_DEVICE_COUNT);
	bool seeded; /* values come from seed, not from the catalogue */
	u32 seed;
	size_t alias_count;
	struct {
		u16 token;
		u16 with; /* takes this token's location */
	} alias[SIM_ALIAS_CAPACITY];
};

enum sim_fault_kind {
	SIM_FAIL_READ,
	SIM_FAIL_WRITE,
	SIM_DELAY_READ,
	SIM_DELAY_WRITE,
	SIM_SHORT_READ,
	SIM_SHORT_WRITE,
	SIM_FLIP_READ,
	SIM_FLIP_WRITE,
	SIM_UNLOCATABLE,
	SIM_VANISHED,
	SIM_FAULT_KINDS
};

#define SIM_ALWAYS U32_MAX
#define SIM_VANISHED_TOKEN 0 /* outside our range */

struct sim_fault {
	u32 argument;
	u32 left; /* how often it still strikes; 0: not set */
};

/* One token of the board. Changed only within dsmil_board_change_begin() and _end(). */
struct sim_cell {
	u16 token;
	u16 location;
	u16 holder; /* the cell that holds the location's value */
	u32 value;
	struct sim_fault faults[SIM_FAULT_KINDS];
};

/* Written by the firmware's write(), which the core serialises. */
struct sim_write {
	u16 token;
	u16 location;
	u32 value;
	int result;
};

struct sim_board {
	struct device dev; /* on the bus dsmil_sim */
	struct completion released;
	struct sim_config config;
	size_t cell_count;
	struct sim_cell cells[SIM_CELL_COUNT];
	s16 cell_of[DSMIL_TOKEN_COUNT]; /* -1: absent */
	size_t map_count;
	struct dsmil_location map[SIM_CELL_COUNT];
	struct dsmil_location whole[SIM_CELL_COUNT]; /* with it: for the floor */
	struct dsmil_floor floor;
	u64 injected[SIM_FAULT_KINDS];
	u64 writes; /* how many ever reached the board */
	struct sim_write journal[SIM_JOURNAL_CAPACITY];
};

/* The board that is attached. Changes only while no operation can run. */
extern struct sim_board *sim_board;
extern const struct dsmil_firmware_ops sim_ops;

/* -EINVAL: an alias names a token that the board has not. */
int sim_board_fill(struct sim_board *board, const struct sim_config *config);

/* Of sim_board, within a board change. The cell of a token, NULL if there is none. */
struct sim_cell *sim_find_cell(u16 token);
/* -ENOSPC when SIM_OUTSIDE_CAPACITY is used up, -EINVAL for a token of our range. */
int sim_add_outside(u16 token, u16 location);
/* After a cell has vanished or come back. */
void sim_list_map(struct sim_board *board);

void sim_faults_init(void);
void sim_faults_exit(void);

#endif /* DSMIL_SIM_H */
