// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/public_key.h>
#include <crypto/sha2.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "signature.h"

#define POINT_BYTES 65
#define LENGTH_MIN 8
#define LENGTH_MAX 72
#define INTEGER_TAG 0x02
#define INTEGER_BYTES_MAX 33 /* 32, and a zero that makes it positive */
#define SEQUENCE_TAG 0x30

/* The kernel's crypto wants memory that is no stack. */
struct scratch {
	struct public_key key;
	struct public_key_signature signature;
	u8 point[POINT_BYTES];
	u8 der[LENGTH_MAX];
	u8 digest[SHA256_DIGEST_SIZE];
	struct {
		u8 prefix[sizeof(DSMIL_GRANT_PREFIX)];
		struct dsmil_grant_body body;
	} __packed message;
};

/* The key of RFC 6979, A.2.5, and its signature of the message "sample" there. */
static const u8 known_point[POINT_BYTES] = {
	0x04, 0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb, 0x74,
	0xc6, 0x35, 0x6d, 0x68, 0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61, 0xfa, 0x6c, 0xe6,
	0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6, 0x79, 0x03, 0xfe, 0x10, 0x08, 0xb8,
	0xbc, 0x99, 0xa4, 0x1a, 0xe9, 0xe9, 0x56, 0x28, 0xbc, 0x64, 0xf2, 0xf1, 0xb2,
	0x0c, 0x2d, 0x7e, 0x9f, 0x51, 0x77, 0xa3, 0xc2, 0x94, 0xd4, 0x46, 0x22, 0x99,
};

static const u8 known_message[] = { 's', 'a', 'm', 'p', 'l', 'e' };

static const u8 known_der[] = {
	0x30, 0x46, 0x02, 0x21, 0x00, 0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40,
	0xdd, 0x9c, 0xd4, 0x5e, 0x81, 0xd6, 0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3,
	0x4d, 0x0e, 0xa8, 0x4e, 0xaf, 0x37, 0x16, 0x02, 0x21, 0x00, 0xf7, 0xcb, 0x1c, 0x94, 0x2d,
	0x65, 0x7c, 0x41, 0xd4, 0x36, 0xc7, 0xa1, 0xb6, 0xe2, 0x9f, 0x65, 0xf3, 0xe9, 0x00, 0xdb,
	0xb9, 0xaf, 0xf4, 0x06, 0x4d, 0xc4, 0xab, 0x2f, 0x84, 0x3a, 0xcd, 0xa8,
};

static bool is_supported;

bool dsmil_signature_supported(void)
{
	return is_supported;
}

/* The length of a canonical positive integer with its tag; 0 if it is none. */
static size_t integer_bytes(const u8 *der, size_t room)
{
	size_t length;

	if (room < 3 || der[0] != INTEGER_TAG)
		return 0;
	length = der[1];
	if (!length || length > INTEGER_BYTES_MAX || length > room - 2)
		return 0;
	if (der[2] & 0x80)
		return 0;
	/* A zero in front is there to keep the next bit from being a sign, or not at all. */
	if (der[2] == 0 && (length == 1 || !(der[3] & 0x80)))
		return 0;
	return 2 + length;
}

bool dsmil_signature_is_well_formed(const struct dsmil_grant_signature *signature)
{
	size_t length = le16_to_cpu(signature->length);
	const u8 *der = signature->der;
	size_t r, s;

	if (length < LENGTH_MIN || length > LENGTH_MAX ||
	    memchr_inv(der + length, 0, sizeof(signature->der) - length))
		return false;
	if (der[0] != SEQUENCE_TAG || der[1] != length - 2)
		return false;
	r = integer_bytes(der + 2, length - 2);
	if (!r)
		return false;
	s = integer_bytes(der + 2 + r, length - 2 - r);
	return s && 2 + r + s == length;
}

/*
 * 0, -EKEYREJECTED (numbers that no signature has are -EBADMSG in the kernel), -EINVAL
 * if the key is no point, or why it could not be tried. The scratch has the digest.
 */
static int verify(struct scratch *scratch, const u8 *point, const u8 *der, u32 length)
{
	int ret;

	memcpy(scratch->point, point, POINT_BYTES);
	memcpy(scratch->der, der, length);
	scratch->key.key = scratch->point;
	scratch->key.keylen = POINT_BYTES;
	scratch->key.algo = OID_id_prime256v1;
	scratch->key.id_type = "DSMIL";
	scratch->key.pkey_algo = "ecdsa-nist-p256";
	scratch->signature.s = scratch->der;
	scratch->signature.s_size = length;
	scratch->signature.dsmil_signature_digest = scratch->digest;
	scratch->signature.dsmil_signature_digest_size = sizeof(scratch->digest);
	scratch->signature.pkey_algo = "ecdsa";
	scratch->signature.hash_algo = "sha256";
	scratch->signature.encoding = "x962";
	ret = public_key_verify_signature(&scratch->key, &scratch->signature);
	return ret == -EBADMSG ? -EKEYREJECTED : ret;
}

int dsmil_signature_check(const u8 *point, const struct dsmil_grant_body *body,
			  const struct dsmil_grant_signature *signature)
{
	struct scratch *scratch = kzalloc(sizeof(*scratch), GFP_KERNEL);
	int ret;

	if (!scratch)
		return -ENOMEM;
	memcpy(scratch->message.prefix, DSMIL_GRANT_PREFIX, sizeof(scratch->message.prefix));
	scratch->message.body = *body;
	sha256((const u8 *)&scratch->message, sizeof(scratch->message), scratch->digest);
	ret = verify(scratch, point, signature->der, le16_to_cpu(signature->length));
	kfree(scratch);
	return ret;
}

/* What the known signature is, as this point's. */
static int verify_known(const u8 *point)
{
	struct scratch *scratch = kzalloc(sizeof(*scratch), GFP_KERNEL);
	int ret;

	if (!scratch)
		return -ENOMEM;
	sha256(known_message, sizeof(known_message), scratch->digest);
	ret = verify(scratch, point, known_der, sizeof(known_der));
	kfree(scratch);
	return ret;
}

/* Only a point of the curve gets as far as being the wrong key. */
int dsmil_signature_key_id(const u8 *point, u8 *id)
{
	int ret = verify_known(point);

	if (ret && ret != -EKEYREJECTED)
		return ret;
	sha256(point, POINT_BYTES, id);
	return 0;
}

bool dsmil_signature_init(void)
{
	BUILD_BUG_ON(sizeof(known_der) != LENGTH_MAX);
	BUILD_BUG_ON(sizeof_field(struct dsmil_grant_signature, der) < LENGTH_MAX);
	is_supported = !verify_known(known_point);
	return is_supported;
}
