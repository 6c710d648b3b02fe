// SPDX-License-Identifier: GPL-2.0-only
/* The notifications. */
#include "netlink.h"

#include "core.h"
#include "netlink_internal.h"

static int put_event(struct sk_buff *skb, const struct dsmil_event *event)
{
#define PUT_U32(name, value) nla_put_u32(skb, DSMIL_A_EVENT_##name, value)
#define PUT_U64(name, value)									\
	nla_put_u64_64bit(skb, DSMIL_A_EVENT_##name, value, DSMIL_A_EVENT_PAD)
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
	if (!memchr_inv(&event->detail, 0, sizeof(event->detail)))
		return 0;
	return nla_put(skb, DSMIL_A_EVENT_DETAIL, sizeof(event->detail), &event->detail);
}

/* A part of a batch that the guard refused something of. */
static bool has_refusal(const struct dsmil_event *part)
{
	u32 i;

	for (i = 0; i < min_t(u32, part->value, DSMIL_EVENT_OPERATIONS); i++)
		if (part->detail.operations[i].result == -EPERM)
			return true;
	return false;
}

/* What the group "security" is told. */
static bool concerns_security(const struct dsmil_event *event)
{
	switch (event->type) {
	case DSMIL_EVENT_GAP:
	case DSMIL_EVENT_REFUSED:
	case DSMIL_EVENT_QUARANTINE_ADDED:
	case DSMIL_EVENT_GRANT_KEY_ADDED:
	case DSMIL_EVENT_GRANT_KEYS_SEALED:
		return true;
	case DSMIL_EVENT_BATCH_PART:
		return has_refusal(event);
	default:
		return false;
	}
}

static void tell(enum dsmil_nl_group group, const struct dsmil_event *event)
{
	struct sk_buff *skb;
	void *header;

	if (!genl_has_listeners(&dsmil_nl_family, &init_net, group))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	header = skb ? genlmsg_put(skb, 0, 0, &dsmil_nl_family, 0, DSMIL_CMD_EVENT) : NULL;
	if (!header || put_event(skb, event)) {
		nlmsg_free(skb);
		/* Listeners see it as the loss that it is. */
		genl_set_err(&dsmil_nl_family, &init_net, 0, group, -ENOBUFS);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast(&dsmil_nl_family, skb, 0, group, GFP_KERNEL);
}

void dsmil_netlink_publish(const struct dsmil_event *event)
{
	tell(DSMIL_NL_GROUP_EVENTS, event);
	/* Of most events it is quicker to say than whether anybody listens. */
	if (event->type == DSMIL_EVENT_READ)
		return;
	if (genl_has_listeners(&dsmil_nl_family, &init_net, DSMIL_NL_GROUP_SECURITY) &&
	    concerns_security(event))
		tell(DSMIL_NL_GROUP_SECURITY, event);
}
