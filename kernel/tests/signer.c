// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/ecdh.h>
#include <crypto/internal/ecc.h>
#include <crypto/sha2.h>

#include "signer.h"
#include "support.h"

#define DIGITS ECC_CURVE_NIST_P256_DIGITS
#define BYTES (DIGITS * sizeof(u64))
#define HIGHEST_BIT 0x80

/* A number below the order of the curve, which a digest all but always is. */
static void make_scalar(struct kunit *test, const void *from, size_t size, u64 *scalar)
{
	u8 digest[SHA256_DIGEST_SIZE];

	sha256(from, size, digest);
	ecc_swap_digits(digest, scalar, DIGITS);
	KUNIT_ASSERT_EQ(test, ecc_is_key_valid(ECC_CURVE_NIST_P256, DIGITS, scalar, BYTES), 0);
}

struct signer signer_make(struct kunit *test, u8 seed)
{
	struct signer signer;
	u64 point[2 * DIGITS]; /* big-endian bytes */
	u8 whole[1 + sizeof(signer.point)] = { 0x04 };

	make_scalar(test, &seed, sizeof(seed), signer.key);
	KUNIT_ASSERT_EQ(test, ecc_make_pub_key(ECC_CURVE_NIST_P256, DIGITS, signer.key, point), 0);
	memcpy(signer.point, point, sizeof(signer.point));
	memcpy(whole + 1, point, sizeof(signer.point));
	sha256(whole, sizeof(whole), signer.id);
	return signer;
}

/* (a + b) mod n, of numbers below n, a not 0. The kernel exports no addition. */
static void add_mod(u64 *sum, const u64 *a, const u64 *b, const u64 *n)
{
	u64 rest[DIGITS];

	vli_sub(rest, n, a, DIGITS);
	if (vli_cmp(b, rest, DIGITS) >= 0) {
		vli_sub(sum, b, rest, DIGITS);
		return;
	}
	vli_sub(rest, rest, b, DIGITS);
	vli_sub(sum, n, rest, DIGITS);
}

/* A DER INTEGER (X.690, 8.3): the shortest that is not negative; how long it is. */
static size_t put_integer(u8 *der, const u64 *number)
{
	u64 swapped[DIGITS];
	const u8 *bytes = (const u8 *)swapped;
	size_t length = BYTES, zero;

	ecc_swap_digits(number, swapped, DIGITS);
	for (; length > 1 && !*bytes; length--)
		bytes++;
	zero = *bytes & HIGHEST_BIT ? 1 : 0;
	der[0] = 0x02;
	der[1] = zero + length;
	der[2] = 0;
	memcpy(der + 2 + zero, bytes, length);
	return 2 + zero + length;
}

static struct dsmil_grant_signature make_der(const u64 *r, const u64 *s)
{
	struct dsmil_grant_signature signature = { .der = { 0x30 } };
	size_t length = 2;

	length += put_integer(signature.der + length, r);
	length += put_integer(signature.der + length, s);
	signature.der[1] = length - 2;
	signature.length = cpu_to_le16(length);
	return signature;
}

/* SEC 1, 4.1.3, with a one-time key made of the private one and the message. */
struct dsmil_grant_signature signer_sign(struct kunit *test, const struct signer *signer,
					 const struct dsmil_grant_body *body)
{
	const struct ecc_curve *curve = ecc_get_curve(ECC_CURVE_NIST_P256);
	const u64 one[DIGITS] = { 1 };
	struct {
		u64 key[DIGITS];
		u8 prefix[sizeof(DSMIL_GRANT_PREFIX)];
		struct dsmil_grant_body body;
	} __packed message = { .prefix = DSMIL_GRANT_PREFIX, .body = *body };
	u64 k[DIGITS], r[DIGITS], s[DIGITS], z[DIGITS], point[2 * DIGITS];

	make_scalar(test, message.prefix, sizeof(message) - sizeof(message.key), z);
	memcpy(message.key, signer->key, sizeof(message.key));
	make_scalar(test, &message, sizeof(message), k);
	KUNIT_ASSERT_EQ(test, ecc_make_pub_key(ECC_CURVE_NIST_P256, DIGITS, k, point), 0);
	ecc_swap_digits(point, r, DIGITS);
	vli_mod_mult_slow(r, r, one, curve->n, DIGITS);
	/* s = (z + r * key) / k */
	vli_mod_mult_slow(s, r, signer->key, curve->n, DIGITS);
	add_mod(s, s, z, curve->n);
	vli_mod_inv(k, k, curve->n, DIGITS);
	vli_mod_mult_slow(s, s, k, curve->n, DIGITS);
	return make_der(r, s);
}

void grant_sign(struct kunit *test, struct grant *grant, const struct signer *first,
		const struct signer *second)
{
	grant->body.signer_count = second ? 2 : 1;
	memcpy(grant->body.signer[0], first->id, sizeof(first->id));
	if (second)
		memcpy(grant->body.signer[1], second->id, sizeof(second->id));
	grant->signatures[0] = signer_sign(test, first, &grant->body);
	if (second)
		grant->signatures[1] = signer_sign(test, second, &grant->body);
}

struct dsmil_grant_key_add key_request(const struct signer *signer, const char *owner)
{
	struct dsmil_grant_key_add request = { .size = sizeof(request) };

	memcpy(request.point, signer->point, sizeof(request.point));
	strscpy(request.owner, owner, sizeof(request.owner));
	return request;
}

long key_submit(struct kunit *test, struct file *ctl, struct dsmil_grant_key_add *request)
{
	return node_ioctl(test, ctl, DSMIL_IOC_GRANT_KEY_ADD, request, sizeof(*request));
}

long key_add(struct kunit *test, struct file *ctl, const struct signer *signer, const char *owner)
{
	struct dsmil_grant_key_add request = key_request(signer, owner);

	return key_submit(test, ctl, &request);
}
