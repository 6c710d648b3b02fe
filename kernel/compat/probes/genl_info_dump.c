// SPDX-License-Identifier: GPL-2.0-only
/* 6.6: struct genl_info in dumps. */
#include <net/genetlink.h>

struct nlattr **probe(struct netlink_callback *cb)
{
	return genl_info_dump(cb)->attrs;
}
