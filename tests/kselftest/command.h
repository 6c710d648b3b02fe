/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the table that tools/abi makes of the ABI's description: commands_gen.h, to be included behind this. */
#ifndef DSMIL_KSELFTEST_COMMAND_H
#define DSMIL_KSELFTEST_COMMAND_H

#include <linux/dsmil.h>
#include <stdbool.h>
#include <stddef.h>

enum node { NODE_CTL, NODE_DEVICE, NODE_RING };

/* A byte of a request that must be zero, and a value that it must not have. */
struct dirt {
	const char *what; /* NULL ends the list */
	size_t offset;
	unsigned char value;
};

struct command {
	const char *name;
	unsigned long code;
	enum node node;
	size_t size;
	size_t first; /* bytes of the struct as it was first published */
	const void *good;
	const struct dirt *dirt;
	void (*prepare)(void *request); /* what data cannot say, or NULL */
	bool privileged;
	int again;	   /* the errno of what was accepted before */
	int without_ecdsa; /* the errno on a kernel that cannot check signatures */
};

#endif
