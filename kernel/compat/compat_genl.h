/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink as of 6.2: an operation for a do and another for a dump. Older
 * kernels get one for both, made of the pair.
 */
#ifndef DSMIL_COMPAT_GENL_H
#define DSMIL_COMPAT_GENL_H

#include <net/genetlink.h>

#ifdef DSMIL_HAVE_GENL_SPLIT_OPS

static inline int dsmil_genl_register(struct genl_family *family,
				      const struct genl_split_ops *ops, size_t count)
{
	family->split_ops = ops;
	family->n_split_ops = count;
	return genl_register_family(family);
}

/* The policy of a dump has refused what it does not take. */
static inline bool dsmil_dump_has_attributes(struct netlink_callback *cb)
{
	return false;
}

#else

struct genl_split_ops {
	int (*doit)(struct sk_buff *skb, struct genl_info *info);
	int (*start)(struct netlink_callback *cb);
	int (*dumpit)(struct sk_buff *skb, struct netlink_callback *cb);
	const struct nla_policy *policy;
	unsigned int maxattr;
	u8 cmd;
	u8 flags;
};

#define DSMIL_PLAIN_OPS_MAX 16

/* Both lists are sorted by command. */
static inline int dsmil_genl_register(struct genl_family *family,
				      const struct genl_split_ops *ops, size_t count)
{
	static struct genl_ops plain[DSMIL_PLAIN_OPS_MAX];
	struct genl_ops *last = NULL;
	size_t used = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!last || last->cmd != ops[i].cmd) {
			if (WARN_ON(used == ARRAY_SIZE(plain)))
				return -E2BIG;
			last = &plain[used++];
			last->cmd = ops[i].cmd;
		}
		if (ops[i].flags & GENL_CMD_CAP_DO) {
			last->doit = ops[i].doit;
			last->policy = ops[i].policy;
			last->maxattr = ops[i].maxattr;
		} else {
			last->start = ops[i].start;
			last->dumpit = ops[i].dumpit;
		}
	}
	family->ops = plain;
	family->n_ops = used;
	return genl_register_family(family);
}

/* One policy serves both, so that a dump comes with what only a do may have. */
static inline bool dsmil_dump_has_attributes(struct netlink_callback *cb)
{
	const struct genl_dumpit_info *info = genl_dumpit_info(cb);
	unsigned int i;

	for (i = 1; info->attrs && i <= info->op.maxattr; i++)
		if (info->attrs[i])
			return true;
	return false;
}

#endif /* DSMIL_HAVE_GENL_SPLIT_OPS */

#endif /* DSMIL_COMPAT_GENL_H */
