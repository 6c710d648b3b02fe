// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys whose grants count. They last as long as the module is loaded: this suite
 * starts with none and leaves those of alice (two) and bob to dsmil_grants.
 */
#include <linux/dsmil_netlink.h>
#include <linux/fault-inject.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "../core/audit.h"
#include "../core/grants.h"
#include "client.h"
#include "signer.h"
#include "support.h"

static struct file *ctl, *ring;
static struct client *client;
static struct signer alice, alice_again, bob, stranger;

static void expect_keys(struct kunit *test, u32 count, u64 head)
{
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).grant_keys, count);
	KUNIT_EXPECT_EQ(test, dsmil_audit_get_state().head, head);
}

static void keys_are_checked(struct kunit *test)
{
	const struct dsmil_grant_key_add good = key_request(&alice, "alice");
	struct dsmil_grant_key_add bad[] = { good, good, good, good, good, good, good, good };
	u64 head = dsmil_audit_get_state().head;
	const struct cred *cred;
	size_t i;

	bad[0].flags = 1;
	bad[1].owner[0] = '\0';
	memset(bad[2].owner, 'a', sizeof(bad[2].owner)); /* without an end */
	bad[3].owner[1] = '\n';
	bad[4].owner[sizeof(bad[4].owner) - 1] = 'x'; /* behind the end */
	bad[5].point[63] ^= 1; /* off the curve */
	bad[6].owner[0] = ' '; /* as another owner to the eye */
	bad[7].owner[4] = ' ';
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, key_submit(test, ctl, &bad[i]), -EINVAL, "%zu", i);
	KUNIT_EXPECT_EQ(test, node_ioctl_at(ctl, DSMIL_IOC_GRANT_KEY_ADD, NULL), -EFAULT);
	KUNIT_EXPECT_EQ_MSG(test, node_ioctl_at(ctl, DSMIL_IOC_GRANT_KEY_ADD,
						user_read_only(test, &good, sizeof(good))),
			    -EFAULT, "its id cannot be told");
	cred = caller_drop(test);
	KUNIT_EXPECT_EQ(test, key_add(test, ctl, &alice, "alice"), -EPERM);
	caller_restore(cred);
	expect_keys(test, 0, head);
}

/* A key that the ledger would not know of must not open anything. */
static void full_ring_takes_no_key(struct kunit *test)
{
	u64 head = dsmil_audit_get_state().head;
	u32 count = ring_reserve_all();

	KUNIT_EXPECT_EQ(test, key_add(test, ctl, &alice, "alice"), -EAGAIN);
	dsmil_audit_release(count);
	expect_keys(test, 0, head);
}

/*
 * A failing allocation is not taken for a bad point. The full ring keeps what does
 * not fail from being enrolled.
 */
static void key_without_memory(struct kunit *test)
{
	const struct dsmil_grant_key_add request = key_request(&alice, "alice");
	u64 head = dsmil_audit_get_state().head;
	void __user *user = user_page(test);
	unsigned int nth, left = 0, failed = 0;
	u32 count = ring_reserve_all();
	long ret = 0;

	KUNIT_ASSERT_EQ(test, copy_to_user(user, &request, sizeof(request)), 0);
	for (nth = 1; nth < 100 && !left; nth++) {
		current->fail_nth = nth;
		ret = node_ioctl_at(ctl, DSMIL_IOC_GRANT_KEY_ADD, user);
		left = current->fail_nth;
		current->fail_nth = 0;
		failed += ret == -ENOMEM;
		KUNIT_EXPECT_TRUE_MSG(test, ret == -ENOMEM || ret == -EFAULT || ret == -EAGAIN,
				      "%u: %ld", nth, ret);
	}
	dsmil_audit_release(count);
	KUNIT_EXPECT_GT(test, left, 0);
	KUNIT_EXPECT_EQ(test, ret, -EAGAIN);
	KUNIT_EXPECT_GT(test, failed, 0);
	expect_keys(test, 0, head);
}

static void keys_are_enrolled(struct kunit *test)
{
	struct dsmil_grant_key_add request = key_request(&alice, "alice");
	struct dsmil_event event;

	KUNIT_ASSERT_EQ(test, key_submit(test, ctl, &request), 0);
	KUNIT_EXPECT_MEMEQ(test, request.key_id, alice.id, sizeof(alice.id));
	event = ring_expect(test, ring, DSMIL_EVENT_GRANT_KEY_ADDED);
	KUNIT_EXPECT_MEMEQ(test, event.detail.key.id, alice.id, sizeof(alice.id));
	KUNIT_EXPECT_STREQ(test, event.detail.key.owner, "alice");
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).grant_keys, 1);

	KUNIT_EXPECT_EQ_MSG(test, key_add(test, ctl, &alice, "bob"), -EEXIST, "of whomever");
	KUNIT_EXPECT_EQ(test, ring_read(test, ring, &event), -EAGAIN);
	KUNIT_ASSERT_EQ(test, key_add(test, ctl, &alice_again, "alice"), 0);
	KUNIT_ASSERT_EQ(test, key_add(test, ctl, &bob, "bob"), 0);
	KUNIT_EXPECT_EQ(test, dsmil_grant_key_at(0)->owner, dsmil_grant_key_at(1)->owner);
	KUNIT_EXPECT_NE(test, dsmil_grant_key_at(0)->owner, dsmil_grant_key_at(2)->owner);
	KUNIT_EXPECT_NULL(test, dsmil_grant_key_at(3));
}

static int ask_key(struct kunit *test, const void *id, size_t size)
{
	return client_ask_bytes(test, client, DSMIL_CMD_GRANT_KEY_GET, DSMIL_A_GRANT_KEY_ID, id,
				size);
}

static int dump_keys(struct kunit *test, u16 type)
{
	int interrupted;

	client_send_bytes(test, client, DSMIL_CMD_GRANT_KEY_GET, NLM_F_DUMP, type, bob.id,
			  sizeof(bob.id));
	return client_collect(test, client, &interrupted);
}

static void netlink_lists_keys(struct kunit *test)
{
	const struct nlattr *owner;

	KUNIT_EXPECT_EQ_MSG(test, client_ask(test, client, DSMIL_CMD_GRANT_KEY_GET, 0, 0), -EINVAL,
			    "which one?");
	KUNIT_EXPECT_EQ(test, ask_key(test, stranger.id, sizeof(stranger.id)), -ENOENT);
	KUNIT_EXPECT_LT_MSG(test, ask_key(test, bob.id, sizeof(bob.id) - 1), 0, "too short");
	KUNIT_EXPECT_EQ_MSG(test, dump_keys(test, DSMIL_A_GRANT_KEY_ID), -EINVAL,
			    "takes no attribute");
	KUNIT_ASSERT_EQ(test, ask_key(test, bob.id, sizeof(bob.id)), 0);
	owner = client_attribute(client, (void *)client->buffer, DSMIL_A_GRANT_KEY_OWNER);
	KUNIT_ASSERT_NOT_NULL(test, owner);
	KUNIT_EXPECT_EQ(test, nla_strcmp(owner, "bob"), 0);
	KUNIT_EXPECT_EQ(test, dump_keys(test, 0), 3);
}

static int grant_keys_init(struct kunit *test)
{
	alice = signer_make(test, SEED_ALICE);
	alice_again = signer_make(test, SEED_ALICE_AGAIN);
	bob = signer_make(test, SEED_BOB);
	stranger = signer_make(test, SEED_STRANGER);
	ctl = node_open(test, "ctl", O_RDWR);
	ring = ring_open(test, ctl);
	client = client_open(test);
	ring_drain(test, ctl, ring);
	return 0;
}

static void grant_keys_exit(struct kunit *test)
{
	client_close(client);
	node_close(ring);
	node_close(ctl);
}

static struct kunit_case grant_keys_cases[] = {
	KUNIT_CASE(keys_are_checked),
	KUNIT_CASE(full_ring_takes_no_key),
	KUNIT_CASE(key_without_memory),
	KUNIT_CASE(keys_are_enrolled),
	KUNIT_CASE(netlink_lists_keys),
	{}
};

static struct kunit_suite grant_keys_suite = {
	.name = "dsmil_grant_keys",
	.init = grant_keys_init,
	.exit = grant_keys_exit,
	.test_cases = grant_keys_cases,
};

kunit_test_suite(grant_keys_suite);
