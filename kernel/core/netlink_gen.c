// SPDX-License-Identifier: GPL-2.0-only
/* Generated from tools/abi by tools/abi/generate.py. Do not edit. */
#include "netlink_gen.h"

#include <linux/dsmil_netlink.h>
#include <linux/kernel.h>

/* A split operation without a policy would take anything. */
static const struct nla_policy no_attributes[] = {
	[1] = { .type = NLA_REJECT, .reject_message = "this request takes no attributes" },
};

static struct netlink_range_validation device_get_id_range = {
	.min = 0x8000,
	.max = 0x806b,
};

static const struct nla_policy device_get_do_policy[] = {
	[DSMIL_A_DEVICE_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &device_get_id_range),
	[DSMIL_A_DEVICE_NUMBER] = NLA_POLICY_MAX(NLA_U32, 107),
};

static struct netlink_range_validation register_get_token_range = {
	.min = 0x8000,
	.max = 0x8143,
};

static const struct nla_policy register_get_do_policy[] = {
	[DSMIL_A_REGISTER_TOKEN] = NLA_POLICY_FULL_RANGE(NLA_U32, &register_get_token_range),
};

static struct netlink_range_validation quarantine_get_device_id_range = {
	.min = 0x8000,
	.max = 0x806b,
};

static const struct nla_policy quarantine_get_do_policy[] = {
	[DSMIL_A_QUARANTINE_DEVICE_ID] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &quarantine_get_device_id_range),
};

static const struct nla_policy grant_key_get_do_policy[] = {
	[DSMIL_A_GRANT_KEY_ID] = NLA_POLICY_EXACT_LEN(32),
};

static struct netlink_range_validation statistics_get_device_id_range = {
	.min = 0x8000,
	.max = 0x806b,
};

static const struct nla_policy statistics_get_do_policy[] = {
	[DSMIL_A_STATISTICS_DEVICE_ID] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &statistics_get_device_id_range),
};

/* Sorted by command, its do before its dump. */
const struct genl_split_ops dsmil_nl_ops[DSMIL_NL_OPS] = {
	{
		.cmd = DSMIL_CMD_INFO_GET,
		.doit = dsmil_nl_info_get_do,
		.policy = no_attributes,
		.maxattr = ARRAY_SIZE(no_attributes) - 1,
		.flags = GENL_CMD_CAP_DO,
	},
	{
		.cmd = DSMIL_CMD_DEVICE_GET,
		.doit = dsmil_nl_device_get_do,
		.policy = device_get_do_policy,
		.maxattr = ARRAY_SIZE(device_get_do_policy) - 1,
		.flags = GENL_CMD_CAP_DO,
	},
	{
		.cmd = DSMIL_CMD_DEVICE_GET,
		.start = dsmil_nl_device_get_start,
		.dumpit = dsmil_nl_device_get_dump,
		.policy = no_attributes,
		.maxattr = ARRAY_SIZE(no_attributes) - 1,
		.flags = GENL_CMD_CAP_DUMP,
	},
	{
		.cmd = DSMIL_CMD_REGISTER_GET,
		.doit = dsmil_nl_register_get_do,
		.policy = register_get_do_policy,
		.maxattr = ARRAY_SIZE(register_get_do_policy) - 1,
		.flags = GENL_CMD_CAP_DO,
	},
	{
		.cmd = DSMIL_CMD_REGISTER_GET,
		.start = dsmil_nl_register_get_start,
		.dumpit = dsmil_nl_register_get_dump,
		.policy = no_attributes,
		.maxattr = ARRAY_SIZE(no_attributes) - 1,
		.flags = GENL_CMD_CAP_DUMP,
	},
	{
		.cmd = DSMIL_CMD_QUARANTINE_GET,
		.doit = dsmil_nl_quarantine_get_do,
		.policy = quarantine_get_do_policy,
		.maxattr = ARRAY_SIZE(quarantine_get_do_policy) - 1,
		.flags = GENL_CMD_CAP_DO,
	},
	{
		.cmd = DSMIL_CMD_QUARANTINE_GET,
		.start = dsmil_nl_quarantine_get_start,
		.dumpit = dsmil_nl_quarantine_get_dump,
		.policy = no_attributes,
		.maxattr = ARRAY_SIZE(no_attributes) - 1,
		.flags = GENL_CMD_CAP_DUMP,
	},
	{
		.cmd = DSMIL_CMD_GRANT_KEY_GET,
		.doit = dsmil_nl_grant_key_get_do,
		.policy = grant_key_get_do_policy,
		.maxattr = ARRAY_SIZE(grant_key_get_do_policy) - 1,
		.flags = GENL_CMD_CAP_DO,
	},
	{
		.cmd = DSMIL_CMD_GRANT_KEY_GET,
		.start = dsmil_nl_grant_key_get_start,
		.dumpit = dsmil_nl_grant_key_get_dump,
		.policy = no_attributes,
		.maxattr = ARRAY_SIZE(no_attributes) - 1,
		.flags = GENL_CMD_CAP_DUMP,
	},
	{
		.cmd = DSMIL_CMD_STATISTICS_GET,
		.doit = dsmil_nl_statistics_get_do,
		.policy = statistics_get_do_policy,
		.maxattr = ARRAY_SIZE(statistics_get_do_policy) - 1,
		.flags = GENL_CMD_CAP_DO,
	},
	{
		.cmd = DSMIL_CMD_STATISTICS_GET,
		.start = dsmil_nl_statistics_get_start,
		.dumpit = dsmil_nl_statistics_get_dump,
		.policy = no_attributes,
		.maxattr = ARRAY_SIZE(no_attributes) - 1,
		.flags = GENL_CMD_CAP_DUMP,
	},
};

const struct genl_multicast_group dsmil_nl_groups[DSMIL_NL_GROUPS] = {
	[DSMIL_NL_GROUP_EVENTS] = { .name = DSMIL_GENL_EVENTS,
		.flags = DSMIL_MCAST_FLAGS },
	[DSMIL_NL_GROUP_SECURITY] = { .name = DSMIL_GENL_SECURITY,
		.flags = DSMIL_MCAST_FLAGS },
};
