/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signs grants as their owners do, with the arithmetic that the kernel checks them
 * with: a grant names the load of the module, so it cannot be signed beforehand.
 */
#ifndef DSMIL_TEST_SIGNER_H
#define DSMIL_TEST_SIGNER_H

#include <kunit/test.h>
#include <linux/dsmil.h>

struct signer {
	u64 key[4];
	u8 point[64]; /* X, Y */
	u8 id[32];
};

/* Of equal seeds, equal keys: for tests, and for nothing else. */
struct signer signer_make(struct kunit *test, u8 seed);

/* The signature of a body, whatever the body says of its signers. */
struct dsmil_grant_signature signer_sign(struct kunit *test, const struct signer *signer,
					 const struct dsmil_grant_body *body);

#endif /* DSMIL_TEST_SIGNER_H */
