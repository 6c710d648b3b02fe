// SPDX-License-Identifier: GPL-2.0-only
#include <linux/dsmil_netlink.h>
#include <linux/file.h>
#include <linux/netlink.h>
#include <linux/socket.h>
#include <linux/sockptr.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "client.h"
#include "support.h"

static void find_family(struct kunit *test, struct client *client)
{
	struct {
		struct nlmsghdr netlink;
		struct genlmsghdr generic;
		struct nlattr attribute;
		char name[8];
	} request = {
		.netlink = { sizeof(request), GENL_ID_CTRL, NLM_F_REQUEST },
		.generic = { CTRL_CMD_GETFAMILY },
		.attribute = { NLA_HDRLEN + sizeof(DSMIL_GENL_NAME), CTRL_ATTR_FAMILY_NAME },
		.name = DSMIL_GENL_NAME,
	};
	struct kvec vector = { &request, sizeof(request) };
	struct msghdr header = {};
	const struct nlmsghdr *message;
	const struct nlattr *groups, *group, *id, *name;
	int rest;

	KUNIT_ASSERT_EQ(test, kernel_sendmsg(client->socket, &header, &vector, 1, sizeof(request)),
			sizeof(request));
	message = client_next(test, client);
	KUNIT_ASSERT_NOT_NULL(test, message);
	id = client_attribute(client, message, CTRL_ATTR_FAMILY_ID);
	KUNIT_ASSERT_NOT_NULL(test, id);
	client->family = nla_get_u16(id);
	groups = client_attribute(client, message, CTRL_ATTR_MCAST_GROUPS);
	KUNIT_ASSERT_NOT_NULL(test, groups);
	nla_for_each_nested(group, groups, rest) {
		name = nla_find_nested(group, CTRL_ATTR_MCAST_GRP_NAME);
		id = nla_find_nested(group, CTRL_ATTR_MCAST_GRP_ID);
		if (name && id && !nla_strcmp(name, DSMIL_GENL_EVENTS))
			client->events = nla_get_u32(id);
		if (name && id && !nla_strcmp(name, DSMIL_GENL_SECURITY))
			client->security = nla_get_u32(id);
	}
}

struct client *client_open(struct kunit *test)
{
	struct client *client = kunit_kzalloc(test, sizeof(*client), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, client);
	client->buffer = kunit_kzalloc(test, CLIENT_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, client->buffer);
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC,
					       &client->socket), 0);
	client->file = sock_alloc_file(client->socket, O_CLOEXEC, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, client->file);
	find_family(test, client);
	return client;
}

void client_close(struct client *client)
{
	node_close(client->file);
}

void client_send_bytes(struct kunit *test, struct client *client, u8 command, u16 flags, u16 type,
		       const void *bytes, size_t size)
{
	struct {
		struct nlmsghdr netlink;
		struct genlmsghdr generic;
		struct nlattr attribute;
		u8 bytes[CLIENT_ATTRIBUTE_MAX];
	} request = {
		.netlink = { .nlmsg_type = client->family, .nlmsg_flags = NLM_F_REQUEST | flags },
		.generic = { .cmd = command, .version = DSMIL_GENL_VERSION },
		.attribute = { NLA_HDRLEN + size, type },
	};
	size_t length = offsetof(typeof(request), attribute);
	struct kvec vector = { &request };
	struct msghdr header = {};

	KUNIT_ASSERT_LE(test, size, sizeof(request.bytes));
	if (type) {
		memcpy(request.bytes, bytes, size);
		length += nla_total_size(size);
	}
	request.netlink.nlmsg_len = length;
	vector.iov_len = length;
	KUNIT_ASSERT_EQ(test, kernel_sendmsg(client->socket, &header, &vector, 1, length), length);
}

void client_send(struct kunit *test, struct client *client, u8 command, u16 flags, u16 type,
		 u32 value)
{
	client_send_bytes(test, client, command, flags, type, &value, sizeof(value));
}

int client_try(struct client *client, u8 command)
{
	struct {
		struct nlmsghdr netlink;
		struct genlmsghdr generic;
	} request = {
		.netlink = { sizeof(request), client->family, NLM_F_REQUEST },
		.generic = { command, DSMIL_GENL_VERSION },
	};
	struct kvec vector = { &request, sizeof(request) };
	struct msghdr header = {};
	int ret = kernel_sendmsg(client->socket, &header, &vector, 1, sizeof(request));

	return ret < 0 ? ret : 0;
}

int client_take_error(struct client *client)
{
	return sock_error(client->socket->sk);
}

const struct nlmsghdr *client_next(struct kunit *test, struct client *client)
{
	struct kvec vector = { client->buffer, CLIENT_BYTES };
	struct msghdr header = {};
	int length;

	length = kernel_recvmsg(client->socket, &header, &vector, 1, CLIENT_BYTES, MSG_DONTWAIT);
	if (length == -EAGAIN)
		return NULL;
	KUNIT_ASSERT_GE(test, length, (int)sizeof(struct nlmsghdr));
	client->length = length;
	return (const struct nlmsghdr *)client->buffer;
}

int client_ask_bytes(struct kunit *test, struct client *client, u8 command, u16 type,
		     const void *bytes, size_t size)
{
	const struct nlmsghdr *message;

	client_send_bytes(test, client, command, 0, type, bytes, size);
	message = client_next(test, client);
	KUNIT_ASSERT_NOT_NULL(test, message);
	if (message->nlmsg_type != NLMSG_ERROR)
		return 0;
	return ((const struct nlmsgerr *)nlmsg_data(message))->error;
}

int client_ask(struct kunit *test, struct client *client, u8 command, u16 type, u32 value)
{
	return client_ask_bytes(test, client, command, type, &value, sizeof(value));
}

int client_collect(struct kunit *test, struct client *client, int *interrupted)
{
	const struct nlmsghdr *message;
	int answers = 0, rest;

	*interrupted = 0;
	while ((message = client_next(test, client))) {
		rest = client->length;
		for (; nlmsg_ok(message, rest); message = nlmsg_next(message, &rest)) {
			if (message->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)nlmsg_data(message))->error;
			if (message->nlmsg_type == NLMSG_DONE)
				return *(const int *)nlmsg_data(message) ?: answers;
			*interrupted += !!(message->nlmsg_flags & NLM_F_DUMP_INTR);
			answers++;
		}
	}
	return -EIO;
}

u32 client_u32(struct kunit *test, struct client *client, u16 type)
{
	const struct nlattr *attribute = client_attribute(client, (void *)client->buffer, type);

	KUNIT_ASSERT_NOT_NULL_MSG(test, attribute, "attribute %u", type);
	return nla_get_u32(attribute);
}

u64 client_u64(struct kunit *test, struct client *client, u16 type)
{
	const struct nlattr *attribute = client_attribute(client, (void *)client->buffer, type);

	KUNIT_ASSERT_NOT_NULL_MSG(test, attribute, "attribute %u", type);
	return nla_get_u64(attribute);
}

const struct nlattr *client_attribute(struct client *client, const struct nlmsghdr *message,
				      u16 type)
{
	return nlmsg_find_attr(message, GENL_HDRLEN, type);
}

int client_join(struct client *client, u32 group)
{
	return client->socket->ops->setsockopt(client->socket, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
					       KERNEL_SOCKPTR(&group), sizeof(group));
}
