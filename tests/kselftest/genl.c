/* SPDX-License-Identifier: Apache-2.0 */
#include "genl.h"

#include "support.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not in the headers of every libc. */
#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* The kernel's macros are signed. */
#define ATTRIBUTE_HEAD sizeof(struct nlattr)

static size_t aligned(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

static const void *payload(const struct nlattr *attribute)
{
	return (const char *)attribute + ATTRIBUTE_HEAD;
}

static const struct nlattr *find(const void *start, size_t length, uint16_t type, unsigned nth)
{
	const char *at = start;

	while (length >= sizeof(struct nlattr)) {
		const struct nlattr *attribute = (const void *)at;
		size_t step = aligned(attribute->nla_len);

		if (attribute->nla_len < ATTRIBUTE_HEAD || attribute->nla_len > length)
			return NULL;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type && nth-- == 0)
			return attribute;
		if (step >= length)
			return NULL;
		at += step;
		length -= step;
	}
	return NULL;
}

const struct nlattr *genl_attribute(const struct nlmsghdr *message, uint16_t type, unsigned nth)
{
	const size_t head = NLMSG_HDRLEN + GENL_HDRLEN;

	return find((const char *)message + head, message->nlmsg_len - head, type, nth);
}

uint32_t genl_u32(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *attribute = genl_attribute(message, type, 0);
	uint32_t value = UINT32_MAX;

	if (attribute && attribute->nla_len == ATTRIBUTE_HEAD + sizeof(value))
		memcpy(&value, payload(attribute), sizeof(value));
	return value;
}

uint64_t genl_u64(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *attribute = genl_attribute(message, type, 0);
	uint64_t value = UINT64_MAX;

	if (attribute && attribute->nla_len == ATTRIBUTE_HEAD + sizeof(value))
		memcpy(&value, payload(attribute), sizeof(value));
	return value;
}

const char *genl_string(const struct nlmsghdr *message, uint16_t type)
{
	const struct nlattr *attribute = genl_attribute(message, type, 0);

	return attribute ? payload(attribute) : "";
}

static void send_to(struct genl *genl, uint16_t family, uint8_t command, unsigned flags,
		    const struct genl_attribute *attributes, size_t count)
{
	char request[4096] = { 0 };
	struct nlmsghdr *header = (void *)request;
	struct genlmsghdr *generic = (void *)(request + NLMSG_HDRLEN);
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	for (size_t i = 0; i < count; i++) {
		struct nlattr *attribute = (void *)(request + at);

		attribute->nla_type = attributes[i].type;
		attribute->nla_len = (uint16_t)(ATTRIBUTE_HEAD + attributes[i].length);
		memcpy(request + at + ATTRIBUTE_HEAD, attributes[i].data, attributes[i].length);
		at += aligned(attribute->nla_len);
	}
	header->nlmsg_len = (uint32_t)at;
	header->nlmsg_type = family;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	generic->cmd = command;
	generic->version = 1;
	if (send(genl->fd, request, at, 0) != (ssize_t)at)
		tap_bail("a netlink request cannot be sent");
}

void genl_send(struct genl *genl, uint8_t command, unsigned flags, const struct genl_attribute *attributes,
	       size_t count)
{
	send_to(genl, genl->family, command, flags, attributes, count);
}

/* The text of an extended acknowledgement follows the error and, if it was not capped, the request. */
static void keep_text(struct genl *genl, const struct nlmsghdr *message, size_t head)
{
	const struct nlattr *text;

	genl->text[0] = '\0';
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS) || message->nlmsg_len <= head)
		return;
	text = find((const char *)message + head, message->nlmsg_len - head, NLMSGERR_ATTR_MSG, 0);
	if (text)
		snprintf(genl->text, sizeof(genl->text), "%s", (const char *)payload(text));
}

/* Whether a message ends the request, and how. */
static bool ends(struct genl *genl, const struct nlmsghdr *message, int *error)
{
	const struct nlmsgerr *verdict = NLMSG_DATA(message);
	size_t head = NLMSG_HDRLEN + sizeof(*verdict);

	if (message->nlmsg_type == NLMSG_ERROR) {
		*error = -verdict->error;
		if (!(message->nlmsg_flags & NLM_F_CAPPED))
			head += verdict->msg.nlmsg_len - NLMSG_HDRLEN;
		keep_text(genl, message, aligned(head));
		return true;
	}
	if (message->nlmsg_type == NLMSG_DONE) {
		memcpy(error, NLMSG_DATA(message), sizeof(*error));
		*error = -*error;
		keep_text(genl, message, NLMSG_HDRLEN + aligned(sizeof(*error)));
		return true;
	}
	return false;
}

int genl_receive_some(struct genl *genl)
{
	return recv(genl->fd, genl->buffer, sizeof(genl->buffer), 0) < 0 ? errno : 0;
}

int genl_receive(struct genl *genl, genl_message_fn on_message, void *context)
{
	int error = 0;

	for (;;) {
		ssize_t bytes = recv(genl->fd, genl->buffer, sizeof(genl->buffer), 0);
		unsigned left = bytes > 0 ? (unsigned)bytes : 0;

		if (bytes < 0)
			return errno;
		for (const struct nlmsghdr *message = (const void *)genl->buffer; NLMSG_OK(message, left);
		     message = NLMSG_NEXT(message, left)) {
			if (ends(genl, message, &error))
				return error;
			if (on_message)
				on_message(context, message);
		}
	}
}

int genl_ask(struct genl *genl, uint8_t command, unsigned flags, const struct genl_attribute *attributes,
	     size_t count, genl_message_fn on_message, void *context)
{
	genl_send(genl, command, flags | NLM_F_ACK, attributes, count);
	return genl_receive(genl, on_message, context);
}

static void keep_family(void *context, const struct nlmsghdr *message)
{
	struct genl *genl = context;
	const struct nlattr *family = genl_attribute(message, CTRL_ATTR_FAMILY_ID, 0);
	const struct nlattr *groups = genl_attribute(message, CTRL_ATTR_MCAST_GROUPS, 0);
	const struct nlattr *group, *id, *name;

	if (family)
		memcpy(&genl->family, payload(family), sizeof(genl->family));
	for (uint16_t i = 1; groups; i++) {
		group = find(payload(groups), groups->nla_len - ATTRIBUTE_HEAD, i, 0);
		if (!group)
			return;
		id = find(payload(group), group->nla_len - ATTRIBUTE_HEAD, CTRL_ATTR_MCAST_GRP_ID, 0);
		name = find(payload(group), group->nla_len - ATTRIBUTE_HEAD, CTRL_ATTR_MCAST_GRP_NAME, 0);
		if (!id || !name)
			continue;
		if (!strcmp(payload(name), "events"))
			memcpy(&genl->events, payload(id), sizeof(genl->events));
		else if (!strcmp(payload(name), "security"))
			memcpy(&genl->security, payload(id), sizeof(genl->security));
	}
}

int genl_open(struct genl *genl)
{
	const struct genl_attribute name = { CTRL_ATTR_FAMILY_NAME, "dsmil", sizeof("dsmil") };
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int on = 1, error;

	memset(genl, 0, sizeof(*genl));
	genl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (genl->fd < 0 || bind(genl->fd, (void *)&address, sizeof(address)))
		return -errno;
	setsockopt(genl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(genl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	send_to(genl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK, &name, 1);
	error = genl_receive(genl, keep_family, genl);
	return -error;
}

void genl_close(struct genl *genl)
{
	close(genl->fd);
}

static int join(const struct genl *genl, uint32_t group)
{
	return setsockopt(genl->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? errno : 0;
}

int genl_join_events(struct genl *genl)
{
	return join(genl, genl->events);
}

int genl_join_security(struct genl *genl)
{
	return join(genl, genl->security);
}

const struct nlmsghdr *genl_next_event(struct genl *genl)
{
	if (recv(genl->fd, genl->buffer, sizeof(genl->buffer), 0) < 0)
		tap_bail("no event comes");
	return (const void *)genl->buffer;
}
