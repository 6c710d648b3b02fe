// SPDX-License-Identifier: GPL-2.0-only
/* Between 6.12 and 7.2: what a signature is checked over is called m; it may be a message. */
#include <crypto/public_key.h>

u32 probe(const struct public_key_signature *signature)
{
	return signature->m ? signature->m_size : 0;
}
