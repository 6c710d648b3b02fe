// SPDX-License-Identifier: GPL-2.0-only
/* A simulated board, as the lab emulates one: same tokens, locations and values. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/slab.h>

#include "dsmil_floor.h"
#include "sim.h"

static unsigned short absent[DSMIL_DEVICE_COUNT];
static unsigned int absent_count;
module_param_array(absent, ushort, &absent_count, 0444);
MODULE_PARM_DESC(absent, "numbers of devices that this board lacks");

struct sim_board *sim_board;
static struct dsmil_floor *write_floor;

/* --------------------------------------------------------------- board -- */

static bool is_absent(u16 token)
{
	unsigned int i;

	for (i = 0; i < absent_count; i++)
		if (absent[i] == dsmil_token_device(token))
			return true;
	return false;
}

static void add_cell(u16 token, u16 location, u32 value)
{
	if (dsmil_token_in_range(token) && is_absent(token))
		return;
	sim_board->map[sim_board->count].token = token;
	sim_board->map[sim_board->count].location = location;
	sim_board->cells[sim_board->count].value = value;
	sim_board->count++;
}

static void fill_board(void)
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
		add_cell(registers[i].token, registers[i].location, registers[i].value);
}

struct sim_cell *sim_find_cell(u16 token)
{
	size_t i;

	for (i = 0; i < sim_board->count; i++)
		if (sim_board->map[i].token == token)
			return &sim_board->cells[i];
	return NULL;
}

/* The cell that holds a location's value. */
static struct sim_cell *cell_at(u16 location)
{
	size_t i;

	for (i = 0; i < sim_board->count; i++)
		if (sim_board->map[i].location == location)
			return &sim_board->cells[i];
	return NULL;
}

int sim_add_outside(u16 token, u16 location)
{
	if (dsmil_token_in_range(token))
		return -EINVAL;
	if (sim_board->count == SIM_CELL_COUNT)
		return -ENOSPC;
	add_cell(token, location, 0);
	dsmil_floor_build(write_floor, sim_board->map, sim_board->count);
	return 0;
}

/* ---------------------------------------------------------- operations -- */

static const struct dsmil_location *sim_map(size_t *count)
{
	*count = sim_board->count;
	return sim_board->map;
}

static int sim_locate(u16 token, u16 *location)
{
	const struct sim_cell *cell = sim_find_cell(token);

	if (!cell || cell->unlocatable)
		return -ENOENT;
	*location = sim_board->map[cell - sim_board->cells].location;
	return 0;
}

static int sim_read(u16 token, u16 location, u32 *value)
{
	const struct sim_cell *cell = sim_find_cell(token);

	if (cell->read_error)
		return cell->read_error;
	*value = cell_at(location)->value ^ cell->flip_read;
	return 0;
}

static int sim_write(u16 token, u16 location, u32 value)
{
	const struct sim_cell *cell = sim_find_cell(token);
	struct sim_write *entry;

	if (!dsmil_floor_allows(write_floor, location))
		return -EPERM;
	entry = &sim_board->journal[sim_board->writes++ % SIM_JOURNAL_CAPACITY];
	entry->token = token;
	entry->location = location;
	entry->value = value;
	entry->result = cell->write_error;
	if (!cell->write_error)
		cell_at(location)->value = value;
	return cell->write_error;
}

static const struct dsmil_firmware_ops sim_ops = {
	.name = "simulated",
	.kind = DSMIL_FIRMWARE_SIM,
	.map = sim_map,
	.locate = sim_locate,
	.read = sim_read,
	.write = sim_write,
};

static int check_parameters(void)
{
	unsigned int i;

	for (i = 0; i < absent_count; i++) {
		if (absent[i] >= DSMIL_DEVICE_COUNT) {
			pr_err("absent=%u: device numbers end at %u\n", absent[i],
			       DSMIL_DEVICE_COUNT - 1);
			return -EINVAL;
		}
	}
	return 0;
}

static int __init dsmil_sim_init(void)
{
	int ret;

	ret = check_parameters();
	if (ret)
		return ret;
	sim_board = kvzalloc(sizeof(*sim_board), GFP_KERNEL);
	if (!sim_board)
		return -ENOMEM;
	write_floor = kvmalloc(sizeof(*write_floor), GFP_KERNEL);
	if (!write_floor) {
		ret = -ENOMEM;
		goto err_floor;
	}
	fill_board();
	dsmil_floor_build(write_floor, sim_board->map, sim_board->count);
	ret = dsmil_register_firmware(&sim_ops);
	if (ret)
		goto err_register;
	sim_faults_init();
	return 0;

err_register:
	kvfree(write_floor);
err_floor:
	kvfree(sim_board);
	return ret;
}

static void __exit dsmil_sim_exit(void)
{
	sim_faults_exit();
	dsmil_unregister_firmware(&sim_ops);
	kvfree(write_floor);
	kvfree(sim_board);
}

module_init(dsmil_sim_init);
module_exit(dsmil_sim_exit);

MODULE_DESCRIPTION("Simulated DSMIL firmware devices");
MODULE_AUTHOR("The dsmil authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(DSMIL_MODULE_VERSION);
