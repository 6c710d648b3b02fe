/* SPDX-License-Identifier: Apache-2.0 */
#include "race.h"

#include "../kselftest/support.h"

#include <linux/dsmil_netlink.h>
#include <sched.h>
#include <sys/socket.h>

const int firmware_gone[] = { ENODEV, 0 };

static atomic_uint wrong;

unsigned wrong_answers(void)
{
	return atomic_load(&wrong);
}

void be_wrong(struct worker *worker, const char *what, long number)
{
	atomic_fetch_add(&wrong, 1);
	tap_diag("%s: %s: %ld", worker->name, what, number);
}

void expect(struct worker *worker, const char *what, int error, const int *others)
{
	if (!error) {
		worker->done++;
		return;
	}
	for (; *others; others++)
		if (error == *others)
			return;
	be_wrong(worker, what, error);
}

/*
 * All devices, or that the firmware is not there. Whether it was the same one all the
 * time is for the flag to say: a dump that something interrupted may be short.
 */
static void judge_dump(struct worker *worker, int error, unsigned devices, bool interrupted)
{
	if (!error && devices != DSMIL_DEVICE_COUNT && !interrupted)
		be_wrong(worker, "devices in a whole dump", devices);
	else
		expect(worker, "a dump", error, firmware_gone);
}

void dump_devices(struct worker *worker)
{
	static __thread char answer[32768];
	unsigned devices = 0;
	bool interrupted = false;
	struct {
		struct nlmsghdr netlink;
		struct genlmsghdr generic;
	} request = { .netlink = { sizeof(request), worker->genl.family, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		      .generic = { DSMIL_CMD_DEVICE_GET, DSMIL_GENL_VERSION, 0 } };
	ssize_t length;
	bool ended = false;

	if (send(worker->genl.fd, &request, sizeof(request), 0) < 0) {
		be_wrong(worker, "a request cannot be sent", errno);
		return;
	}
	while (!ended) {
		const struct nlmsghdr *message = (const void *)answer;

		length = recv(worker->genl.fd, answer, sizeof(answer), 0);
		if (length < 0) {
			be_wrong(worker, "an answer cannot be received", errno);
			return;
		}
		for (; NLMSG_OK(message, (size_t)length); message = NLMSG_NEXT(message, length)) {
			interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			devices += message->nlmsg_type == worker->genl.family;
			ended = message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR;
			if (ended)
				judge_dump(worker, -*(const int *)NLMSG_DATA(message), devices, interrupted);
		}
	}
}

/* What netlink knows without asking the firmware. */
void ask_netlink(struct worker *worker)
{
	static const uint8_t commands[] = { DSMIL_CMD_INFO_GET, DSMIL_CMD_REGISTER_GET, DSMIL_CMD_QUARANTINE_GET,
					    DSMIL_CMD_GRANT_KEY_GET, DSMIL_CMD_STATISTICS_GET };
	uint8_t command = commands[dice_below(&worker->dice, ARRAY_SIZE(commands))];

	expect(worker, "a question", genl_ask(&worker->genl, command, command == DSMIL_CMD_INFO_GET ? 0 : NLM_F_DUMP,
					      NULL, 0, NULL, NULL), firmware_gone);
}

void listen_to_events(struct worker *worker)
{
	static __thread char answer[32768];

	while (recv(worker->genl.fd, answer, sizeof(answer), MSG_DONTWAIT) > 0)
		worker->done++;
	/* Nothing waits, or the socket overflowed and says so. */
	if (errno != EAGAIN && errno != ENOBUFS)
		be_wrong(worker, "receiving", errno);
	sched_yield();
}

