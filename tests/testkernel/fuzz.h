/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the fuzzer. */
#ifndef DSMIL_TESTKERNEL_FUZZ_H
#define DSMIL_TESTKERNEL_FUZZ_H

#include "machine.h"

#define FUZZ_FDS 12

struct fuzz {
	struct dice dice;
	int fds[FUZZ_FDS]; /* -1: none */
	int pipe[2];
	int zero;
	uint64_t calls;
	uint64_t done;	  /* ioctls that succeeded */
	uint64_t refused; /* calls that failed */
	uint64_t opened;
	uint64_t mapped;
	uint64_t answers; /* netlink messages that are no error */
	uint64_t honest;  /* writes that had to work and did */
};

extern struct fuzz fuzz;

/* 0 .. below - 1 */
unsigned roll(unsigned below);
/* One of the open descriptors, whatever it is; now and then none at all. */
int any_fd(void);

/* ------------------------------------------------ fuzz_ioctl.c, fuzz_netlink.c -- */

/* 0 or an errno. */
int fuzz_ioctl_open(void);
int fuzz_netlink_open(void);
/* One call each. */
void fuzz_ioctl(void);
void fuzz_netlink(void);

#endif
