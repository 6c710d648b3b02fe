/* SPDX-License-Identifier: Apache-2.0 */
/* Generic netlink requests to the family: commands, flags and attributes, right and wrong. */
#include "../kselftest/genl.h"
#include "../kselftest/support.h"
#include "fuzz.h"

#include <linux/dsmil_netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct genl genl;

/* An attribute at `at`; gives where the next one begins. */
static size_t put_attribute(char *request, size_t at)
{
	struct nlattr *attribute = (void *)(request + at);
	static const uint16_t lengths[] = { 4, 4, 4, 0, 1, 2, 3, 8, 16, 64 };
	uint16_t length = lengths[roll(ARRAY_SIZE(lengths))];
	uint32_t value = (uint32_t)dice_roll(&fuzz.dice);

	if (roll(3))
		value = roll(2) ? DSMIL_DEVICE_ID_BASE + roll(DSMIL_DEVICE_COUNT + 2) : roll(DSMIL_DEVICE_COUNT + 2);
	attribute->nla_type = (uint16_t)(roll(12) ? 1 + roll(6) : roll(65536));
	attribute->nla_len = (uint16_t)(roll(24) ? sizeof(*attribute) + length : roll(65536));
	memset(request + at + sizeof(*attribute), (int)roll(256), length);
	memcpy(request + at + sizeof(*attribute), &value, length < 4 ? length : 4);
	return at + sizeof(*attribute) + ((length + 3u) & ~3u);
}

static size_t make_request(char *request)
{
	static const uint16_t flags[] = { NLM_F_REQUEST, NLM_F_REQUEST | NLM_F_ACK, NLM_F_REQUEST | NLM_F_DUMP,
					  NLM_F_REQUEST | NLM_F_DUMP | NLM_F_ACK, NLM_F_REQUEST | NLM_F_ECHO, 0,
					  0xFFFF };
	struct nlmsghdr *header = (void *)request;
	struct genlmsghdr *generic = (void *)(request + NLMSG_HDRLEN);
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	for (unsigned count = roll(4); count; count--)
		at = put_attribute(request, at);
	header->nlmsg_len = (uint32_t)(roll(24) ? at : roll(2) ? roll(512) : (uint32_t)dice_roll(&fuzz.dice));
	header->nlmsg_type = (uint16_t)(roll(48) ? genl.family : roll(64));
	header->nlmsg_flags = flags[roll(ARRAY_SIZE(flags))];
	generic->cmd = (uint8_t)(roll(8) ? 1 + roll(8) : roll(256));
	generic->version = (uint8_t)(roll(8) ? DSMIL_GENL_VERSION : roll(256));
	generic->reserved = (uint16_t)(roll(16) ? 0 : roll(65536));
	return at;
}

void fuzz_netlink(void)
{
	char request[1024] = { 0 };
	static char answer[16384];
	size_t bytes = make_request(request);
	const struct nlmsghdr *message = (const void *)answer;
	ssize_t length;

	if (roll(24) == 0)
		bytes = roll((unsigned)bytes + 1);
	if (send(genl.fd, request, bytes, 0) < 0)
		fuzz.refused++;
	/* Every message has been handled when send() returns; a dump goes on as it is read. */
	while ((length = recv(genl.fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0) {
		if (message->nlmsg_type == genl.family)
			fuzz.answers++;
		else
			fuzz.refused++;
		if (roll(8) == 0) { /* walks away in the middle */
			close(genl.fd);
			if (genl_open(&genl))
				tap_bail("the netlink family is gone");
			break;
		}
	}
}

int fuzz_netlink_open(void)
{
	int error = genl_open(&genl);

	return error ? error : genl_join_events(&genl);
}
