/* SPDX-License-Identifier: Apache-2.0 */
/* Grants as their issuers make them, with OpenSSL. */
#ifndef DSMIL_KSELFTEST_SIGNER_H
#define DSMIL_KSELFTEST_SIGNER_H

#include <linux/dsmil.h>
#include <stddef.h>
#include <stdint.h>

struct signer {
	void *key;
	uint8_t point[64];
	uint8_t id[32];
};

struct signed_grant {
	struct dsmil_grant_body body;
	struct dsmil_grant_signature signatures[DSMIL_GRANT_SIGNERS_MAX];
};

/* A fresh key. */
struct signer signer_make(void);
/* Signs the body as it stands, as its signature number index. */
void signer_sign(const struct signer *signer, struct signed_grant *grant, unsigned index);
/* Makes the body name one signer or two (or NULL), and signs it. */
void grant_sign(struct signed_grant *grant, const struct signer *first, const struct signer *second);
size_t grant_bytes(const struct signed_grant *grant);
void random_bytes(void *to, size_t count);

#endif
