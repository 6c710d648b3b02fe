// SPDX-License-Identifier: GPL-2.0-only
/* The tokens of a Dell machine and their locations, from its DMI tables. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dmi.h>
#include <linux/slab.h>

#include "dell.h"
#include "dell_smbios.h"

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

static bool shares_location(size_t index)
{
	size_t i;

	for (i = 0; i < board_count; i++)
		if (board[i].location == board[index].location &&
		    board[i].token != board[index].token)
			return true;
	return false;
}

/* Says what was found. A register is unreachable if the driver does not know one location. */
static size_t check_board(void)
{
	size_t registers = 0, aliased = 0, unreachable = 0, i;
	u16 location;

	for (i = 0; i < board_count; i++) {
		if (!dsmil_token_in_range(board[i].token))
			continue;
		registers++;
		aliased += shares_location(i);
		unreachable += dell_locate(board[i].token, &location) != 0;
	}
	if (registers)
		pr_info("location map: %zu tokens of %zu are registers, %zu of them share a location with another token, %zu have no one location\n",
			registers, board_count, aliased, unreachable);
	return registers;
}

int dell_board_read(void)
{
	size_t room = 0;
	int ret;

	ret = dmi_walk(count_tokens, &room);
	if (ret)
		return ret;
	board = kvcalloc(room + 1, sizeof(*board), GFP_KERNEL);
	if (!board)
		return -ENOMEM;
	ret = dmi_walk(collect_tokens, &room);
	if (ret)
		return ret;
	if (!check_board()) {
		pr_err("this machine's firmware has no DSMIL tokens (0x%04x-0x%04x), so there is nothing to drive\n",
		       DSMIL_TOKEN_BASE, DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT - 1);
		return -ENODEV;
	}
	return 0;
}

void dell_board_free(void)
{
	kvfree(board);
}

const struct dsmil_location *dell_map(size_t *count)
{
	*count = board_count;
	return board;
}

int dell_locate(u16 token, u16 *location)
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
