/* SPDX-License-Identifier: GPL-2.0-only */
/* ECDSA P-256 with SHA-256, as the kernel has it, or says that it has not. */
#ifndef DSMIL_SIGNATURE_H
#define DSMIL_SIGNATURE_H

#include <linux/dsmil.h>
#include <linux/types.h>

/* Tries it once, with a known key; the answer stays. */
bool dsmil_signature_init(void);
bool dsmil_signature_supported(void);

/* Length, canonical DER (X.690, 10) of two positive integers, zero behind it. */
bool dsmil_signature_is_well_formed(const struct dsmil_grant_signature *signature);

/*
 * 0 if a well-formed signature over the body is this key's, -EKEYREJECTED if it is not.
 * Anything else is no verdict: it could not be found out, for want of memory for
 * example. Sleeps.
 */
int dsmil_signature_check(const u8 *point, const struct dsmil_grant_body *body,
			  const struct dsmil_grant_signature *signature);

/* -EINVAL if it is no point of the curve, or why that could not be found out. Sleeps. */
int dsmil_signature_key_id(const u8 *point, u8 *id);

#endif /* DSMIL_SIGNATURE_H */
