// SPDX-License-Identifier: GPL-2.0-only
/* 6.2: an operation of its own for a dump. */
#include <net/genetlink.h>

const struct genl_split_ops probe = { .cmd = 1 };
