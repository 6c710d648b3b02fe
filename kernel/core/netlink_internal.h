/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the netlink family share. */
#ifndef DSMIL_NETLINK_INTERNAL_H
#define DSMIL_NETLINK_INTERNAL_H

#include <linux/dsmil_netlink.h>

#include "netlink_gen.h"

extern struct genl_family dsmil_nl_family;

/* Puts facts, whatever they are, in a message; -EMSGSIZE if they do not fit. */
typedef int (*dsmil_nl_put_fn)(struct sk_buff *skb, const void *facts);

/* Answers a do. */
int dsmil_nl_answer(struct genl_info *info, u8 command, dsmil_nl_put_fn put, const void *facts);

/*
 * One message of a dump, marked with NLM_F_DUMP_INTR if generation is not that of the
 * one before; a generation is never 0. -EMSGSIZE: it comes with the next buffer.
 */
int dsmil_nl_add(struct sk_buff *skb, struct netlink_callback *cb, u8 command, u32 generation,
		 dsmil_nl_put_fn put, const void *facts);

/* Dumps take no attributes. */
int dsmil_nl_start(struct netlink_callback *cb);

#endif /* DSMIL_NETLINK_INTERNAL_H */
