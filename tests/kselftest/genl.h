/* SPDX-License-Identifier: Apache-2.0 */
/* Generic netlink by hand, so that anything at all can be sent. */
#ifndef DSMIL_KSELFTEST_GENL_H
#define DSMIL_KSELFTEST_GENL_H

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct genl_attribute {
	uint16_t type;
	const void *data;
	uint16_t length;
};

struct genl {
	int fd;
	uint16_t family; /* of "dsmil" */
	uint32_t events; /* its multicast groups */
	uint32_t security;
	char text[128];	 /* of the last extended acknowledgement, empty without */
	char buffer[8192]; /* so small that a dump of all devices comes in several parts */
};

/* -errno if there is no such family. */
int genl_open(struct genl *genl);
void genl_close(struct genl *genl);

/* Sends a request; flags are added to NLM_F_REQUEST. */
void genl_send(struct genl *genl, uint8_t command, unsigned flags, const struct genl_attribute *attributes,
	       size_t count);

/* The first buffer of an answer: the rest is made when genl_receive() asks for it. 0 or errno. */
int genl_receive_some(struct genl *genl);

/*
 * Calls on_message for each message of the family until the request ends.
 * Gives 0 or the errno that the kernel answered (positive).
 */
typedef void (*genl_message_fn)(void *context, const struct nlmsghdr *message);
int genl_receive(struct genl *genl, genl_message_fn on_message, void *context);

/* Both at once. */
int genl_ask(struct genl *genl, uint8_t command, unsigned flags, const struct genl_attribute *attributes,
	     size_t count, genl_message_fn on_message, void *context);

/* The n-th attribute of a type, NULL if there is none. */
const struct nlattr *genl_attribute(const struct nlmsghdr *message, uint16_t type, unsigned nth);
uint32_t genl_u32(const struct nlmsghdr *message, uint16_t type);
uint64_t genl_u64(const struct nlmsghdr *message, uint16_t type);
const char *genl_string(const struct nlmsghdr *message, uint16_t type);

/* Join a group: 0 or errno. */
int genl_join_events(struct genl *genl);
int genl_join_security(struct genl *genl);
/* Waits for one notification. */
const struct nlmsghdr *genl_next_event(struct genl *genl);

#endif
