// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>

#include "board.h"

struct test_board board;
static bool attached;

static const struct dsmil_location *board_map(size_t *count)
{
	*count = board.count;
	return board.map;
}

static int board_locate(u16 token, u16 *location)
{
	size_t i;

	if (token == board.unlocatable)
		return -ENOENT;
	for (i = 0; i < board.count; i++) {
		if (board.map[i].token == token) {
			*location = board.map[i].location + (token == board.moved);
			return 0;
		}
	}
	return -ENOENT;
}

static int board_read(u16 token, u16 location, u32 *value)
{
	board.reads++;
	if (board.on_call)
		board.on_call();
	*value = board.values[(location - BOARD_LOCATION) % DSMIL_TOKEN_COUNT];
	return board.read_error;
}

static int board_write(u16 token, u16 location, u32 value)
{
	board.writes++;
	if (board.on_call)
		board.on_call();
	board.written_location = location;
	if (!board.write_error)
		board.values[(location - BOARD_LOCATION) % DSMIL_TOKEN_COUNT] = value;
	return board.write_error;
}

static struct dsmil_firmware_ops board_ops = {
	.name = "kunit",
	.map = board_map,
	.locate = board_locate,
	.read = board_read,
	.write = board_write,
};

void board_reset(void)
{
	u16 i;

	memset(&board, 0, sizeof(board));
	board.kind = DSMIL_FIRMWARE_SIM;
	board.count = DSMIL_TOKEN_COUNT;
	for (i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		board.map[i].token = DSMIL_TOKEN_BASE + i;
		board.map[i].location = BOARD_LOCATION + i;
		board.values[i] = 0x1000 + DSMIL_TOKEN_BASE + i;
	}
}

int board_register(void)
{
	int ret;

	/* What is attached already does not change. */
	if (!attached) {
		board_ops.kind = board.kind;
		board_ops.read_only = board.read_only;
	}
	ret = dsmil_register_firmware(&board_ops);
	if (!ret)
		attached = true;
	return ret;
}

void board_attach(struct kunit *test)
{
	board_reset();
	KUNIT_ASSERT_EQ(test, board_register(), 0);
}

void board_detach(void)
{
	if (attached)
		dsmil_unregister_firmware(&board_ops);
	attached = false;
}
