/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), told apart from the kernel's own that it checks. */
#ifndef DSMIL_KSELFTEST_SHA256_H
#define DSMIL_KSELFTEST_SHA256_H

#include <stddef.h>
#include <stdint.h>

void sha256(const void *data, size_t bytes, uint8_t digest[32]);

#endif
