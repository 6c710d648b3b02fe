// SPDX-License-Identifier: GPL-2.0-only
/* The devices, and what is known of their registers. No firmware is called here. */
#include <linux/err.h>

#include "core.h"
#include "netlink_internal.h"
#include "quarantine.h"
#include "status.h"

static int start_with_firmware(struct netlink_callback *cb)
{
	int ret = dsmil_nl_start(cb);

	if (ret)
		return ret;
	if (!dsmil_firmware_epoch()) {
		NL_SET_ERR_MSG(cb->extack, "no firmware is attached");
		return -ENODEV;
	}
	return 0;
}

/* ---------------------------------------------------------- DEVICE_GET -- */

static int put_device_facts(struct sk_buff *skb, const void *facts)
{
	const struct dsmil_device *device = facts;
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

int dsmil_nl_device_get_do(struct sk_buff *skb, struct genl_info *info)
{
	struct dsmil_device device = {};
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
	return dsmil_nl_answer(info, DSMIL_CMD_DEVICE_GET, put_device_facts, &device);
}

int dsmil_nl_device_get_start(struct netlink_callback *cb)
{
	return start_with_firmware(cb);
}

/* args[0] is the number of the next device. */
int dsmil_nl_device_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	for (; cb->args[0] < DSMIL_DEVICE_COUNT; cb->args[0]++) {
		struct dsmil_device device = {};
		u32 revision;
		int ret;

		ret = dsmil_device_fill(cb->args[0], &device, &revision);
		if (ret) {
			NL_SET_ERR_MSG(cb->extack, "the firmware has gone");
			return ret;
		}
		if (dsmil_nl_add(skb, cb, DSMIL_CMD_DEVICE_GET, revision, put_device_facts,
				 &device))
			break;
	}
	return skb->len;
}

/* -------------------------------------------------------- REGISTER_GET -- */

struct register_facts {
	u16 token;
	bool present;
	struct dsmil_guard_decision outlook;
	bool has_value;
	struct dsmil_status_register state;
};

static int fill_register(u16 token, struct register_facts *facts, u32 *revision)
{
	const struct dsmil_firmware_ops *ops = dsmil_firmware_lock_killable();

	if (IS_ERR(ops))
		return PTR_ERR(ops);
	if (ops) {
		facts->token = token;
		facts->present = dsmil_register_present(token);
		facts->outlook = dsmil_register_outlook(ops, token);
		facts->has_value = dsmil_status_register(token, &facts->state);
		*revision = dsmil_firmware_revision() + dsmil_quarantine_added_count();
	}
	dsmil_firmware_unlock();
	return ops ? 0 : -ENODEV;
}

static int put_state(struct sk_buff *skb, const struct register_facts *facts)
{
	if (!facts->state.time_ns)
		return 0;
	if (nla_put_u64_64bit(skb, DSMIL_A_REGISTER_TIME_NS, facts->state.time_ns,
			      DSMIL_A_REGISTER_PAD) ||
	    nla_put_s32(skb, DSMIL_A_REGISTER_RESULT, facts->state.result))
		return -EMSGSIZE;
	return facts->has_value ? nla_put_u32(skb, DSMIL_A_REGISTER_VALUE, facts->state.value) : 0;
}

static int put_register(struct sk_buff *skb, const void *facts)
{
	const struct register_facts *of = facts;

	if (nla_put_u32(skb, DSMIL_A_REGISTER_TOKEN, of->token) ||
	    nla_put_u32(skb, DSMIL_A_REGISTER_DEVICE_ID,
			DSMIL_DEVICE_ID_BASE + dsmil_token_device(of->token)) ||
	    nla_put_u32(skb, DSMIL_A_REGISTER_REG,
			(of->token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT) ||
	    nla_put_u32(skb, DSMIL_A_REGISTER_PRESENT, of->present) ||
	    nla_put_u32(skb, DSMIL_A_REGISTER_RISK, of->outlook.rule_risk) ||
	    nla_put_u32(skb, DSMIL_A_REGISTER_REASON, of->outlook.reason))
		return -EMSGSIZE;
	return put_state(skb, of);
}

int dsmil_nl_register_get_do(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *token = info->attrs[DSMIL_A_REGISTER_TOKEN];
	struct register_facts facts = {};
	u32 revision;
	int ret;

	if (!netlink_capable(skb, CAP_SYS_ADMIN)) {
		GENL_SET_ERR_MSG(info, "values of registers need CAP_SYS_ADMIN");
		return -EPERM;
	}
	if (!token) {
		GENL_SET_ERR_MSG(info, "name the register by its token");
		return -EINVAL;
	}
	ret = fill_register(nla_get_u32(token), &facts, &revision);
	if (ret) {
		GENL_SET_ERR_MSG(info, "no firmware is attached");
		return ret;
	}
	return dsmil_nl_answer(info, DSMIL_CMD_REGISTER_GET, put_register, &facts);
}

int dsmil_nl_register_get_start(struct netlink_callback *cb)
{
	if (!netlink_capable(cb->skb, CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(cb->extack, "values of registers need CAP_SYS_ADMIN");
		return -EPERM;
	}
	return start_with_firmware(cb);
}

/* args[0] is the next token, less the first. */
int dsmil_nl_register_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	for (; cb->args[0] < DSMIL_TOKEN_COUNT; cb->args[0]++) {
		struct register_facts facts = {};
		u32 revision;
		int ret;

		ret = fill_register(DSMIL_TOKEN_BASE + cb->args[0], &facts, &revision);
		if (ret) {
			NL_SET_ERR_MSG(cb->extack, "the firmware has gone");
			return ret;
		}
		if (dsmil_nl_add(skb, cb, DSMIL_CMD_REGISTER_GET, revision, put_register, &facts))
			break;
	}
	return skb->len;
}
