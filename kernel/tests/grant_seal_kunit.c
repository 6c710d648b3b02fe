// SPDX-License-Identifier: GPL-2.0-only
/* The ends of the list of keys: full, and sealed. Nothing undoes them, so this is last. */
#include "../core/audit.h"
#include "../core/grants.h"
#include "signer.h"
#include "support.h"

static struct file *ctl, *ring;
static struct signer stranger;

static void list_of_keys_is_bounded(struct kunit *test)
{
	u32 count = dsmil_grant_get_state().keys;
	u64 head;

	for (; count < DSMIL_GRANT_KEYS_MAX; count++) {
		struct signer filler = signer_make(test, SEED_OTHERS + count);

		KUNIT_ASSERT_EQ(test, key_add(test, ctl, &filler, "filler"), 0);
	}
	head = dsmil_audit_get_state().head;
	KUNIT_EXPECT_EQ(test, key_add(test, ctl, &stranger, "stranger"), -ENOSPC);
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).grant_keys, DSMIL_GRANT_KEYS_MAX);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().head, head);
}

static long seal(struct kunit *test, u32 flags)
{
	struct dsmil_grant_key_seal request = { .size = sizeof(request), .flags = flags };

	return node_ioctl(test, ctl, DSMIL_IOC_GRANT_KEY_SEAL, &request, sizeof(request));
}

static void seal_is_for_good(struct kunit *test)
{
	u64 head = dsmil_audit_get_state().head;
	const struct cred *cred;
	struct dsmil_event event;

	KUNIT_EXPECT_EQ(test, node_ioctl_at(ctl, DSMIL_IOC_GRANT_KEY_SEAL, NULL), -EFAULT);
	KUNIT_EXPECT_EQ(test, seal(test, 1), -EINVAL);
	cred = caller_drop(test);
	KUNIT_EXPECT_EQ(test, seal(test, 0), -EPERM);
	caller_restore(cred);
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).grant_keys_sealed, 0);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().head, head);

	KUNIT_EXPECT_EQ(test, seal(test, 0), 0);
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).grant_keys_sealed, 1);
	event = ring_expect(test, ring, DSMIL_EVENT_GRANT_KEYS_SEALED);
	KUNIT_EXPECT_EQ(test, event.value, DSMIL_GRANT_KEYS_MAX);
	KUNIT_EXPECT_EQ_MSG(test, seal(test, 0), 0, "it already was");
	KUNIT_EXPECT_EQ(test, ring_read(test, ring, &event), -EAGAIN);
	KUNIT_EXPECT_EQ(test, key_add(test, ctl, &stranger, "stranger"), -EROFS);
}

static int grant_seal_init(struct kunit *test)
{
	stranger = signer_make(test, SEED_STRANGER);
	ctl = node_open(test, "ctl", O_RDWR);
	ring = ring_open(test, ctl);
	ring_drain(test, ctl, ring);
	return 0;
}

static void grant_seal_exit(struct kunit *test)
{
	node_close(ring);
	node_close(ctl);
}

static struct kunit_case grant_seal_cases[] = {
	KUNIT_CASE(list_of_keys_is_bounded),
	KUNIT_CASE(seal_is_for_good),
	{}
};

static struct kunit_suite grant_seal_suite = {
	.name = "dsmil_grant_seal",
	.init = grant_seal_init,
	.exit = grant_seal_exit,
	.test_cases = grant_seal_cases,
};

kunit_test_suite(grant_seal_suite);
