// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dsmil_netlink.h>
#include <net/genetlink.h>

#include "compat.h"
#include "core.h"
#include "netlink.h"

static struct genl_family dsmil_family;

/* ------------------------------------------------------------ INFO_GET -- */

static int put_u64(struct sk_buff *skb, int attribute, u64 value, int pad)
{
	return nla_put_u64_64bit(skb, attribute, value, pad);
}

static int put_info(struct sk_buff *skb, const struct dsmil_info *info)
{
	size_t risk;

	for (risk = 0; risk < ARRAY_SIZE(info->risk_count); risk++)
		if (nla_put_u32(skb, DSMIL_A_INFO_RISK_COUNT, info->risk_count[risk]))
			return -EMSGSIZE;

#define PUT_U64(name, value) put_u64(skb, DSMIL_A_INFO_##name, value, DSMIL_A_INFO_PAD)
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
	    PUT_U64(AUDIT_GAPS, info->audit_gaps))
		return -EMSGSIZE;
#undef PUT_U64
	return 0;
}

static int info_get_do(struct sk_buff *request, struct genl_info *info)
{
	struct dsmil_info answer = {};
	struct sk_buff *skb;
	void *header;

	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	dsmil_info_fill(&answer);
	header = genlmsg_put_reply(skb, info, &dsmil_family, 0, DSMIL_CMD_INFO_GET);
	if (!header || put_info(skb, &answer)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

/* ---------------------------------------------------------- DEVICE_GET -- */

static struct netlink_range_validation device_ids = {
	.min = DSMIL_DEVICE_ID_BASE,
	.max = DSMIL_DEVICE_ID_BASE + DSMIL_DEVICE_COUNT - 1,
};

static const struct nla_policy device_policy[] = {
	[DSMIL_A_DEVICE_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &device_ids),
	[DSMIL_A_DEVICE_NUMBER] = NLA_POLICY_MAX(NLA_U32, DSMIL_DEVICE_COUNT - 1),
};

static int put_device_attributes(struct sk_buff *skb, const struct dsmil_device *device)
{
	u16 reg;

	if (nla_put_u32(skb, DSMIL_A_DEVICE_ID, device->id) ||
	    nla_put_u32(skb, DSMIL_A_DEVICE_NUMBER, device->number) ||
	    nla_put_u32(skb, DSMIL_A_DEVICE_TOKEN_BASE, device->token_base) ||
	    nla_put_string(skb, DSMIL_A_DEVICE_NAME, device->name) ||
	    nla_put_u32(skb, DSMIL_A_DEVICE_GROUP, device->group) ||
	    nla_put_string(skb, DSMIL_A_DEVICE_GROUP_NAME, device->group_name) ||
	    nla_put_u32(skb, DSMIL_A_DEVICE_RISK, device->risk) ||
	    nla_put_u32(skb, DSMIL_A_DEVICE_PRESENT, device->present) ||
	    nla_put_u32(skb, DSMIL_A_DEVICE_LAYER, device->layer) ||
	    nla_put_u32(skb, DSMIL_A_DEVICE_CLEARANCE, device->clearance))
		return -EMSGSIZE;
	if (device->layer &&
	    (nla_put_string(skb, DSMIL_A_DEVICE_LAYER_NAME, device->layer_name) ||
	     nla_put_string(skb, DSMIL_A_DEVICE_SERVICE_NAME, device->service_name)))
		return -EMSGSIZE;
	for (reg = 0; reg < DSMIL_REGISTER_COUNT; reg++)
		if (nla_put_u32(skb, DSMIL_A_DEVICE_REGISTER_RISK, device->register_risk[reg]))
			return -EMSGSIZE;
	for (reg = 0; reg < DSMIL_REGISTER_COUNT; reg++)
		if (nla_put_u32(skb, DSMIL_A_DEVICE_REGISTER_REASON, device->register_reason[reg]))
			return -EMSGSIZE;
	return 0;
}

static int requested_number(struct genl_info *info, u16 *number)
{
	struct nlattr *id = info->attrs[DSMIL_A_DEVICE_ID];
	struct nlattr *num = info->attrs[DSMIL_A_DEVICE_NUMBER];

	if (!id == !num) {
		GENL_SET_ERR_MSG(info, "name the device by either its id or its number");
		return -EINVAL;
	}
	*number = id ? nla_get_u32(id) - DSMIL_DEVICE_ID_BASE : nla_get_u32(num);
	return 0;
}

static int device_get_do(struct sk_buff *request, struct genl_info *info)
{
	struct dsmil_device device = {};
	struct sk_buff *skb;
	void *header;
	u16 number;
	int ret;

	ret = requested_number(info, &number);
	if (ret)
		return ret;
	ret = dsmil_device_fill(number, &device, NULL);
	if (ret) {
		GENL_SET_ERR_MSG(info, "no firmware is attached");
		return ret;
	}
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	header = genlmsg_put_reply(skb, info, &dsmil_family, 0, DSMIL_CMD_DEVICE_GET);
	if (!header || put_device_attributes(skb, &device)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

static int device_get_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = dsmil_dump_attrs(cb);

	if (attrs[DSMIL_A_DEVICE_ID] || attrs[DSMIL_A_DEVICE_NUMBER]) {
		NL_SET_ERR_MSG(cb->extack, "a dump takes no attributes");
		return -EINVAL;
	}
	if (!dsmil_firmware_epoch()) {
		NL_SET_ERR_MSG(cb->extack, "no firmware is attached");
		return -ENODEV;
	}
	return 0;
}

/* args[0] is the number of the next device. */
static int device_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	for (; cb->args[0] < DSMIL_DEVICE_COUNT; cb->args[0]++) {
		struct dsmil_device device = {};
		void *header;
		int ret;

		ret = dsmil_device_fill(cb->args[0], &device, &cb->seq);
		if (ret)
			return ret;
		header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				     &dsmil_family, NLM_F_MULTI, DSMIL_CMD_DEVICE_GET);
		if (!header)
			break;
		genl_dump_check_consistent(cb, header);
		if (put_device_attributes(skb, &device)) {
			genlmsg_cancel(skb, header);
			break;
		}
		genlmsg_end(skb, header);
	}
	return skb->len;
}

/* -------------------------------------------------------------- events -- */

static int put_event(struct sk_buff *skb, const struct dsmil_event *event)
{
#define PUT_U32(name, value) nla_put_u32(skb, DSMIL_A_EVENT_##name, value)
#define PUT_U64(name, value) put_u64(skb, DSMIL_A_EVENT_##name, value, DSMIL_A_EVENT_PAD)
	if (PUT_U32(TYPE, event->type) || PUT_U32(DEVICE_ID, event->device_id) ||
	    PUT_U64(SEQUENCE, event->sequence) || PUT_U64(BOOTTIME_NS, event->boottime_ns) ||
	    PUT_U64(REALTIME_NS, event->realtime_ns) ||
	    nla_put(skb, DSMIL_A_EVENT_LOAD_ID, sizeof(event->load_id), event->load_id) ||
	    PUT_U32(TOKEN, event->token) || PUT_U32(RULE_TOKEN, event->rule_token) ||
	    PUT_U32(REG, event->reg) || PUT_U32(RISK, event->risk) ||
	    PUT_U32(REASON, event->reason) || PUT_U32(FIRMWARE_KIND, event->firmware_kind) ||
	    PUT_U32(VALUE, event->value) ||
	    nla_put_s32(skb, DSMIL_A_EVENT_RESULT, event->result) ||
	    PUT_U64(COUNT, event->count) || PUT_U64(FIRST_NS, event->first_ns) ||
	    PUT_U32(UID, event->uid) || PUT_U32(PID, event->pid) ||
	    nla_put_string(skb, DSMIL_A_EVENT_COMM, event->comm) ||
	    PUT_U64(CGROUP_ID, event->cgroup_id))
		return -EMSGSIZE;
#undef PUT_U32
#undef PUT_U64
	return 0;
}

void dsmil_netlink_publish(const struct dsmil_event *event)
{
	struct sk_buff *skb;
	void *header;

	if (!genl_has_listeners(&dsmil_family, &init_net, 0))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	header = skb ? genlmsg_put(skb, 0, 0, &dsmil_family, 0, DSMIL_CMD_EVENT) : NULL;
	if (!header || put_event(skb, event)) {
		nlmsg_free(skb);
		/* Listeners see it as the loss that it is. */
		genl_set_err(&dsmil_family, &init_net, 0, 0, -ENOBUFS);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast(&dsmil_family, skb, 0, 0, GFP_KERNEL);
}

/* -------------------------------------------------------------- family -- */

static const struct genl_ops dsmil_ops[] = {
	{
		.cmd = DSMIL_CMD_INFO_GET,
		.doit = info_get_do,
	},
	{
		.cmd = DSMIL_CMD_DEVICE_GET,
		.policy = device_policy,
		.maxattr = ARRAY_SIZE(device_policy) - 1,
		.doit = device_get_do,
		.start = device_get_start,
		.dumpit = device_get_dump,
	},
};

static const struct genl_multicast_group dsmil_groups[] = {
	{ .name = DSMIL_GENL_EVENTS, .flags = DSMIL_MCAST_FLAGS },
};

static struct genl_family dsmil_family __ro_after_init = {
	.name = DSMIL_GENL_NAME,
	.version = DSMIL_GENL_VERSION,
	.module = THIS_MODULE,
	.ops = dsmil_ops,
	.n_ops = ARRAY_SIZE(dsmil_ops),
	.resv_start_op = DSMIL_CMD_INFO_GET,
	.mcgrps = dsmil_groups,
	.n_mcgrps = ARRAY_SIZE(dsmil_groups),
};

int __init dsmil_netlink_init(void)
{
	return genl_register_family(&dsmil_family);
}

void dsmil_netlink_exit(void)
{
	genl_unregister_family(&dsmil_family);
}
