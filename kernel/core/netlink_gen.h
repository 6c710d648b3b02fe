/* SPDX-License-Identifier: GPL-2.0-only */
/* Generated from tools/abi by tools/abi/generate.py. Do not edit. */
#ifndef DSMIL_NETLINK_GEN_H
#define DSMIL_NETLINK_GEN_H

#include "compat.h"
#include "compat_genl.h"

#define DSMIL_NL_OPS 11

extern const struct genl_split_ops dsmil_nl_ops[DSMIL_NL_OPS];

enum dsmil_nl_group {
	DSMIL_NL_GROUP_EVENTS,
	DSMIL_NL_GROUP_SECURITY,
	DSMIL_NL_GROUPS
};

extern const struct genl_multicast_group dsmil_nl_groups[DSMIL_NL_GROUPS];

/* What netlink*.c must have. */
int dsmil_nl_info_get_do(struct sk_buff *skb, struct genl_info *info);
int dsmil_nl_device_get_do(struct sk_buff *skb, struct genl_info *info);
int dsmil_nl_device_get_start(struct netlink_callback *cb);
int dsmil_nl_device_get_dump(struct sk_buff *skb, struct netlink_callback *cb);
int dsmil_nl_register_get_do(struct sk_buff *skb, struct genl_info *info);
int dsmil_nl_register_get_start(struct netlink_callback *cb);
int dsmil_nl_register_get_dump(struct sk_buff *skb, struct netlink_callback *cb);
int dsmil_nl_quarantine_get_do(struct sk_buff *skb, struct genl_info *info);
int dsmil_nl_quarantine_get_start(struct netlink_callback *cb);
int dsmil_nl_quarantine_get_dump(struct sk_buff *skb, struct netlink_callback *cb);
int dsmil_nl_grant_key_get_do(struct sk_buff *skb, struct genl_info *info);
int dsmil_nl_grant_key_get_start(struct netlink_callback *cb);
int dsmil_nl_grant_key_get_dump(struct sk_buff *skb, struct netlink_callback *cb);
int dsmil_nl_statistics_get_do(struct sk_buff *skb, struct genl_info *info);
int dsmil_nl_statistics_get_start(struct netlink_callback *cb);
int dsmil_nl_statistics_get_dump(struct sk_buff *skb, struct netlink_callback *cb);

#endif /* DSMIL_NETLINK_GEN_H */
