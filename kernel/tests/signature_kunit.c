// SPDX-License-Identifier: GPL-2.0-only
/* The form of signatures: what is not exactly canonical DER is no signature. */
#include "../core/signature.h"
#include "signer.h"

/* Both integers one byte long: the shortest that there is. */
static const u8 shortest[] = { 0x30, 0x06, 0x02, 0x01, 0x7f, 0x02, 0x01, 0x01 };

/* r is 2^256 - 1: more than the order of the group. */
static const u8 beyond_order[] = {
	0x30, 38, 0x02, 33, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01, 0x01,
};

static bool is_well_formed(const u8 *der, size_t length)
{
	struct dsmil_grant_signature signature = { .length = cpu_to_le16(length) };

	memcpy(signature.der, der, min(length, sizeof(signature.der)));
	return dsmil_signature_is_well_formed(&signature);
}

static void good_forms(struct kunit *test)
{
	static const u8 padded[] = { 0x30, 0x07, 0x02, 0x02, 0x00, 0x80, 0x02, 0x01, 0x01 };
	u8 longest[72] = { 0x30, 70, 0x02, 33, 0x00, 0x80 };

	longest[37] = 0x02;
	longest[38] = 33;
	longest[40] = 0x80;
	KUNIT_EXPECT_TRUE(test, is_well_formed(shortest, sizeof(shortest)));
	KUNIT_EXPECT_TRUE(test, is_well_formed(padded, sizeof(padded)));
	KUNIT_EXPECT_TRUE(test, is_well_formed(longest, sizeof(longest)));
}

static void bad_forms(struct kunit *test)
{
	static const struct {
		const char *what;
		u8 der[12];
		size_t length;
	} bad[] = {
		{ "no sequence", { 0x31, 6, 2, 1, 0x7f, 2, 1, 1 }, 8 },
		{ "the sequence is longer", { 0x30, 7, 2, 1, 0x7f, 2, 1, 1 }, 8 },
		{ "the sequence is shorter", { 0x30, 5, 2, 1, 0x7f, 2, 1, 1 }, 8 },
		{ "r is no integer", { 0x30, 6, 3, 1, 0x7f, 2, 1, 1 }, 8 },
		{ "r is empty", { 0x30, 6, 2, 0, 2, 2, 0x7f, 1 }, 8 },
		{ "r is longer than what is there", { 0x30, 6, 2, 5, 0x7f, 2, 1, 1 }, 8 },
		{ "r is longer than a number of the curve", { 0x30, 6, 2, 34, 0x7f, 2, 1, 1 }, 8 },
		{ "r is negative", { 0x30, 6, 2, 1, 0x80, 2, 1, 1 }, 8 },
		{ "r is zero", { 0x30, 6, 2, 1, 0, 2, 1, 1 }, 8 },
		{ "r is longer than it must be", { 0x30, 7, 2, 2, 0, 0x7f, 2, 1, 1 }, 9 },
		{ "r leaves no room for s", { 0x30, 6, 2, 3, 0x7f, 2, 1, 1 }, 8 },
		{ "s is no integer", { 0x30, 6, 2, 1, 0x7f, 4, 1, 1 }, 8 },
		{ "s is negative", { 0x30, 6, 2, 1, 0x7f, 2, 1, 0x81 }, 8 },
		{ "s is zero", { 0x30, 6, 2, 1, 0x7f, 2, 1, 0 }, 8 },
		{ "something is behind s", { 0x30, 7, 2, 1, 0x7f, 2, 1, 1, 0 }, 9 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_FALSE_MSG(test, is_well_formed(bad[i].der, bad[i].length), "%s",
				       bad[i].what);
}

static void bad_lengths(struct kunit *test)
{
	struct dsmil_grant_signature signature = { .length = cpu_to_le16(sizeof(shortest)) };
	u8 long_der[78] = { 0x30, 71, 0x02, 33, 0x00, 0x80 };

	KUNIT_EXPECT_FALSE(test, is_well_formed(shortest, 0));
	KUNIT_EXPECT_FALSE(test, is_well_formed(shortest, sizeof(shortest) - 1));
	KUNIT_EXPECT_FALSE(test, is_well_formed(long_der, 73));
	KUNIT_EXPECT_FALSE(test, is_well_formed(long_der, U16_MAX));
	memcpy(signature.der, shortest, sizeof(shortest));
	KUNIT_EXPECT_TRUE(test, dsmil_signature_is_well_formed(&signature));
	signature.der[sizeof(signature.der) - 1] = 1;
	KUNIT_EXPECT_FALSE_MSG(test, dsmil_signature_is_well_formed(&signature), "not zero behind");
}

/* The point as SEC 1 writes it, which the module's other files use. */
static void make_point(const struct signer *signer, u8 *point)
{
	point[0] = 0x04;
	memcpy(point + 1, signer->point, sizeof(signer->point));
}

static void signatures_are_checked(struct kunit *test)
{
	struct signer signer = signer_make(test, 1), other = signer_make(test, 2);
	struct dsmil_grant_body body = { .reg = 1 };
	struct dsmil_grant_signature signature = signer_sign(test, &signer, &body);
	u8 point[65], other_point[65];

	make_point(&signer, point);
	make_point(&other, other_point);
	KUNIT_ASSERT_TRUE(test, dsmil_signature_supported());
	KUNIT_EXPECT_TRUE(test, dsmil_signature_is_well_formed(&signature));
	KUNIT_EXPECT_EQ(test, dsmil_signature_check(point, &body, &signature), 0);
	KUNIT_EXPECT_EQ(test, dsmil_signature_check(other_point, &body, &signature),
			-EKEYREJECTED);
	body.reg = 2;
	KUNIT_EXPECT_EQ(test, dsmil_signature_check(point, &body, &signature), -EKEYREJECTED);
	memset(&signature, 0, sizeof(signature));
	memcpy(signature.der, beyond_order, sizeof(beyond_order));
	signature.length = cpu_to_le16(sizeof(beyond_order));
	KUNIT_ASSERT_TRUE(test, dsmil_signature_is_well_formed(&signature));
	KUNIT_EXPECT_EQ_MSG(test, dsmil_signature_check(point, &body, &signature), -EKEYREJECTED,
			    "a number that is none of the group's");
}

static void only_points_have_an_id(struct kunit *test)
{
	struct signer signer = signer_make(test, 1);
	u8 point[65] = { 0x04 }, id[32];

	KUNIT_EXPECT_EQ_MSG(test, dsmil_signature_key_id(point, id), -EINVAL, "zero");
	memset(point + 1, 0xff, sizeof(point) - 1);
	KUNIT_EXPECT_EQ_MSG(test, dsmil_signature_key_id(point, id), -EINVAL, "beyond the field");
	make_point(&signer, point);
	KUNIT_EXPECT_EQ(test, dsmil_signature_key_id(point, id), 0);
	KUNIT_EXPECT_MEMEQ(test, id, signer.id, sizeof(id));
	point[64] ^= 1;
	KUNIT_EXPECT_EQ_MSG(test, dsmil_signature_key_id(point, id), -EINVAL, "off the curve");
}

static struct kunit_case signature_cases[] = {
	KUNIT_CASE(good_forms),
	KUNIT_CASE(bad_forms),
	KUNIT_CASE(bad_lengths),
	KUNIT_CASE(signatures_are_checked),
	KUNIT_CASE(only_points_have_an_id),
	{}
};

static struct kunit_suite signature_suite = {
	.name = "dsmil_signature",
	.test_cases = signature_cases,
};

kunit_test_suite(signature_suite);
