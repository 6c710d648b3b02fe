// SPDX-License-Identifier: GPL-2.0-only
/* What administrators decided: the quarantine, and whose grants count. */
#include <linux/err.h>

#include "core.h"
#include "grants.h"
#include "netlink_internal.h"
#include "quarantine.h"

/* ------------------------------------------------------ QUARANTINE_GET -- */

struct quarantine_facts {
	u16 number;
	bool quarantined;
	bool added;
};

static int fill_quarantine(u16 number, struct quarantine_facts *facts, u32 *generation)
{
	bool compiled_in = dsmil_catalog[number].risk == DSMIL_RISK_QUARANTINED;
	const struct dsmil_firmware_ops *ops = dsmil_firmware_lock_killable();

	if (IS_ERR(ops))
		return PTR_ERR(ops);
	facts->number = number;
	facts->quarantined = dsmil_quarantine_risk(number) == DSMIL_RISK_QUARANTINED;
	facts->added = facts->quarantined && !compiled_in;
	*generation = 1 + dsmil_quarantine_added_count();
	dsmil_firmware_unlock();
	return 0;
}

static int put_quarantine(struct sk_buff *skb, const void *facts)
{
	const struct quarantine_facts *of = facts;

	if (nla_put_u32(skb, DSMIL_A_QUARANTINE_DEVICE_ID, DSMIL_DEVICE_ID_BASE + of->number) ||
	    nla_put_string(skb, DSMIL_A_QUARANTINE_NAME, dsmil_catalog[of->number].name) ||
	    nla_put_u32(skb, DSMIL_A_QUARANTINE_QUARANTINED, of->quarantined) ||
	    nla_put_u32(skb, DSMIL_A_QUARANTINE_ADDED, of->added))
		return -EMSGSIZE;
	return 0;
}

int dsmil_nl_quarantine_get_do(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[DSMIL_A_QUARANTINE_DEVICE_ID];
	struct quarantine_facts facts;
	u32 generation;
	int ret;

	if (!id) {
		GENL_SET_ERR_MSG(info, "name the device by its id");
		return -EINVAL;
	}
	ret = fill_quarantine(nla_get_u32(id) - DSMIL_DEVICE_ID_BASE, &facts, &generation);
	return ret ?: dsmil_nl_answer(info, DSMIL_CMD_QUARANTINE_GET, put_quarantine, &facts);
}

int dsmil_nl_quarantine_get_start(struct netlink_callback *cb)
{
	return dsmil_nl_start(cb);
}

/* args[0] is the number of the next device. */
int dsmil_nl_quarantine_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	for (; cb->args[0] < DSMIL_DEVICE_COUNT; cb->args[0]++) {
		struct quarantine_facts facts;
		u32 generation;
		int ret;

		ret = fill_quarantine(cb->args[0], &facts, &generation);
		if (ret)
			return ret;
		if (facts.quarantined &&
		    dsmil_nl_add(skb, cb, DSMIL_CMD_QUARANTINE_GET, generation, put_quarantine,
				 &facts))
			break;
	}
	return skb->len;
}

/* ------------------------------------------------------- GRANT_KEY_GET -- */

/* -ENOENT behind the last key. The list only grows: its length is its generation. */
static int copy_key(u32 index, struct dsmil_grant_key *key, u32 *generation)
{
	const struct dsmil_firmware_ops *ops = dsmil_firmware_lock_killable();
	const struct dsmil_grant_key *found;

	if (IS_ERR(ops))
		return PTR_ERR(ops);
	found = dsmil_grant_key_at(index);
	if (found)
		*key = *found;
	*generation = 1 + dsmil_grant_get_state().keys;
	dsmil_firmware_unlock();
	return found ? 0 : -ENOENT;
}

static int put_grant_key(struct sk_buff *skb, const void *facts)
{
	const struct dsmil_grant_key *key = facts;

	if (nla_put(skb, DSMIL_A_GRANT_KEY_ID, sizeof(key->id), key->id) ||
	    nla_put_string(skb, DSMIL_A_GRANT_KEY_OWNER, key->owner_name))
		return -EMSGSIZE;
	return 0;
}

int dsmil_nl_grant_key_get_do(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[DSMIL_A_GRANT_KEY_ID];
	struct dsmil_grant_key key;
	u32 generation;
	u32 i;
	int ret;

	if (!id) {
		GENL_SET_ERR_MSG(info, "name the key by its id");
		return -EINVAL;
	}
	for (i = 0; !(ret = copy_key(i, &key, &generation)); i++)
		if (!memcmp(key.id, nla_data(id), sizeof(key.id)))
			return dsmil_nl_answer(info, DSMIL_CMD_GRANT_KEY_GET, put_grant_key, &key);
	if (ret == -ENOENT)
		NL_SET_ERR_MSG_ATTR(info->extack, id, "no such key is enrolled");
	return ret;
}

int dsmil_nl_grant_key_get_start(struct netlink_callback *cb)
{
	return dsmil_nl_start(cb);
}

/* args[0] is the index of the next key. */
int dsmil_nl_grant_key_get_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	for (;; cb->args[0]++) {
		struct dsmil_grant_key key;
		u32 generation;

		if (copy_key(cb->args[0], &key, &generation) ||
		    dsmil_nl_add(skb, cb, DSMIL_CMD_GRANT_KEY_GET, generation, put_grant_key, &key))
			break;
	}
	return skb->len;
}
