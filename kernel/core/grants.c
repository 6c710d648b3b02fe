// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "audit.h"
#include "core.h"
#include "grants.h"
#include "signature.h"

/* All under the firmware lock. */
static struct dsmil_grant_key keys[DSMIL_GRANT_KEYS_MAX];
static u32 key_count;
static bool is_sealed;
static u8 (*nonces)[16]; /* NULL until there is a key */
static u32 nonce_count;

/* --------------------------------------------------------------- a grant -- */

int dsmil_grant_from_user(struct dsmil_grant *grant, u64 pointer, u32 length)
{
	grant->length = length;
	if (!pointer)
		return length ? -EINVAL : 0;
	if (length != DSMIL_GRANT_BYTES(1) && length != DSMIL_GRANT_BYTES(2))
		return 0;
	return copy_from_user(grant->bytes, u64_to_user_ptr(pointer), length) ? -EFAULT : 0;
}

static const struct dsmil_grant_body *body_of(const struct dsmil_grant *grant)
{
	return (const struct dsmil_grant_body *)grant->bytes;
}

static const struct dsmil_grant_signature *signature_of(const struct dsmil_grant *grant, u32 index)
{
	const void *signatures = grant->bytes + sizeof(struct dsmil_grant_body);

	return (const struct dsmil_grant_signature *)signatures + index;
}

/* Lengths, flags, counts, and zero where nothing is. */
static bool is_well_formed(const struct dsmil_grant *grant)
{
	const struct dsmil_grant_body *body = body_of(grant);
	u32 i;

	if (grant->length != DSMIL_GRANT_BYTES(1) && grant->length != DSMIL_GRANT_BYTES(2))
		return false;
	if (body->signer_count < 1 || body->signer_count > DSMIL_GRANT_SIGNERS_MAX ||
	    grant->length != DSMIL_GRANT_BYTES(body->signer_count))
		return false;
	if ((body->flags & ~DSMIL_GRANT_EXPECT_OLD) ||
	    memchr_inv(body->reserved, 0, sizeof(body->reserved)))
		return false;
	if (!(body->flags & DSMIL_GRANT_EXPECT_OLD) && body->old_value)
		return false;
	if (body->signer_count == 1 && memchr_inv(body->signer[1], 0, sizeof(body->signer[1])))
		return false;
	for (i = 0; i < body->signer_count; i++)
		if (!dsmil_signature_is_well_formed(signature_of(grant, i)))
			return false;
	return true;
}

static const struct dsmil_grant_key *find_key(const u8 *id)
{
	u32 i;

	for (i = 0; i < key_count; i++)
		if (!memcmp(keys[i].id, id, sizeof(keys[i].id)))
			return &keys[i];
	return NULL;
}

static void examine_signer(const struct dsmil_grant *grant, u32 index,
			   struct dsmil_guard_signer *signer)
{
	const struct dsmil_grant_key *key = find_key(body_of(grant)->signer[index]);
	int ret;

	if (!key)
		return;
	signer->is_enrolled = true;
	signer->key = key - keys;
	signer->owner = key->owner;
	ret = dsmil_signature_check(key->point, body_of(grant), signature_of(grant, index));
	signer->is_checked = !ret || ret == -EKEYREJECTED;
	signer->has_signed = !ret;
}

static bool is_used(const u8 *nonce)
{
	u32 i;

	for (i = 0; i < nonce_count; i++)
		if (!memcmp(nonces[i], nonce, sizeof(nonces[i])))
			return true;
	return false;
}

void dsmil_grant_examine(const struct dsmil_grant *grant, struct dsmil_guard_grant *facts)
{
	const struct dsmil_grant_body *body = body_of(grant);
	u32 i;

	memset(facts, 0, sizeof(*facts));
	facts->is_supported = dsmil_signature_supported();
	facts->is_well_formed = is_well_formed(grant);
	if (!facts->is_well_formed)
		return;
	facts->signer_count = body->signer_count;
	facts->is_used = is_used(body->nonce);
	facts->has_room = nonce_count < DSMIL_GRANT_NONCES_MAX;
	memcpy(facts->load_id, body->load_id, sizeof(facts->load_id));
	facts->expires_ns = le64_to_cpu(body->expires_boottime_ns);
	facts->value = le32_to_cpu(body->value);
	facts->mask = le32_to_cpu(body->mask);
	facts->old_value = le32_to_cpu(body->old_value);
	facts->uid = le32_to_cpu(body->uid);
	facts->device_id = le16_to_cpu(body->device_id);
	facts->reg = body->reg;
	facts->firmware_kind = body->firmware_kind;
	facts->expects_old = body->flags & DSMIL_GRANT_EXPECT_OLD;
	for (i = 0; facts->is_supported && i < body->signer_count; i++)
		examine_signer(grant, i, &facts->signers[i]);
}

void dsmil_grant_burn(const struct dsmil_grant *grant)
{
	/* The guard saw that there is room. */
	if (WARN_ON_ONCE(nonce_count >= DSMIL_GRANT_NONCES_MAX))
		return;
	memcpy(nonces[nonce_count++], body_of(grant)->nonce, sizeof(nonces[0]));
}

void dsmil_grant_describe(const struct dsmil_grant *grant, struct dsmil_event *event)
{
	const struct dsmil_grant_body *body = body_of(grant);

	if (!is_well_formed(grant))
		return;
	memcpy(event->detail.grant.nonce, body->nonce, sizeof(body->nonce));
	memcpy(event->detail.grant.signer, body->signer, sizeof(body->signer));
}

/* ------------------------------------------------------------------ keys -- */

const struct dsmil_grant_key *dsmil_grant_key_at(u32 index)
{
	return index < key_count ? &keys[index] : NULL;
}

struct dsmil_grant_state dsmil_grant_get_state(void)
{
	return (struct dsmil_grant_state){
		.is_supported = dsmil_signature_supported(),
		.is_sealed = is_sealed,
		.keys = key_count,
		.nonces = nonce_count,
	};
}

/* At least one printable character, the end, and nothing behind it. */
static bool is_owner_name(const char *name, size_t size)
{
	size_t length = strnlen(name, size);
	size_t i;

	/* Two owners must be told apart by whoever reads their names. */
	if (!length || length == size || name[0] == ' ' || name[length - 1] == ' ')
		return false;
	for (i = 0; i < length; i++)
		if (!isascii(name[i]) || !isprint(name[i]))
			return false;
	return !memchr_inv(name + length, 0, size - length);
}

/* The number of the owner of this name: a new one if nobody has it. */
static u8 owner_number(const char *name)
{
	u32 i;

	for (i = 0; i < key_count; i++)
		if (!strcmp(keys[i].owner_name, name))
			return keys[i].owner;
	return key_count;
}

static int add_key(struct dsmil_grant_key *key)
{
	struct dsmil_event event = {};
	int ret;

	if (is_sealed)
		return -EROFS;
	if (find_key(key->id))
		return -EEXIST;
	if (key_count == DSMIL_GRANT_KEYS_MAX)
		return -ENOSPC;
	/* Without a key there is no grant to remember. */
	if (!nonces)
		nonces = vcalloc(DSMIL_GRANT_NONCES_MAX, sizeof(*nonces));
	if (!nonces)
		return -ENOMEM;
	/* A key that the ledger does not know must not open anything. */
	ret = dsmil_audit_reserve(1);
	if (ret)
		return ret;
	key->owner = owner_number(key->owner_name);
	keys[key_count++] = *key;

	dsmil_audit_prepare(&event, DSMIL_EVENT_GRANT_KEY_ADDED);
	memcpy(event.detail.key.id, key->id, sizeof(event.detail.key.id));
	memcpy(event.detail.key.owner, key->owner_name, sizeof(event.detail.key.owner));
	dsmil_audit_commit(&event, 1);
	return 0;
}

long dsmil_grant_key_add_ioctl(struct dsmil_grant_key_add __user *arg)
{
	struct dsmil_grant_key_add request;
	struct dsmil_grant_key key = { .point = { 0x04 } };
	const struct dsmil_firmware_ops *ops;
	int ret;

	ret = dsmil_struct_from_user(&request, sizeof(request), arg);
	if (ret)
		return ret;
	if (request.flags)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!is_owner_name(request.owner, sizeof(request.owner)))
		return -EINVAL;
	if (!dsmil_signature_supported())
		return -EOPNOTSUPP;
	memcpy(key.point + 1, request.point, sizeof(request.point));
	memcpy(key.owner_name, request.owner, sizeof(key.owner_name));
	ret = dsmil_signature_key_id(key.point, key.id);
	if (ret)
		return ret;
	/* An answer that cannot be given back must fail before the key counts, not after. */
	memcpy(request.key_id, key.id, sizeof(request.key_id));
	if (copy_to_user(arg, &request, sizeof(request)))
		return -EFAULT;

	ops = dsmil_firmware_lock_killable();
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	ret = add_key(&key);
	dsmil_firmware_unlock();
	return ret;
}

long dsmil_grant_key_seal_ioctl(struct dsmil_grant_key_seal __user *arg)
{
	struct dsmil_grant_key_seal request;
	const struct dsmil_firmware_ops *ops;
	struct dsmil_event event = {};
	int ret;

	ret = dsmil_struct_from_user(&request, sizeof(request), arg);
	if (ret)
		return ret;
	if (request.flags)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	ops = dsmil_firmware_lock_killable();
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	if (!is_sealed) {
		is_sealed = true;
		dsmil_audit_prepare(&event, DSMIL_EVENT_GRANT_KEYS_SEALED);
		event.value = key_count;
		/* Closing must not fail because nobody reads the audit ring. */
		dsmil_audit_insist(&event);
	}
	dsmil_firmware_unlock();
	return 0;
}

int dsmil_grants_init(void)
{
	BUILD_BUG_ON(sizeof(struct dsmil_grant_body) != 128);
	BUILD_BUG_ON(sizeof(struct dsmil_grant_signature) != 80);
	/* The bytes of a grant are looked at as what they hold. */
	BUILD_BUG_ON(offsetof(struct dsmil_grant, bytes) % __alignof__(struct dsmil_grant_body));
	BUILD_BUG_ON(sizeof(struct dsmil_grant_body) % __alignof__(struct dsmil_grant_signature));
	BUILD_BUG_ON(__alignof__(struct dsmil_grant) < __alignof__(struct dsmil_grant_body));
	if (!dsmil_signature_init())
		pr_notice("this kernel has no ECDSA (CONFIG_CRYPTO_ECDSA): no grant can be checked, so what needs one stays closed\n");
	return 0;
}

void dsmil_grants_exit(void)
{
	vfree(nonces);
}
