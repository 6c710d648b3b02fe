/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Has keys enrolled and signs grants as their owners do, with the arithmetic that the
 * kernel checks them with: a grant names the load of the module, so it cannot be
 * signed beforehand.
 */
#ifndef DSMIL_TEST_SIGNER_H
#define DSMIL_TEST_SIGNER_H

#include <kunit/test.h>
#include <linux/dsmil.h>

/* Whose keys these are by their seeds; the stranger's is never enrolled. */
enum { SEED_ALICE = 1, SEED_ALICE_AGAIN, SEED_BOB, SEED_STRANGER, SEED_OTHERS };

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

/* As it is on the wire. */
struct grant {
	struct dsmil_grant_body body;
	struct dsmil_grant_signature signatures[DSMIL_GRANT_SIGNERS_MAX];
};

/* By one signer, or with a second one by both. */
void grant_sign(struct kunit *test, struct grant *grant, const struct signer *first,
		const struct signer *second);

/* What enrols the signer's key, and the answer to it. */
struct dsmil_grant_key_add key_request(const struct signer *signer, const char *owner);
long key_submit(struct kunit *test, struct file *ctl, struct dsmil_grant_key_add *request);
long key_add(struct kunit *test, struct file *ctl, const struct signer *signer, const char *owner);

#endif /* DSMIL_TEST_SIGNER_H */
