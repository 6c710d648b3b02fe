/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants: what a signature opens, and everything that it does not. Loads the
 * modules again, for keys and nonces last as long as a load.
 *
 * With DSMIL_SLOW in the environment the store of nonces is filled as well.
 *
 * On a kernel that cannot check signatures every grant is refused as unsupported,
 * and the lines are the same. Each write that needed its grant is said in a comment,
 * "granted TOKEN VALUE", for whoever compares it with the firmware's journal.
 */
#include "reload.h"
#include "signer.h"
#include "support.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ULL
#define GUARDED_DEVICE 52 /* "Data Sanitizer" */
#define NOBODY 1000

static int ctl;
static struct dsmil_info info;
static struct signer alice, alice_again, bob, late;

/* ------------------------------------------------------------- helpers -- */

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static uint32_t power_on_value(unsigned number, unsigned reg)
{
	return register_facts[number * DSMIL_REGISTER_COUNT + reg].value;
}

/* The terms of a grant that holds, for root and a minute. */
static struct signed_grant make_terms(unsigned number, unsigned reg, uint32_t value)
{
	struct signed_grant grant = { .body = {
		.expires_boottime_ns = boottime_ns() + 60 * SECOND,
		.value = value,
		.mask = UINT32_MAX,
		.device_id = (uint16_t)(DSMIL_DEVICE_ID_BASE + number),
		.reg = (uint8_t)reg,
		.firmware_kind = (uint8_t)info.firmware_kind,
	} };

	memcpy(grant.body.load_id, info.load_id, sizeof(grant.body.load_id));
	random_bytes(grant.body.nonce, sizeof(grant.body.nonce));
	return grant;
}

static struct signed_grant make_grant(unsigned number, uint32_t value)
{
	struct signed_grant grant = make_terms(number, DSMIL_REG_CONFIG, value);

	grant_sign(&grant, &alice, NULL);
	return grant;
}

/* Uses a grant: the guard's reason, or -errno where it was not asked. */
static long use(unsigned number, unsigned reg, uint32_t value, const void *grant, size_t length)
{
	struct dsmil_reg_write request = {
		.size = sizeof(request), .reg = reg, .value = value,
		.grant = (uintptr_t)grant, .grant_length = (uint32_t)length };
	int fd = open_device(number, O_RDWR);
	int error = try_ioctl(fd, DSMIL_IOC_REG_WRITE, &request);

	close(fd);
	if (error == EPERM && request.reason)
		return (long)request.reason;
	if (!error && number != SAFE_DEVICE)
		tap_diag("granted 0x%04x 0x%08x", DSMIL_TOKEN_BASE + number * DSMIL_REGISTER_COUNT + reg, value);
	return -error;
}

static long use_grant(const struct signed_grant *grant, uint32_t value)
{
	return use(grant->body.device_id - DSMIL_DEVICE_ID_BASE, grant->body.reg, value, grant, grant_bytes(grant));
}

/* What must come of it on this kernel. */
static long expected(long reason)
{
	if (info.grants_supported || reason == DSMIL_REASON_GRANT_MALFORMED || reason < 0)
		return reason;
	return DSMIL_REASON_GRANT_UNSUPPORTED;
}

static void check_use(const struct signed_grant *grant, long reason, const char *name)
{
	tap_is(use_grant(grant, grant->body.value), expected(reason), name);
}

static void check_signed(struct signed_grant *grant, long reason, const char *name)
{
	grant_sign(grant, &alice, NULL);
	check_use(grant, reason, name);
}

static int add_key(const struct signer *signer, const char *owner, struct dsmil_grant_key_add *answer)
{
	struct dsmil_grant_key_add request = { .size = sizeof(request) };
	int error;

	memcpy(request.point, signer->point, sizeof(request.point));
	snprintf(request.owner, sizeof(request.owner), "%s", owner);
	error = try_ioctl(ctl, DSMIL_IOC_GRANT_KEY_ADD, &request);
	if (answer)
		*answer = request;
	return error;
}

static int expected_key_error(int error)
{
	return info.grants_supported ? error : EOPNOTSUPP;
}

static void open_ctl(void)
{
	ctl = open_node("ctl", O_RDONLY);
	if (ctl < 0)
		tap_bail("ctl does not open; run this as root with a firmware module loaded and no daemon");
	info = info_get(ctl);
}

static void reload(void)
{
	close(ctl);
	modules_reload();
	open_ctl();
}

/* ---------------------------------------------------------------- keys -- */

static int add_key_as_nobody(void *context)
{
	(void)context;
	return add_key(&late, "nobody", NULL);
}

static int seal(void)
{
	struct dsmil_grant_key_seal request = { .size = sizeof(request) };

	return try_ioctl(ctl, DSMIL_IOC_GRANT_KEY_SEAL, &request);
}

static int seal_as_nobody(void *context)
{
	(void)context;
	return seal();
}

static void check_enrolment(void)
{
	struct signer nowhere = bob;
	struct dsmil_grant_key_add answer;

	nowhere.point[63] ^= 1;
	tap_is(info.grant_keys, 0, "a fresh load has no keys");
	tap_is(as_nobody(add_key_as_nobody, NULL), EPERM, "enrolling a key needs CAP_SYS_ADMIN");
	tap_is(as_nobody(seal_as_nobody, NULL), EPERM, "so does the seal");
	tap_is(add_key(&nowhere, "bob", NULL), expected_key_error(EINVAL), "a point that is not on the curve is no key");
	tap_is(add_key(&bob, "", NULL), EINVAL, "a key needs an owner");
	tap_is(add_key(&bob, "b\nb", NULL), EINVAL, "an owner's name is printable");
	tap_is(add_key(&bob, " bob", NULL), EINVAL, "and begins with no blank, by which two owners could look the same");
	tap_is(add_key(&bob, "bob ", NULL), EINVAL, "nor ends with one");
	tap_is(add_key(&alice, "alice", &answer), expected_key_error(0), "a key is enrolled");
	tap_ok(!info.grants_supported || !memcmp(answer.key_id, alice.id, sizeof(alice.id)),
	       "its id is the SHA-256 of its point");
	tap_is(add_key(&alice, "bob", NULL), expected_key_error(EEXIST), "it is enrolled once");
	tap_is(add_key(&alice_again, "alice", NULL), expected_key_error(0), "an owner may have two");
	tap_is(add_key(&bob, "bob", NULL), expected_key_error(0), "another owner has another");
	tap_is(info_get(ctl).grant_keys, info.grants_supported ? 3 : 0, "INFO counts the keys");
}

static void check_seal(void)
{
	struct signed_grant grant = make_terms(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0x5EA1);

	tap_is(seal(), 0, "the list of keys is sealed");
	tap_is(seal(), 0, "sealing it again is done already");
	tap_is(info_get(ctl).grant_keys_sealed, 1, "INFO shows the seal");
	tap_is(add_key(&late, "late", NULL), expected_key_error(EROFS), "a sealed list takes no key");
	grant_sign(&grant, &late, NULL);
	check_use(&grant, DSMIL_REASON_GRANT_KEY_UNKNOWN, "a key that came after the seal signs nothing");
}

/* ---------------------------------------------------------- good grants -- */

static void check_good(void)
{
	struct signed_grant grant = make_grant(MONITORED_DEVICE, 0x600D0001);
	uint32_t nonces = info_get(ctl).grant_nonces, value = 0;
	int fd = open_device(MONITORED_DEVICE, O_RDONLY);

	tap_is(use(MONITORED_DEVICE, DSMIL_REG_CONFIG, 1, NULL, 0), DSMIL_REASON_GRANT_REQUIRED,
	       "a monitored register takes no write without a grant");
	check_use(&grant, DSMIL_REASON_ALLOWED, "a good grant opens one");
	reg_read(fd, DSMIL_REG_CONFIG, &value);
	tap_ok(value == (info.grants_supported ? 0x600D0001 : power_on_value(MONITORED_DEVICE, DSMIL_REG_CONFIG)),
	       "the register holds what was granted");
	tap_is(info_get(ctl).grant_nonces, nonces + info.grants_supported, "INFO counts the nonce");
	check_use(&grant, DSMIL_REASON_GRANT_REPLAYED, "it opens one write, not two");
	close(fd);
}

/* The newest record of the ring. */
static struct dsmil_event last_event(int ring)
{
	struct dsmil_event event = { 0 }, next;

	while (read(ring, &next, sizeof(next)) == (ssize_t)sizeof(next))
		event = next;
	return event;
}

static void check_events(void)
{
	struct signed_grant grant = make_grant(MONITORED_DEVICE, 0x600D0002);
	int ring = ring_open(ctl);
	struct dsmil_event event;

	ring_drain(ctl, ring);
	use_grant(&grant, grant.body.value);
	event = last_event(ring);
	tap_ok(event.type == (info.grants_supported ? DSMIL_EVENT_WRITE : DSMIL_EVENT_REFUSED) &&
	       !memcmp(event.detail.grant.nonce, grant.body.nonce, sizeof(grant.body.nonce)) &&
	       !memcmp(event.detail.grant.signer, grant.body.signer, sizeof(grant.body.signer)),
	       "the record of a write names its grant and who signed it");
	use_grant(&grant, grant.body.value);
	event = last_event(ring);
	tap_ok(event.type == DSMIL_EVENT_REFUSED && event.reason == expected(DSMIL_REASON_GRANT_REPLAYED) &&
	       !memcmp(event.detail.grant.nonce, grant.body.nonce, sizeof(grant.body.nonce)),
	       "so does the record of a refusal");
	close(ring);
}

static void check_mask_and_old_value(void)
{
	struct signed_grant grant = make_terms(MONITORED_DEVICE, DSMIL_REG_DATA, 0xAB);
	uint32_t now = power_on_value(MONITORED_DEVICE, DSMIL_REG_DATA);

	grant.body.mask = 0xFF;
	grant_sign(&grant, &alice, NULL);
	tap_is(use_grant(&grant, 0x1AC), expected(DSMIL_REASON_GRANT_VALUE), "a value may not differ within the mask");
	tap_is(use_grant(&grant, 0x1AB), expected(DSMIL_REASON_ALLOWED), "it may outside, and the refusal cost nothing");

	grant = make_terms(MONITORED_DEVICE, DSMIL_REG_DATA, now);
	grant.body.flags = DSMIL_GRANT_EXPECT_OLD;
	grant.body.old_value = now + 1;
	check_signed(&grant, DSMIL_REASON_GRANT_OLD_VALUE, "a grant for another old value is refused");
	grant.body.old_value = 0x1AB;
	check_signed(&grant, DSMIL_REASON_ALLOWED, "with the one that is there it is done");
}

static void check_safe(void)
{
	struct signed_grant grant = make_grant(SAFE_DEVICE, 0x5AFE);

	tap_is(use(SAFE_DEVICE, DSMIL_REG_CONFIG, 0x5AFF, &grant, grant_bytes(&grant)),
	       expected(DSMIL_REASON_GRANT_VALUE), "a grant that is given must hold, also where none is needed");
}

/* Each operation of a batch with its own grant, as if it were alone. */
static void check_batch(void)
{
	struct signed_grant grant = make_grant(MONITORED_DEVICE, 0xBA7C4);
	int fd = open_device(MONITORED_DEVICE, O_RDWR);
	const struct dsmil_batch_operation write = {
		.fd = fd, .operation = DSMIL_BATCH_WRITE, .reg = DSMIL_REG_CONFIG, .value = 0xBA7C4,
		.grant = (uintptr_t)&grant, .grant_length = (uint32_t)grant_bytes(&grant) };
	struct dsmil_batch_operation operations[3] = { write, write, write };
	struct dsmil_reg_batch batch = {
		.size = sizeof(batch), .count = 3, .stride = sizeof(operations[0]),
		.operations = (uintptr_t)operations };

	operations[0].grant = 0;
	operations[0].grant_length = 0;
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &batch), 0, "a batch takes grants");
	tap_is(operations[0].reason, DSMIL_REASON_GRANT_REQUIRED, "a grant counts for its own operation");
	tap_is(operations[1].reason, expected(DSMIL_REASON_ALLOWED), "which it opens");
	tap_is(operations[2].reason, expected(DSMIL_REASON_GRANT_REPLAYED), "and opens once");
	if (!operations[1].result)
		tap_diag("granted 0x%04x 0x%08x",
			 DSMIL_TOKEN_BASE + MONITORED_DEVICE * DSMIL_REGISTER_COUNT + DSMIL_REG_CONFIG, 0xBA7C4);
	operations[0].grant = 1;
	operations[0].grant_length = (uint32_t)grant_bytes(&grant);
	operations[0].result = 77;
	tap_is(try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &batch), EFAULT, "a batch whose grant cannot be read fails");
	tap_is(operations[0].result, 77, "with nothing done");
	close(fd);
}

/* ----------------------------------------------------------- bad grants -- */

static void check_terms(void)
{
	const struct signed_grant good = make_terms(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD);
	struct signed_grant grant = good;

	grant.body.expires_boottime_ns = boottime_ns() - 1;
	check_signed(&grant, DSMIL_REASON_GRANT_EXPIRED, "an expired grant is refused");
	grant.body.expires_boottime_ns = boottime_ns() + (DSMIL_GRANT_LIFE_MAX_S + 60) * SECOND;
	check_signed(&grant, DSMIL_REASON_GRANT_TOO_LONG, "a grant that lives for too long is refused");
	grant = good;
	grant.body.load_id[15] ^= 0x80;
	check_signed(&grant, DSMIL_REASON_GRANT_OTHER_LOAD, "a grant of another load is refused");
	grant = good;
	grant.body.firmware_kind ^= 3;
	check_signed(&grant, DSMIL_REASON_GRANT_OTHER_FIRMWARE, "a grant of another firmware is refused");
	grant = good;
	grant.body.uid = NOBODY;
	check_signed(&grant, DSMIL_REASON_GRANT_OTHER_USER, "a grant of another user is refused");
	grant = good;
	grant_sign(&grant, &alice, NULL);
	tap_is(use(MONITORED_DEVICE + 1, DSMIL_REG_CONFIG, 0xBAD, &grant, grant_bytes(&grant)),
	       expected(DSMIL_REASON_GRANT_OTHER_REGISTER), "a grant of another device is refused");
	tap_is(use(MONITORED_DEVICE, DSMIL_REG_DATA, 0xBAD, &grant, grant_bytes(&grant)),
	       expected(DSMIL_REASON_GRANT_OTHER_REGISTER), "a grant of another register is refused");
}

static void check_signatures(void)
{
	struct signed_grant grant = make_terms(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD);

	grant_sign(&grant, &late, NULL);
	check_use(&grant, DSMIL_REASON_GRANT_KEY_UNKNOWN, "a key that is not enrolled signs nothing");
	grant_sign(&grant, &alice, NULL);
	signer_sign(&bob, &grant, 0);
	check_use(&grant, DSMIL_REASON_GRANT_BAD_SIGNATURE, "a signature is of the key that the grant names");
	grant_sign(&grant, &alice, &bob);
	signer_sign(&alice, &grant, 1);
	check_use(&grant, DSMIL_REASON_GRANT_BAD_SIGNATURE, "the second signature counts as well");
}

static void check_lengths(void)
{
	uint8_t bytes[DSMIL_GRANT_BYTES(2) + 8] = { 0 };
	struct signed_grant grant = make_grant(MONITORED_DEVICE, 0xBAD);
	int wrong = 0;

	memcpy(bytes, &grant, sizeof(grant));
	for (size_t length = 0; length <= sizeof(bytes); length++)
		wrong += length != grant_bytes(&grant) &&
			 use(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD, bytes, length) != DSMIL_REASON_GRANT_MALFORMED;
	tap_is(wrong, 0, "a grant of another length is malformed");
	tap_is(use(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD, NULL, sizeof(grant)), -EINVAL, "a length needs a grant");
	tap_is(use(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD, (void *)-4096L, DSMIL_GRANT_BYTES(1)), -EFAULT,
	       "a grant is in the caller's memory");
	tap_is(use(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD, (void *)8, DSMIL_GRANT_BYTES(1)), -EFAULT,
	       "a grant that cannot be read is no grant");
}

/* Every byte counts: none can be another, with each of its bits in turn over the grant. */
static void check_flips(void)
{
	struct signed_grant grant = make_terms(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD);
	uint8_t *bytes = (uint8_t *)&grant;
	int opened = 0;

	grant_sign(&grant, &alice, &bob);
	for (size_t i = 0; i < sizeof(grant); i++) {
		bytes[i] ^= (uint8_t)(1U << i % 8);
		opened += use(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD, &grant, sizeof(grant)) <= 0;
		bytes[i] ^= (uint8_t)(1U << i % 8);
	}
	tap_is(opened, 0, "a grant with a flipped bit opens nothing, whichever byte it is in");
}

/* ----------------------------------------------------------- two owners -- */

static void check_guarded(void)
{
	struct signed_grant grant = make_terms(GUARDED_DEVICE, DSMIL_REG_CONFIG, 0x60A2DED);

	check_signed(&grant, DSMIL_REASON_GRANT_SIGNERS, "one signer does not open a guarded register");
	grant_sign(&grant, &alice, &alice);
	check_use(&grant, DSMIL_REASON_GRANT_SIGNERS, "nor does one signer twice");
	grant_sign(&grant, &alice, &alice_again);
	check_use(&grant, DSMIL_REASON_GRANT_SIGNERS, "nor do two keys of one owner");
	grant_sign(&grant, &alice, &bob);
	check_use(&grant, DSMIL_REASON_ALLOWED, "two owners do");
	check_use(&grant, DSMIL_REASON_GRANT_REPLAYED, "once");
	grant = make_terms(GUARDED_DEVICE, DSMIL_REG_CONFIG, power_on_value(GUARDED_DEVICE, DSMIL_REG_CONFIG));
	grant_sign(&grant, &bob, &alice_again);
	check_use(&grant, DSMIL_REASON_ALLOWED, "in any order");
}

static bool is_never_written(unsigned token)
{
	switch (expect_reason(token)) {
	case DSMIL_REASON_QUARANTINED:
	case DSMIL_REASON_QUARANTINED_AS_ID:
	case DSMIL_REASON_LOCKED:
	case DSMIL_REASON_ALIAS: /* of a quarantined one, on these boards */
		return true;
	default:
		return false;
	}
}

static void check_never(void)
{
	int tried = 0, wrong = 0;

	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		unsigned token = DSMIL_TOKEN_BASE + i;
		struct signed_grant grant = make_terms(i / DSMIL_REGISTER_COUNT, i % DSMIL_REGISTER_COUNT, 0xBAD);

		if (!is_never_written(token))
			continue;
		grant_sign(&grant, &alice, &bob);
		tried++;
		wrong += use_grant(&grant, 0xBAD) != (long)expect_reason(token);
	}
	/* The registers of 8 devices, 6 more that read as the id of one, and one alias. */
	tap_is(tried, 3 * 8 + 6 + 1, "quarantined, locked, read as an id, and an alias were tried");
	tap_is(wrong, 0, "the best grant opens none of them, and the reason is the rule's");
}

/* ----------------------------------------------------- users and clocks -- */

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return done;
}

struct attempt {
	const struct signed_grant *grant;
	int fd;
	bool is_root_of_its_own;
};

/* The reason, 0 when it is done, or 200 where this says nothing. */
static int attempt_write(void *context)
{
	const struct attempt *attempt = context;
	struct dsmil_reg_write request = {
		.size = sizeof(request), .reg = DSMIL_REG_CONFIG, .value = attempt->grant->body.value,
		.grant = (uintptr_t)attempt->grant, .grant_length = (uint32_t)grant_bytes(attempt->grant) };

	if (attempt->is_root_of_its_own) {
		prctl(PR_SET_DUMPABLE, 1);
		if (unshare(CLONE_NEWUSER))
			return 200;
		prctl(PR_SET_DUMPABLE, 1);
		if (!write_text("/proc/self/uid_map", "0 1000 1\n") || geteuid() != 0)
			return 201;
	}
	if (try_ioctl(attempt->fd, DSMIL_IOC_REG_WRITE, &request))
		return request.reason ? (int)request.reason : 202;
	return 0;
}

static void check_attempt(const struct signed_grant *grant, bool is_root_of_its_own, long reason, const char *name)
{
	struct attempt attempt = { .grant = grant, .is_root_of_its_own = is_root_of_its_own };
	unsigned number = grant->body.device_id - DSMIL_DEVICE_ID_BASE;

	attempt.fd = open_device(number, O_RDWR);
	if (!tap_is(as_nobody(attempt_write, &attempt), expected(reason), name) || reason || !info.grants_supported ||
	    number == SAFE_DEVICE)
		goto out;
	tap_diag("granted 0x%04x 0x%08x", DSMIL_TOKEN_BASE + number * DSMIL_REGISTER_COUNT + grant->body.reg,
		 grant->body.value);
out:
	close(attempt.fd);
}

static void check_users(void)
{
	struct signed_grant grant = make_grant(MONITORED_DEVICE, 0xBAD);

	check_attempt(&grant, false, DSMIL_REASON_GRANT_OTHER_USER, "root's grant is not a user's");
	check_attempt(&grant, true, DSMIL_REASON_GRANT_OTHER_USER, "nor is it that of a root of another user namespace");
	grant.body.uid = NOBODY;
	grant.body.value = 0x600D0003;
	grant_sign(&grant, &alice, NULL);
	check_attempt(&grant, true, DSMIL_REASON_ALLOWED, "there the user's own grant works, for it names who he is outside");
	grant = make_terms(SAFE_DEVICE, DSMIL_REG_CONFIG, power_on_value(SAFE_DEVICE, DSMIL_REG_CONFIG));
	grant.body.uid = NOBODY;
	grant_sign(&grant, &alice, NULL);
	check_attempt(&grant, false, DSMIL_REASON_ALLOWED, "a grant stands for the capability on a safe register");
}

static void check_clock(void)
{
	struct signed_grant old = make_terms(MONITORED_DEVICE, DSMIL_REG_CONFIG, 0xBAD);
	struct signed_grant fresh = make_grant(MONITORED_DEVICE, power_on_value(MONITORED_DEVICE, DSMIL_REG_CONFIG));
	struct timeval then, now;

	old.body.expires_boottime_ns = boottime_ns() - 1;
	grant_sign(&old, &alice, NULL);
	gettimeofday(&then, NULL);
	now = then;
	now.tv_sec -= 3600;
	if (settimeofday(&now, NULL))
		tap_bail("the clock cannot be set");
	check_use(&old, DSMIL_REASON_GRANT_EXPIRED, "setting the clock back revives no grant");
	check_use(&fresh, DSMIL_REASON_ALLOWED, "and ends none");
	gettimeofday(&now, NULL);
	now.tv_sec += 3600;
	settimeofday(&now, NULL);
}

/* -------------------------------------------------------------- a load -- */

static void check_reload(void)
{
	struct signed_grant used = make_grant(MONITORED_DEVICE, power_on_value(MONITORED_DEVICE, DSMIL_REG_CONFIG));
	struct signed_grant unused = make_grant(MONITORED_DEVICE, 0xBAD);

	check_use(&used, DSMIL_REASON_ALLOWED, "a grant is used");
	reload();
	add_key(&alice, "alice", NULL);
	check_use(&used, DSMIL_REASON_GRANT_OTHER_LOAD, "unloading and loading does not let it be used again");
	check_use(&unused, DSMIL_REASON_GRANT_OTHER_LOAD, "and voids those that were not");
	tap_ok(info_get(ctl).grant_nonces == 0 && !info_get(ctl).grant_keys_sealed,
	       "a fresh load has all its nonces, and no seal");
}

static void check_store(void)
{
	const char *name = "when no more nonces can be kept, grants are refused";
	struct signed_grant grant;
	long reason = DSMIL_REASON_ALLOWED;
	unsigned used;
	int ring, fd;

	if (!getenv("DSMIL_SLOW")) {
		tap_skip(name, "4,096 signatures take minutes in the lab; DSMIL_SLOW=1 makes them");
		return;
	}
	ring = ring_open(ctl);
	for (used = 0; used <= DSMIL_GRANT_NONCES_MAX && reason == DSMIL_REASON_ALLOWED; used++) {
		grant = make_grant(SAFE_DEVICE, used);
		reason = use_grant(&grant, grant.body.value);
		if (used % 512 == 0)
			ring_drain(ctl, ring);
	}
	if (!tap_is(reason, expected(DSMIL_REASON_GRANT_STORE_FULL), name))
		tap_diag("after %u grants", used);
	tap_is(info_get(ctl).grant_nonces, info.grants_supported ? DSMIL_GRANT_NONCES_MAX : 0, "INFO says so");
	fd = open_device(SAFE_DEVICE, O_RDWR);
	reg_write(fd, DSMIL_REG_CONFIG, power_on_value(SAFE_DEVICE, DSMIL_REG_CONFIG), NULL);
	close(fd);
	close(ring);
}

int main(int argc, char **argv)
{
	tap_start(argc, argv);
	open_ctl();
	reload();
	alice = signer_make();
	alice_again = signer_make();
	bob = signer_make();
	late = signer_make();

	check_enrolment();
	check_good();
	check_events();
	check_terms();
	check_signatures();
	check_lengths();
	check_flips();
	check_mask_and_old_value();
	check_safe();
	check_batch();
	check_guarded();
	check_never();
	check_users();
	check_clock();
	check_seal();
	check_reload();
	check_store();
	reload();
	return tap_finish();
}
