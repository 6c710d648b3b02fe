/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of dsmil_dell share. */
#ifndef DSMIL_DELL_H
#define DSMIL_DELL_H

#include "dsmil_firmware.h"

/* ------------------------------------------------------------- board.c -- */

/*
 * The token table of the machine's DMI structures, read once: it does not change
 * while the machine runs. -ENODEV, with a line in the log: it has no register of
 * ours. Another line counts what it has.
 */
int dell_board_read(void);
void dell_board_free(void);
const struct dsmil_location *dell_map(size_t *count);
int dell_locate(u16 token, u16 *location);

/* ----------------------------------------------------------- symbols.c -- */

/*
 * Whether the borrowed symbols are those that this driver was written for, or the
 * administrator accepts what they are. Says in the log why not, and what to do.
 */
bool dell_symbols_trusted(void);

#endif /* DSMIL_DELL_H */
