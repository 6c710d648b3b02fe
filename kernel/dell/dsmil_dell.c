// SPDX-License-Identifier: GPL-2.0-only
/* Firmware of a Dell machine, through the in-tree dell-smbios driver. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dmi.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "dell_smbios.h"
#include "dsmil_floor.h"

/* The DMI structure of tokens: SMBIOS type 0xDA. */
struct token_structure {
	struct dmi_header header;
	u16 command_address;
	u8 command_code;
	u32 supported_commands;
	struct dell_smbios_token tokens[];
} __packed;

#define TOKEN_STRUCTURE_TYPE 0xDA
#define TOKEN_TERMINATOR 0xFFFF

static struct dsmil_location *board;
static size_t board_count;
static struct dsmil_floor *write_floor;

/* --------------------------------------------------------------- board -- */

static size_t tokens_in(const struct dmi_header *header)
{
	size_t bytes = header->length;

	if (header->type != TOKEN_STRUCTURE_TYPE || bytes < sizeof(struct token_structure))
		return 0;
	return (bytes - sizeof(struct token_structure)) / sizeof(struct dell_smbios_token);
}

static void count_tokens(const struct dmi_header *header, void *data)
{
	*(size_t *)data += tokens_in(header);
}

/*
 * The driver drops the last entry of a structure unseen and zeroes the second of
 * two tokens with one number. The guard wants all of them: what shares a location
 * matters more than what the driver would find.
 */
static void collect_tokens(const struct dmi_header *header, void *data)
{
	const struct token_structure *structure = (const struct token_structure *)header;
	size_t *room = data;
	size_t i;

	for (i = 0; i < tokens_in(header); i++) {
		if (structure->tokens[i].id == TOKEN_TERMINATOR || !*room)
			continue;
		board[board_count].token = structure->tokens[i].id;
		board[board_count].location = structure->tokens[i].location;
		board_count++;
		(*room)--;
	}
}

static bool board_has_registers(void)
{
	size_t i;

	for (i = 0; i < board_count; i++)
		if (dsmil_token_in_range(board[i].token))
			return true;
	return false;
}

static int read_board(void)
{
	size_t room = 0;
	int ret;

	ret = dmi_walk(count_tokens, &room);
	if (ret)
		return ret;
	board = kvcalloc(room + 1, sizeof(*board), GFP_KERNEL);
	if (!board)
		return -ENOMEM;
	return dmi_walk(collect_tokens, &room);
}

/* ---------------------------------------------------------- operations -- */

static const struct dsmil_location *dell_map(size_t *count)
{
	*count = board_count;
	return board;
}

static int dell_locate(u16 token, u16 *location)
{
	const struct dell_smbios_token *found = dell_smbios_find_token(token);
	size_t i;

	if (!found)
		return -ENOENT;
	/* Two locations of one token are as good as none. */
	for (i = 0; i < board_count; i++)
		if (board[i].token == token && board[i].location != found->location)
			return -ENOENT;
	*location = found->location;
	return 0;
}

static int call(u16 class, u16 location, u32 value, u32 *answer)
{
	struct calling_interface_buffer buffer = {
		.cmd_class = class,
		.cmd_select = SELECT_TOKEN_STD,
		.input = { location, value },
	};
	int ret;

	ret = dell_smbios_call(&buffer);
	if (!ret)
		ret = dell_smbios_error(buffer.output[0]);
	if (!ret && answer)
		*answer = buffer.output[1];
	return ret;
}

static int dell_read(u16 token, u16 location, u32 *value)
{
	return call(CLASS_TOKEN_READ, location, 0, value);
}

static int dell_write(u16 token, u16 location, u32 value)
{
	if (!dsmil_floor_allows(write_floor, location))
		return -EPERM;
	return call(CLASS_TOKEN_WRITE, location, value, NULL);
}

static const struct dsmil_firmware_ops dell_ops = {
	.name = "dell-smbios",
	.kind = DSMIL_FIRMWARE_DELL,
	.map = dell_map,
	.locate = dell_locate,
	.read = dell_read,
	.write = dell_write,
};

static void free_board(void)
{
	kvfree(write_floor);
	kvfree(board);
}

static int __init dsmil_dell_init(void)
{
	int ret;

	ret = read_board();
	if (ret)
		goto err_board;
	if (!board_has_registers()) {
		pr_err("this machine's firmware has no DSMIL tokens (0x%04x-0x%04x), so there is nothing to drive\n",
		       DSMIL_TOKEN_BASE, DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT - 1);
		ret = -ENODEV;
		goto err_board;
	}
	write_floor = kvmalloc(sizeof(*write_floor), GFP_KERNEL);
	if (!write_floor) {
		ret = -ENOMEM;
		goto err_board;
	}
	dsmil_floor_build(write_floor, board, board_count);
	ret = dsmil_register_firmware(&dell_ops);
	if (ret)
		goto err_board;
	return 0;

err_board:
	free_board();
	return ret;
}

static void __exit dsmil_dell_exit(void)
{
	dsmil_unregister_firmware(&dell_ops);
	free_board();
}

module_init(dsmil_dell_init);
module_exit(dsmil_dell_exit);

MODULE_DESCRIPTION("DSMIL firmware devices of Dell machines");
MODULE_AUTHOR("The dsmil authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(DSMIL_MODULE_VERSION);
MODULE_SOFTDEP("pre: dell-smbios");
