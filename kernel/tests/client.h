/* SPDX-License-Identifier: GPL-2.0-only */
/* A generic netlink client inside the kernel. */
#ifndef DSMIL_TEST_CLIENT_H
#define DSMIL_TEST_CLIENT_H

#include <kunit/test.h>
#include <linux/net.h>
#include <net/genetlink.h>

#define CLIENT_BYTES 8192 /* so small that a dump of all devices comes in several parts */
#define CLIENT_ATTRIBUTE_MAX 64

struct client {
	struct socket *socket;
	u16 family; /* of "dsmil" */
	struct file *file; /* whose opener's capabilities count; closing it closes the socket */
	u32 events;   /* its multicast groups, 0 if it has none */
	u32 security;
	u8 *buffer;
	size_t length; /* of the last datagram */
};

struct client *client_open(struct kunit *test);
void client_close(struct client *client);

/* Sends a request with at most one u32 attribute (type 0: none). */
void client_send(struct kunit *test, struct client *client, u8 command, u16 flags, u16 type,
		 u32 value);
/* The same with an attribute of any bytes, CLIENT_ATTRIBUTE_MAX at most. */
void client_send_bytes(struct kunit *test, struct client *client, u8 command, u16 flags, u16 type,
		       const void *bytes, size_t size);
/* The same without an attribute, and it may fail: 0 or the error. */
int client_try(struct client *client, u8 command);
/* The socket's pending error, which is taken. */
int client_take_error(struct client *client);
/* Takes a datagram: its first message, NULL if none waits. */
const struct nlmsghdr *client_next(struct kunit *test, struct client *client);
/* A request and the error that it meets, 0 if it is answered. */
int client_ask(struct kunit *test, struct client *client, u8 command, u16 type, u32 value);
int client_ask_bytes(struct kunit *test, struct client *client, u8 command, u16 type,
		     const void *bytes, size_t size);
/* How many answers are left of a dump, or its error; and how many say that it was interrupted. */
int client_collect(struct kunit *test, struct client *client, int *interrupted);
/* An attribute of the message in the buffer that must be there. */
u32 client_u32(struct kunit *test, struct client *client, u16 type);
u64 client_u64(struct kunit *test, struct client *client, u16 type);
/* The last message's attribute, NULL if there is none. */
const struct nlattr *client_attribute(struct client *client, const struct nlmsghdr *message,
				      u16 type);
int client_join(struct client *client, u32 group);

#endif /* DSMIL_TEST_CLIENT_H */
