/* SPDX-License-Identifier: Apache-2.0 */
#include "signer.h"

#include "support.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

_Static_assert(sizeof(struct signed_grant) == DSMIL_GRANT_BYTES(2), "a grant is its body and its signatures");

void random_bytes(void *to, size_t count)
{
	if (RAND_bytes(to, (int)count) != 1)
		tap_bail("there are no random bytes");
}

struct signer signer_make(void)
{
	struct signer signer = { .key = EVP_EC_gen("P-256") };
	uint8_t point[65];
	size_t length = 0;

	if (!signer.key ||
	    !EVP_PKEY_get_octet_string_param(signer.key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &length) ||
	    length != sizeof(point) || point[0] != 4 ||
	    !EVP_Digest(point, sizeof(point), signer.id, NULL, EVP_sha256(), NULL))
		tap_bail("OpenSSL makes no key");
	memcpy(signer.point, point + 1, sizeof(signer.point));
	return signer;
}

void signer_sign(const struct signer *signer, struct signed_grant *grant, unsigned index)
{
	struct dsmil_grant_signature *signature = &grant->signatures[index];
	uint8_t message[sizeof(DSMIL_GRANT_PREFIX) + sizeof(grant->body)];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t length = sizeof(signature->der);

	memcpy(message, DSMIL_GRANT_PREFIX, sizeof(DSMIL_GRANT_PREFIX));
	memcpy(message + sizeof(DSMIL_GRANT_PREFIX), &grant->body, sizeof(grant->body));
	memset(signature, 0, sizeof(*signature));
	if (!context || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer->key) != 1 ||
	    EVP_DigestSign(context, signature->der, &length, message, sizeof(message)) != 1)
		tap_bail("OpenSSL does not sign");
	EVP_MD_CTX_free(context);
	signature->length = (uint16_t)length; /* little-endian, as all that this runs on */
}

void grant_sign(struct signed_grant *grant, const struct signer *first, const struct signer *second)
{
	memset(grant->body.signer, 0, sizeof(grant->body.signer));
	memset(grant->signatures, 0, sizeof(grant->signatures));
	grant->body.signer_count = second ? 2 : 1;
	memcpy(grant->body.signer[0], first->id, sizeof(first->id));
	if (second)
		memcpy(grant->body.signer[1], second->id, sizeof(second->id));
	signer_sign(first, grant, 0);
	if (second)
		signer_sign(second, grant, 1);
}

size_t grant_bytes(const struct signed_grant *grant)
{
	return DSMIL_GRANT_BYTES(grant->body.signer_count);
}
