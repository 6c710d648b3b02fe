// SPDX-License-Identifier: GPL-2.0-only
/* The simulated board: as the lab emulates one, or as a configuration wants it. */
#include <linux/delay.h>
#include <linux/jhash.h>

#include "sim.h"

struct sim_board *sim_board;

/* -------------------------------------------------------------- making -- */

static u32 first_value(const struct sim_config *config, u16 token, u32 value)
{
	return config->seeded ? jhash_2words(token, config->seed, 0) : value;
}

static void add_cell(struct sim_board *board, u16 token, u16 location, u32 value)
{
	struct sim_cell *cell = &board->cells[board->cell_count];

	cell->token = token;
	cell->location = location;
	cell->value = value;
	if (dsmil_token_in_range(token))
		board->cell_of[token - DSMIL_TOKEN_BASE] = board->cell_count;
	board->cell_count++;
}

static void fill_cells(struct sim_board *board)
{
	static const struct {
		u16 token;
		u16 location;
		u32 value;
	} registers[] = {
#define DSMIL_EMULATED_REGISTER(token, location, value) { token, location, value },
#include "dsmil_catalog.def"
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(registers); i++)
		if (!test_bit(dsmil_token_device(registers[i].token), board->config.absent))
			add_cell(board, registers[i].token, registers[i].location,
				 first_value(&board->config, registers[i].token,
					     registers[i].value));
}

static struct sim_cell *find_cell(struct sim_board *board, u16 token)
{
	size_t i;

	if (dsmil_token_in_range(token)) {
		s16 index = board->cell_of[token - DSMIL_TOKEN_BASE];

		return index < 0 ? NULL : &board->cells[index];
	}
	for (i = 0; i < board->cell_count; i++)
		if (board->cells[i].token == token)
			return &board->cells[i];
	return NULL;
}

static int add_aliases(struct sim_board *board)
{
	size_t i;

	for (i = 0; i < board->config.alias_count; i++) {
		struct sim_cell *cell = find_cell(board, board->config.alias[i].token);
		const struct sim_cell *with = find_cell(board, board->config.alias[i].with);

		if (!cell || !with || cell == with)
			return -EINVAL;
		cell->location = with->location;
	}
	return 0;
}

/* The first cell of a location holds its value. */
static void find_holders(struct sim_board *board)
{
	size_t i, first;

	for (i = 0; i < board->cell_count; i++) {
		for (first = 0; board->cells[first].location != board->cells[i].location; first++)
			;
		board->cells[i].holder = first;
	}
}

/*
 * A token that has vanished still has its location, where a write would reach it: in
 * its place is one of unknown meaning, which closes the location to all others.
 */
void sim_list_map(struct sim_board *board)
{
	size_t i;

	board->map_count = 0;
	for (i = 0; i < board->cell_count; i++) {
		const struct sim_cell *cell = &board->cells[i];

		board->map[board->map_count].token =
			cell->faults[SIM_VANISHED].left ? SIM_VANISHED_TOKEN : cell->token;
		board->map[board->map_count].location = cell->location;
		board->map_count++;
	}
}

/* The floor forgets nothing: what has vanished still counts there. */
static void finish_board(struct sim_board *board)
{
	size_t i;

	find_holders(board);
	sim_list_map(board);
	for (i = 0; i < board->cell_count; i++) {
		board->whole[i].token = board->cells[i].token;
		board->whole[i].location = board->cells[i].location;
	}
	dsmil_floor_build(&board->floor, board->whole, board->cell_count);
}

int sim_board_fill(struct sim_board *board, const struct sim_config *config)
{
	int ret;

	board->config = *config;
	memset(board->cell_of, 0xFF, sizeof(board->cell_of));
	fill_cells(board);
	ret = add_aliases(board);
	if (ret)
		return ret;
	finish_board(board);
	return 0;
}

struct sim_cell *sim_find_cell(u16 token)
{
	return find_cell(sim_board, token);
}

int sim_add_outside(u16 token, u16 location)
{
	if (dsmil_token_in_range(token))
		return -EINVAL;
	if (sim_board->cell_count == SIM_CELL_COUNT)
		return -ENOSPC;
	add_cell(sim_board, token, location, first_value(&sim_board->config, token, 0));
	finish_board(sim_board);
	return 0;
}

/* ---------------------------------------------------------- operations -- */

/* Whether a fault strikes now; counts it. */
static bool strikes(struct sim_cell *cell, enum sim_fault_kind kind)
{
	struct sim_fault *fault = &cell->faults[kind];

	if (!fault->left)
		return false;
	if (fault->left != SIM_ALWAYS)
		fault->left--;
	sim_board->injected[kind]++;
	return true;
}

static const struct dsmil_location *sim_map(size_t *count)
{
	*count = sim_board->map_count;
	return sim_board->map;
}

static int sim_locate(u16 token, u16 *location)
{
	struct sim_cell *cell = sim_find_cell(token);

	if (!cell || strikes(cell, SIM_VANISHED) || strikes(cell, SIM_UNLOCATABLE))
		return -ENOENT;
	*location = cell->location;
	return 0;
}

static int sim_read(u16 token, u16 location, u32 *value)
{
	struct sim_cell *cell = sim_find_cell(token);

	if (strikes(cell, SIM_DELAY_READ))
		fsleep(cell->faults[SIM_DELAY_READ].argument);
	if (strikes(cell, SIM_FAIL_READ))
		return -(int)cell->faults[SIM_FAIL_READ].argument;
	*value = sim_board->cells[cell->holder].value;
	if (strikes(cell, SIM_FLIP_READ))
		*value ^= cell->faults[SIM_FLIP_READ].argument;
	/* What came before the answer broke off is there, and must not be believed. */
	return strikes(cell, SIM_SHORT_READ) ? -EIO : 0;
}

/* A write that fails leaves the value; one whose answer breaks off has changed it. */
static int store(struct sim_cell *cell, u32 value)
{
	if (strikes(cell, SIM_DELAY_WRITE))
		fsleep(cell->faults[SIM_DELAY_WRITE].argument);
	if (strikes(cell, SIM_FAIL_WRITE))
		return -(int)cell->faults[SIM_FAIL_WRITE].argument;
	if (strikes(cell, SIM_FLIP_WRITE))
		value ^= cell->faults[SIM_FLIP_WRITE].argument;
	sim_board->cells[cell->holder].value = value;
	return strikes(cell, SIM_SHORT_WRITE) ? -EIO : 0;
}

static int sim_write(u16 token, u16 location, u32 value)
{
	struct sim_write *entry;

	if (!dsmil_floor_allows(&sim_board->floor, location))
		return -EPERM;
	entry = &sim_board->journal[sim_board->writes++ % SIM_JOURNAL_CAPACITY];
	entry->token = token;
	entry->location = location;
	entry->value = value;
	entry->result = store(sim_find_cell(token), value);
	return entry->result;
}

const struct dsmil_firmware_ops sim_ops = {
	.name = "simulated",
	.kind = DSMIL_FIRMWARE_SIM,
	.map = sim_map,
	.locate = sim_locate,
	.read = sim_read,
	.write = sim_write,
};
