/* SPDX-License-Identifier: Apache-2.0 */
/* What the workers of race.c share: each takes turns in a thread of its own. */
#ifndef DSMIL_TESTKERNEL_RACE_H
#define DSMIL_TESTKERNEL_RACE_H

#include "../kselftest/genl.h"
#include "machine.h"

#include <pthread.h>
#include <stdatomic.h>

struct worker {
	const char *name;
	void (*turn)(struct worker *worker);
	struct dice dice;
	pthread_t thread;
	atomic_ulong turns;
	unsigned long done; /* what succeeded, in all rounds */
	struct genl genl;
	int fd;
	uint64_t next;	    /* sequence */
	uint8_t load_id[16];
};

/* The firmware is not there. A list of errnos ends with 0. */
extern const int firmware_gone[];

/* An answer that must not be is counted, and told. */
void be_wrong(struct worker *worker, const char *what, long number);
unsigned wrong_answers(void);
/* An answer that must be 0 or one of these. */
void expect(struct worker *worker, const char *what, int error, const int *others);

/* Turns of those that have a netlink socket, which is open then. */
void dump_devices(struct worker *worker);
void ask_netlink(struct worker *worker);
void listen_to_events(struct worker *worker);
void ask_netlink_badly(struct worker *worker);

/* Turns of bad requests, each of which has one answer. */
void ask_ctl_badly(struct worker *worker);
void ask_devices_badly(struct worker *worker);
/* Without capabilities, which its thread then never has again. */
void be_powerless(struct worker *worker);
/* One bad request, to ctl or to the audit ring. */
void be_mistaken(struct worker *worker, int fd, bool is_ring);

#endif
