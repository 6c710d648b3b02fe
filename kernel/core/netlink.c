// SPDX-License-Identifier: GPL-2.0-only
/* The family, how its messages are made, and what the module says of itself. */
#include <linux/err.h>

#include "netlink.h"

#include "core.h"
#include "netlink_internal.h"
#include "statistics.h"

int dsmil_nl_answer(struct genl_info *info, u8 command, dsmil_nl_put_fn put, const void *facts)
{
	struct sk_buff *skb;
	void *header;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	header = genlmsg_put_reply(skb, info, &dsmil_nl_family, 0, command);
	if (!header || put(skb, facts)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

int dsmil_nl_add(struct sk_buff *skb, struct netlink_callback *cb, u8 command, u32 generation,
		 dsmil_nl_put_fn put, const void *facts)
{
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &dsmil_nl_family,
			     NLM_F_MULTI, command);
	if (!header)
		return -EMSGSIZE;
	if (put(skb, facts)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	cb->seq = generation;
	genl_dump_check_consistent(cb, header);
	genlmsg_end(skb, header);
	return 0;
}

int dsmil_nl_start(struct netlink_callback *cb)
{
	if (!dsmil_dump_has_attributes(cb))
		return 0;
	NL_SET_ERR_MSG(cb->extack, "a dump takes no attributes");
	return -EINVAL;
}

/* ------------------------------------------------------------ INFO_GET -- */

static int put_grants(struct sk_buff *skb, const struct dsmil_info *info)
{
	if (nla_put_u32(skb, DSMIL_A_INFO_QUARANTINE_ADDED, info->quarantine_added) ||
	    nla_put_u32(skb, DSMIL_A_INFO_GRANTS_SUPPORTED, info->grants_supported) ||
	    nla_put_u32(skb, DSMIL_A_INFO_GRANT_KEYS, info->grant_keys) ||
	    nla_put_u32(skb, DSMIL_A_INFO_GRANT_KEYS_SEALED, info->grant_keys_sealed) ||
	    nla_put_u32(skb, DSMIL_A_INFO_GRANT_NONCES, info->grant_nonces) ||
	    nla_put_u32(skb, DSMIL_A_INFO_OBSERVERS, info->observers) ||
	    nla_put_u32(skb, DSMIL_A_INFO_FIRMWARE_READ_ONLY, info->firmware_read_only))
		return -EMSGSIZE;
	return 0;
}

static int put_info(struct sk_buff *skb, const void *facts)
{
	const struct dsmil_info *info = facts;
	size_t risk;

	for (risk = 0; risk < ARRAY_SIZE(info->risk_count); risk++)
		if (nla_put_u32(skb, DSMIL_A_INFO_RISK_COUNT, info->risk_count[risk]))
			return -EMSGSIZE;

#define PUT_U64(name, value)									\
	nla_put_u64_64bit(skb, DSMIL_A_INFO_##name, value, DSMIL_A_INFO_PAD)
	if (nla_put_u32(skb, DSMIL_A_INFO_API_VERSION, info->api_version) ||
	    nla_put_u32(skb, DSMIL_A_INFO_EVENT_SCHEMA_VERSION, info->event_schema_version) ||
	    nla_put_u32(skb, DSMIL_A_INFO_FIRMWARE_KIND, info->firmware_kind) ||
	    nla_put_string(skb, DSMIL_A_INFO_FIRMWARE_NAME, info->firmware_name) ||
	    nla_put_string(skb, DSMIL_A_INFO_MODULE_VERSION, info->module_version) ||
	    nla_put(skb, DSMIL_A_INFO_LOAD_ID, sizeof(info->load_id), info->load_id) ||
	    nla_put_u32(skb, DSMIL_A_INFO_DEVICE_COUNT, info->device_count) ||
	    nla_put_u32(skb, DSMIL_A_INFO_PRESENT_COUNT, info->present_count) ||
	    nla_put_u32(skb, DSMIL_A_INFO_AUDIT_CAPACITY, info->audit_capacity) ||
	    nla_put_u32(skb, DSMIL_A_INFO_AUDIT_READER, info->audit_reader) ||
	    PUT_U64(LOADED_NS, info->loaded_ns) || PUT_U64(READS, info->reads) ||
	    PUT_U64(WRITES, info->writes) || PUT_U64(REFUSED, info->refused) ||
	    PUT_U64(FIRMWARE_ERRORS, info->firmware_errors) ||
	    PUT_U64(AUDIT_HEAD, info->audit_head) || PUT_U64(AUDIT_TAIL, info->audit_tail) ||
	    PUT_U64(AUDIT_GAPS, info->audit_gaps) ||
	    PUT_U64(AUDIT_REFUSED, info->audit_refused))
		return -EMSGSIZE;
#undef PUT_U64
	return put_grants(skb, info);
}

int dsmil_nl_info_get_do(struct sk_buff *skb, struct genl_info *info)
{
	struct dsmil_info facts = {};
	int ret = dsmil_info_fill(&facts);

	return ret ?: dsmil_nl_answer(info, DSMIL_CMD_INFO_GET, put_info, &facts);
}

/* ------------------------------------------------------ STATISTICS_GET -- */

struct statistics_facts {
	u16 device_id; /* 0: the totals */
	struct dsmil_statistics statistics;
};

static int put_statistics(struct sk_buff *skb, const void *facts)
{
	const struct statistics_facts *of = facts;

	if (of->device_id && nla_put_u32(skb, DSMIL_A_STATISTICS_DEVICE_ID, of->device_id))
		return -EMSGSIZE;
#define PUT(name, value)									\
	nla_put_u64_64bit(skb, DSMIL_A_STATISTICS_##name, value, DSMIL_A_STATISTICS_PAD)
	if (PUT(READS, of->statistics.reads) || PUT(WRITES, of->statistics.writes) ||
	    PUT(REFUSED, of->statistics.refused) ||
	    PUT(FIRMWARE_ERRORS, of->statistics.firmware_errors))
		return -EMSGSIZE;
#undef PUT
	return 0;
}

static int copy_totals(struct dsmil_statistics *statistics)
{
	const struct dsmil_firmware_ops *ops = dsmil_firmware_lock_killable();

	if (IS_ERR(ops))
		return PTR_ERR(ops);
	*statistics = dsmil_register_statistics();
	dsmil_firmware_unlock();
	return 0;
}

int dsmil_nl_statistics_get_do(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[DSMIL_A_STATISTICS_DEVICE_ID];
	struct statistics_facts facts = {};
	int ret;

	if (id) {
		facts.device_id = nla_get_u32(id);
		ret = dsmil_statistics_of(facts.device_id - DSMIL_DEVICE_ID_BASE,
					  &facts.statistics);
	} else {
		ret = copy_totals(&facts.statistics);
	}
	return ret ?: dsmil_nl_answer(info, DSMIL_CMD_STATISTICS_GET, put_statistics, &facts);
}

int dsmil_nl_statistics_get_start(struct netlink_callback *cb)
{
	return dsmil_nl_start(cb);
}

/* args[0] is the number of the next device. Counters belong to no generation. */
int dsmil_nl_statistics_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	for (; cb->args[0] < DSMIL_DEVICE_COUNT; cb->args[0]++) {
		struct statistics_facts facts = {
			.device_id = DSMIL_DEVICE_ID_BASE + cb->args[0],
		};
		int ret = dsmil_statistics_of(cb->args[0], &facts.statistics);

		if (ret)
			return ret;
		if (dsmil_nl_add(skb, cb, DSMIL_CMD_STATISTICS_GET, 1, put_statistics, &facts))
			break;
	}
	return skb->len;
}

/* -------------------------------------------------------------- family -- */

struct genl_family dsmil_nl_family __ro_after_init = {
	.name = DSMIL_GENL_NAME,
	.version = DSMIL_GENL_VERSION,
	.module = THIS_MODULE,
	/* A request may wait for the firmware; other families must not wait with it. */
	.parallel_ops = true,
	.mcgrps = dsmil_nl_groups,
	.n_mcgrps = DSMIL_NL_GROUPS,
};

int __init dsmil_netlink_init(void)
{
	return dsmil_genl_register(&dsmil_nl_family, dsmil_nl_ops, DSMIL_NL_OPS);
}

void dsmil_netlink_exit(void)
{
	genl_unregister_family(&dsmil_nl_family);
}
