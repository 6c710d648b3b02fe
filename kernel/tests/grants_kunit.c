// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a grant opens, and everything that it does not. The keys are those that
 * dsmil_grant_keys has enrolled; the last case uses up what the module can remember.
 */
#include <linux/fault-inject.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "../core/audit.h"
#include "../core/core.h"
#include "../core/grants.h"
#include "board.h"
#include "signer.h"
#include "support.h"

#define GUARDED_ID 0x8034 /* "Data Sanitizer" */
#define LOCKED_ID 0x8053
#define NOBODY 1000 /* see caller_drop() */

static struct file *ctl, *ring;
static struct signer alice, alice_again, bob, stranger;
static struct dsmil_reg_write last; /* what the last write was answered */

/* ------------------------------------------------------------- helpers -- */

/* The terms of a grant that holds, for root and a minute; the nonces are never the same. */
static struct grant make_terms(u16 id, u8 reg, u32 value)
{
	static u32 nonces;
	struct grant grant = { .body = {
		.expires_boottime_ns = cpu_to_le64(ktime_get_boottime_ns() + 60ULL * NSEC_PER_SEC),
		.value = cpu_to_le32(value),
		.mask = cpu_to_le32(U32_MAX),
		.device_id = cpu_to_le16(id),
		.reg = reg,
		.firmware_kind = DSMIL_FIRMWARE_SIM,
	} };

	nonces++;
	memcpy(grant.body.nonce, &nonces, sizeof(nonces));
	memcpy(grant.body.load_id, dsmil_load_id(), sizeof(grant.body.load_id));
	return grant;
}

static struct grant make_grant(struct kunit *test, u32 value)
{
	struct grant grant = make_terms(MONITORED_ID, 1, value);

	grant_sign(test, &grant, &alice, NULL);
	return grant;
}

/* A write to the node of that device, with so many bytes of the grant. */
static long use_at(struct kunit *test, struct file *node, u8 reg, u32 value,
		   const struct grant *grant, size_t length)
{
	void __user *user = user_page(test);

	KUNIT_ASSERT_EQ(test, copy_to_user(user, grant, sizeof(*grant)), 0);
	last = (struct dsmil_reg_write){
		.size = sizeof(last), .reg = reg, .value = value,
		.grant = (uintptr_t)user, .grant_length = length,
	};
	return node_ioctl(test, node, DSMIL_IOC_REG_WRITE, &last, sizeof(last));
}

/* The write that the grant is for. */
static long use(struct kunit *test, const struct grant *grant)
{
	const struct dsmil_grant_body *body = &grant->body;
	struct file *node;
	char name[8];
	long ret;

	snprintf(name, sizeof(name), "%04x", le16_to_cpu(body->device_id));
	node = node_open(test, name, O_RDWR);
	ret = use_at(test, node, body->reg, le32_to_cpu(body->value), grant,
		     DSMIL_GRANT_BYTES(body->signer_count));
	node_close(node);
	return ret;
}

/* Refused for that reason; nothing was called, and the nonce is not used up. */
static void expect_refused(struct kunit *test, long ret, u32 reason, const char *what,
			   u32 nonces, u32 writes)
{
	KUNIT_EXPECT_EQ_MSG(test, ret, -EPERM, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, last.reason, reason, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, board.writes, writes, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, dsmil_grant_get_state().nonces, nonces, "%s", what);
}

static void refuse(struct kunit *test, const struct grant *grant, u32 reason, const char *what)
{
	u32 nonces = dsmil_grant_get_state().nonces, writes = board.writes;
	long ret = use(test, grant);

	expect_refused(test, ret, reason, what, nonces, writes);
}

static void sign_and_refuse(struct kunit *test, struct grant *grant, u32 reason, const char *what)
{
	grant_sign(test, grant, &alice, NULL);
	refuse(test, grant, reason, what);
}

static void allow(struct kunit *test, const struct grant *grant, const char *what)
{
	u32 nonces = dsmil_grant_get_state().nonces, writes = board.writes;

	KUNIT_EXPECT_EQ_MSG(test, use(test, grant), 0, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, last.reason, DSMIL_REASON_ALLOWED, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, board.writes, writes + 1, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, dsmil_grant_get_state().nonces, nonces + 1, "%s", what);
}

/* --------------------------------------------------------- good grants -- */

static void opens_one_write(struct kunit *test)
{
	struct grant grant = make_grant(test, 0x600d);
	struct dsmil_event event;

	allow(test, &grant, "a good grant");
	KUNIT_EXPECT_EQ(test, board.values[TOKEN(MONITORED_ID, 1) - DSMIL_TOKEN_BASE], 0x600d);
	event = ring_expect(test, ring, DSMIL_EVENT_WRITE);
	KUNIT_EXPECT_MEMEQ(test, event.detail.grant.nonce, grant.body.nonce,
			   sizeof(grant.body.nonce));
	KUNIT_EXPECT_MEMEQ(test, event.detail.grant.signer, grant.body.signer,
			   sizeof(grant.body.signer));
	refuse(test, &grant, DSMIL_REASON_GRANT_REPLAYED, "the same grant");
	event = ring_expect(test, ring, DSMIL_EVENT_REFUSED);
	KUNIT_EXPECT_EQ(test, event.reason, DSMIL_REASON_GRANT_REPLAYED);
	KUNIT_EXPECT_MEMEQ(test, event.detail.grant.nonce, grant.body.nonce,
			   sizeof(grant.body.nonce));
}

/* The firmware may have done it before it said no. */
static void failed_write_uses_it_up(struct kunit *test)
{
	struct grant grant = make_grant(test, 7);
	u32 nonces = dsmil_grant_get_state().nonces;

	board.write_error = -EIO;
	KUNIT_EXPECT_EQ(test, use(test, &grant), -EIO);
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_ALLOWED);
	KUNIT_EXPECT_EQ(test, dsmil_grant_get_state().nonces, nonces + 1);
	board.write_error = 0;
	refuse(test, &grant, DSMIL_REASON_GRANT_REPLAYED, "once more");
}

static void stands_for_the_capability(struct kunit *test)
{
	struct grant grant = make_terms(SAFE_ID, 1, 7);
	struct file *node = node_open(test, "8005", O_RDWR);
	const struct cred *cred;
	long ret, again;

	grant.body.uid = cpu_to_le32(NOBODY);
	grant_sign(test, &grant, &alice, NULL);
	refuse(test, &grant, DSMIL_REASON_GRANT_OTHER_USER, "root");
	cred = caller_drop(test);
	ret = use_at(test, node, 1, 7, &grant, DSMIL_GRANT_BYTES(1));
	again = use_at(test, node, 1, 7, &grant, DSMIL_GRANT_BYTES(1));
	caller_restore(cred);
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, again, -EPERM);
	KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_GRANT_REPLAYED);
	node_close(node);
}

static void batch_uses_grants(struct kunit *test)
{
	struct grant grant = make_grant(test, 0xba7c);
	struct file *node = node_open(test, "8064", O_RDWR);
	int fd = descriptor_open(test, node);
	void __user *user = user_page(test);
	struct dsmil_batch_operation operations[2] = { {
		.fd = fd, .operation = DSMIL_BATCH_WRITE, .reg = 1, .value = 0xba7c,
		.grant = (uintptr_t)user, .grant_length = DSMIL_GRANT_BYTES(1),
	} };
	struct dsmil_reg_batch batch = {
		.size = sizeof(batch), .count = 2, .stride = sizeof(operations[0]),
		.operations = (uintptr_t)user + PAGE_SIZE / 2,
	};
	struct dsmil_event event;
	u32 i;

	ring_drain(test, ctl, ring);
	operations[1] = operations[0];
	KUNIT_ASSERT_EQ(test, copy_to_user(user, &grant, sizeof(grant)), 0);
	KUNIT_ASSERT_EQ(test, copy_to_user(user + PAGE_SIZE / 2, operations, sizeof(operations)),
			0);
	KUNIT_EXPECT_EQ(test, node_ioctl(test, ctl, DSMIL_IOC_REG_BATCH, &batch, sizeof(batch)),
			0);
	KUNIT_ASSERT_EQ(test, copy_from_user(operations, user + PAGE_SIZE / 2, sizeof(operations)),
			0);
	KUNIT_EXPECT_EQ(test, operations[0].result, 0);
	KUNIT_EXPECT_EQ(test, operations[1].result, -EPERM);
	KUNIT_EXPECT_EQ(test, operations[1].reason, DSMIL_REASON_GRANT_REPLAYED);

	ring_expect(test, ring, DSMIL_EVENT_BATCH);
	ring_expect(test, ring, DSMIL_EVENT_BATCH_PART);
	for (i = 0; i < 2; i++) {
		event = ring_expect(test, ring, DSMIL_EVENT_BATCH_GRANT);
		KUNIT_EXPECT_EQ(test, event.count, i);
		KUNIT_EXPECT_EQ(test, event.result, operations[i].result);
		KUNIT_EXPECT_MEMEQ(test, event.detail.grant.nonce, grant.body.nonce, 16);
		KUNIT_EXPECT_MEMEQ(test, event.detail.grant.signer[0], alice.id, 32);
	}
	descriptor_close(fd);
	node_close(node);
}

/* ---------------------------------------------------------- bad grants -- */

static void other_terms(struct kunit *test)
{
	const u64 now_ns = ktime_get_boottime_ns();
	struct grant grant = make_terms(MONITORED_ID, 1, 7);
	const struct grant good = grant;

	grant.body.expires_boottime_ns = cpu_to_le64(now_ns);
	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_EXPIRED, "expired");
	grant.body.expires_boottime_ns =
		cpu_to_le64(now_ns + (DSMIL_GRANT_LIFE_MAX_S + 60ULL) * NSEC_PER_SEC);
	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_TOO_LONG, "for too long");
	grant = good;
	grant.body.load_id[15] ^= 0x80;
	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_OTHER_LOAD, "another load");
	grant = good;
	grant.body.firmware_kind = DSMIL_FIRMWARE_DELL;
	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_OTHER_FIRMWARE, "another firmware");
	grant = good;
	grant.body.uid = cpu_to_le32(NOBODY);
	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_OTHER_USER, "another user");
	/* What was refused can still be used: as long as it may live, and no longer. */
	grant = good;
	grant.body.expires_boottime_ns =
		cpu_to_le64(now_ns + DSMIL_GRANT_LIFE_MAX_S * (u64)NSEC_PER_SEC);
	grant_sign(test, &grant, &alice, NULL);
	allow(test, &grant, "as long as it may live");
}

static void other_registers(struct kunit *test)
{
	struct grant grant = make_grant(test, 7);
	struct file *other = node_open(test, "8065", O_RDWR);
	struct file *same = node_open(test, "8064", O_RDWR);
	u32 nonces = dsmil_grant_get_state().nonces;

	expect_refused(test, use_at(test, other, 1, 7, &grant, DSMIL_GRANT_BYTES(1)),
		       DSMIL_REASON_GRANT_OTHER_REGISTER, "another device", nonces, 0);
	expect_refused(test, use_at(test, same, 2, 7, &grant, DSMIL_GRANT_BYTES(1)),
		       DSMIL_REASON_GRANT_OTHER_REGISTER, "another register", nonces, 0);
	node_close(same);
	node_close(other);
}

static void values_and_masks(struct kunit *test)
{
	struct grant grant = make_terms(MONITORED_ID, 2, 0xab);
	struct file *node = node_open(test, "8064", O_RDWR);
	u32 nonces = dsmil_grant_get_state().nonces;

	grant.body.mask = cpu_to_le32(0xff);
	grant_sign(test, &grant, &alice, NULL);
	expect_refused(test, use_at(test, node, 2, 0x1ac, &grant, DSMIL_GRANT_BYTES(1)),
		       DSMIL_REASON_GRANT_VALUE, "within the mask", nonces, 0);
	KUNIT_EXPECT_EQ_MSG(test, use_at(test, node, 2, 0x1ab, &grant, DSMIL_GRANT_BYTES(1)), 0,
			    "outside");
	KUNIT_EXPECT_EQ(test, board.values[TOKEN(MONITORED_ID, 2) - DSMIL_TOKEN_BASE], 0x1ab);
	node_close(node);
}

/* The firmware is asked for the old value only by a grant that would open the rest. */
static void old_values(struct kunit *test)
{
	const u32 held = 0x1000 + TOKEN(MONITORED_ID, 1);
	struct grant grant = make_terms(MONITORED_ID, 1, 7);

	grant.body.flags = DSMIL_GRANT_EXPECT_OLD;
	grant.body.old_value = cpu_to_le32(held);
	grant.body.uid = cpu_to_le32(NOBODY);
	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_OTHER_USER, "another user");
	KUNIT_EXPECT_EQ_MSG(test, board.reads, 0, "which opens nothing");
	grant.body.uid = 0;
	grant.body.old_value = cpu_to_le32(held + 1);
	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_OLD_VALUE, "it holds another");
	KUNIT_EXPECT_EQ(test, board.reads, 1);
	grant.body.old_value = cpu_to_le32(0);
	board.read_error = -EIO;
	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_OLD_VALUE, "it cannot be read");
	board.read_error = 0;
	grant.body.old_value = cpu_to_le32(held);
	grant_sign(test, &grant, &alice, NULL);
	allow(test, &grant, "it holds that");
}

static void bad_signatures(struct kunit *test)
{
	struct grant grant = make_terms(MONITORED_ID, 1, 7);

	grant_sign(test, &grant, &stranger, NULL);
	refuse(test, &grant, DSMIL_REASON_GRANT_KEY_UNKNOWN, "nobody's key");
	grant_sign(test, &grant, &alice, NULL);
	grant.signatures[0] = signer_sign(test, &bob, &grant.body);
	refuse(test, &grant, DSMIL_REASON_GRANT_BAD_SIGNATURE, "bob's in alice's name");
	grant_sign(test, &grant, &alice, NULL);
	grant.body.value = cpu_to_le32(8);
	refuse(test, &grant, DSMIL_REASON_GRANT_BAD_SIGNATURE, "changed after it was signed");
	grant_sign(test, &grant, &alice, &bob);
	grant.signatures[1] = grant.signatures[0];
	refuse(test, &grant, DSMIL_REASON_GRANT_BAD_SIGNATURE, "alice's for both");
}

/*
 * Without the memory to check it, a signature shows nothing, not even that it is bad,
 * and the grant stays good: among the failing allocations, and with those that do no
 * harm, it opens one write.
 */
static void signature_without_memory(struct kunit *test)
{
	u32 nonces = dsmil_grant_get_state().nonces;
	struct grant grant = make_grant(test, 7);
	struct file *node = node_open(test, "8064", O_RDWR);
	void __user *user = user_page(test);
	unsigned int nth, left = 0, unchecked = 0;
	long ret;

	KUNIT_ASSERT_EQ(test, copy_to_user(user, &grant, sizeof(grant)), 0);
	last = (struct dsmil_reg_write){
		.size = sizeof(last), .reg = 1, .value = 7,
		.grant = (uintptr_t)user, .grant_length = DSMIL_GRANT_BYTES(1),
	};
	KUNIT_ASSERT_EQ(test, copy_to_user(user + PAGE_SIZE / 2, &last, sizeof(last)), 0);
	for (nth = 1; nth < 100 && !left; nth++) {
		current->fail_nth = nth;
		ret = node_ioctl_at(node, DSMIL_IOC_REG_WRITE, user + PAGE_SIZE / 2);
		left = current->fail_nth;
		current->fail_nth = 0;
		KUNIT_ASSERT_EQ(test, copy_from_user(&last, user + PAGE_SIZE / 2, sizeof(last)), 0);
		if (board.writes) /* once: from then on it is used up */
			KUNIT_EXPECT_EQ(test, dsmil_grant_get_state().nonces, nonces + 1);
		else
			KUNIT_EXPECT_EQ(test, dsmil_grant_get_state().nonces, nonces);
		if (ret == -EPERM && last.reason != DSMIL_REASON_GRANT_REPLAYED) {
			KUNIT_EXPECT_EQ(test, last.reason, DSMIL_REASON_GRANT_UNCHECKED);
			unchecked++;
		}
	}
	KUNIT_EXPECT_GT(test, left, 0);
	KUNIT_EXPECT_GT(test, unchecked, 0);
	KUNIT_EXPECT_EQ(test, board.writes, 1);
	node_close(node);
}

static void malformed(struct kunit *test)
{
	static const size_t lengths[] = {
		0, 1, DSMIL_GRANT_BYTES(1) - 1, DSMIL_GRANT_BYTES(2), DSMIL_GRANT_BYTES(2) + 1,
	};
	struct grant grant = make_grant(test, 7);
	struct file *node = node_open(test, "8064", O_RDWR);
	u32 nonces = dsmil_grant_get_state().nonces;
	struct dsmil_event event;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		expect_refused(test, use_at(test, node, 1, 7, &grant, lengths[i]),
			       DSMIL_REASON_GRANT_MALFORMED, "a length of none", nonces, 0);
	event = ring_expect(test, ring, DSMIL_EVENT_REFUSED);
	KUNIT_EXPECT_EQ(test, event.reason, DSMIL_REASON_GRANT_MALFORMED);
	KUNIT_EXPECT_NULL_MSG(test, memchr_inv(&event.detail, 0, sizeof(event.detail)),
			      "of what is no grant, nothing is told");
	node_close(node);
}

/* Signed or not, what has no meaning must be zero. */
static void malformed_bodies(struct kunit *test)
{
	const struct grant good = make_terms(MONITORED_ID, 1, 7);
	struct grant bad[] = { good, good, good, good, good };
	struct file *node = node_open(test, "8064", O_RDWR);
	u32 nonces = dsmil_grant_get_state().nonces;
	size_t i;

	bad[0].body.flags = DSMIL_GRANT_EXPECT_OLD << 1;
	bad[1].body.reserved[1] = 1;
	bad[2].body.old_value = cpu_to_le32(1); /* and no flag that it counts */
	bad[3].body.signer[1][31] = 1; /* and one signer */
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		grant_sign(test, &bad[i], &alice, NULL);
	bad[4].signatures[0].der[0] ^= 1;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		refuse(test, &bad[i], DSMIL_REASON_GRANT_MALFORMED, "a body that is none");
	bad[0] = good;
	grant_sign(test, &bad[0], &alice, NULL);
	for (i = 0; i <= DSMIL_GRANT_SIGNERS_MAX + 1; i++) {
		bad[0].body.signer_count = i == 1 ? 2 : i;
		expect_refused(test, use_at(test, node, 1, 7, &bad[0], DSMIL_GRANT_BYTES(1)),
			       DSMIL_REASON_GRANT_MALFORMED, "a number of signers", nonces, 0);
	}
	node_close(node);
}

/* ------------------------------------------------------ guarded, never -- */

static void guarded_needs_two_owners(struct kunit *test)
{
	struct grant grant = make_terms(GUARDED_ID, 1, 7);

	sign_and_refuse(test, &grant, DSMIL_REASON_GRANT_SIGNERS, "one signer");
	grant_sign(test, &grant, &alice, &alice);
	refuse(test, &grant, DSMIL_REASON_GRANT_SIGNERS, "one key twice");
	grant_sign(test, &grant, &alice, &alice_again);
	refuse(test, &grant, DSMIL_REASON_GRANT_SIGNERS, "two keys of one owner");
	grant_sign(test, &grant, &alice, &stranger);
	refuse(test, &grant, DSMIL_REASON_GRANT_KEY_UNKNOWN, "the second is nobody's");
	grant_sign(test, &grant, &alice, &bob);
	allow(test, &grant, "two owners");
}

static void nothing_opens_these(struct kunit *test)
{
	static const struct {
		u16 id;
		u8 reg;
		u32 reason;
	} never[] = {
		{ QUARANTINED_ID, 1, DSMIL_REASON_QUARANTINED },
		{ LOCKED_ID, 1, DSMIL_REASON_LOCKED },
		{ 0x8003, 0, DSMIL_REASON_QUARANTINED_AS_ID },
	};
	struct grant grant;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(never); i++) {
		grant = make_terms(never[i].id, never[i].reg, 7);
		grant_sign(test, &grant, &alice, &bob);
		refuse(test, &grant, never[i].reason, "the best grant");
	}
}

static void read_only_firmware(struct kunit *test)
{
	struct grant grant = make_grant(test, 7);

	board_detach();
	board.read_only = true;
	KUNIT_ASSERT_EQ(test, board_register(), 0);
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).firmware_read_only, 1);
	refuse(test, &grant, DSMIL_REASON_READ_ONLY, "the firmware takes no writes");
}

/* The store of nonces: full, it opens nothing, for a used one could not be told. */
static void store_of_nonces_is_bounded(struct kunit *test)
{
	struct dsmil_grant *used = kunit_kzalloc(test, sizeof(*used), GFP_KERNEL);
	struct grant grant = make_grant(test, 7);
	u32 count;

	KUNIT_ASSERT_NOT_NULL(test, used);
	memset(used->bytes, 0xff, sizeof(used->bytes));
	dsmil_firmware_lock();
	for (count = dsmil_grant_get_state().nonces; count < DSMIL_GRANT_NONCES_MAX; count++) {
		memcpy(used->bytes + offsetof(struct dsmil_grant_body, nonce), &count,
		       sizeof(count));
		dsmil_grant_burn(used);
	}
	dsmil_firmware_unlock();
	KUNIT_EXPECT_EQ(test, info_get(test, ctl).grant_nonces, DSMIL_GRANT_NONCES_MAX);
	refuse(test, &grant, DSMIL_REASON_GRANT_STORE_FULL, "a good grant");
}

static int grants_init(struct kunit *test)
{
	alice = signer_make(test, SEED_ALICE);
	alice_again = signer_make(test, SEED_ALICE_AGAIN);
	bob = signer_make(test, SEED_BOB);
	stranger = signer_make(test, SEED_STRANGER);
	ctl = node_open(test, "ctl", O_RDWR);
	ring = ring_open(test, ctl);
	board_attach(test);
	ring_drain(test, ctl, ring);
	return 0;
}

static void grants_exit(struct kunit *test)
{
	board_detach();
	node_close(ring);
	node_close(ctl);
}

static struct kunit_case grants_cases[] = {
	KUNIT_CASE(opens_one_write),
	KUNIT_CASE(failed_write_uses_it_up),
	KUNIT_CASE(stands_for_the_capability),
	KUNIT_CASE(batch_uses_grants),
	KUNIT_CASE(other_terms),
	KUNIT_CASE(other_registers),
	KUNIT_CASE(values_and_masks),
	KUNIT_CASE(old_values),
	KUNIT_CASE(bad_signatures),
	KUNIT_CASE(signature_without_memory),
	KUNIT_CASE(malformed),
	KUNIT_CASE(malformed_bodies),
	KUNIT_CASE(guarded_needs_two_owners),
	KUNIT_CASE(nothing_opens_these),
	KUNIT_CASE(read_only_firmware),
	KUNIT_CASE(store_of_nonces_is_bounded),
	{}
};

static struct kunit_suite grants_suite = {
	.name = "dsmil_grants",
	.init = grants_init,
	.exit = grants_exit,
	.test_cases = grants_cases,
};

kunit_test_suite(grants_suite);
