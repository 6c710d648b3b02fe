/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad requests through every door while everything else goes on: whatever the others do,
 * whatever fails on the board, each has one answer. What they must not change is looked
 * at behind each.
 */
#include "race.h"

#include "../kselftest/command.h"
#include "../kselftest/support.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/dsmil_netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commands_gen.h"

/* What is sent here is refused for its form, or for its caller, whatever it asks for. */
static void prepare_ring_advance(struct dsmil_ring_advance *request) { (void)request; }
static void prepare_grant_key_add(struct dsmil_grant_key_add *request) { (void)request; }
static void prepare_reg_batch(struct dsmil_reg_batch *request) { (void)request; }

#define MAX_REQUEST 8192
#define LONGER 64
#define NO_COMMAND 0x7f

static const int nothing_else[] = { 0 };
static const int node_gone[] = { ENOENT, ENXIO, ENODEV, 0 };

/* An answer that must be this errno and no other. */
static void demand(struct worker *worker, const char *what, int error, int wanted)
{
	char text[96];

	if (error == wanted) {
		worker->done++;
		return;
	}
	snprintf(text, sizeof(text), "%s must be answered by %d", what, wanted);
	be_wrong(worker, text, error);
}

/* --------------------------------------------------------------- commands -- */

static const struct command *any_command(struct worker *worker, enum node node)
{
	const struct command *command;

	do {
		command = &commands[dice_below(&worker->dice, ARRAY_SIZE(commands))];
	} while (command->node != node);
	return command;
}

static void set_size(char *request, size_t size)
{
	uint32_t bytes = (uint32_t)size;

	memcpy(request, &bytes, sizeof(bytes));
}

static uint32_t get_size(const char *request)
{
	uint32_t bytes;

	memcpy(&bytes, request, sizeof(bytes));
	return bytes;
}

/* A request whose size is wrong, or whose tail. */
static void mistake_size(struct worker *worker, const struct command *command, int fd, char *request)
{
	switch (dice_below(&worker->dice, 4)) {
	case 0:
		set_size(request, command->first - 1);
		demand(worker, "a short struct", try_ioctl(fd, command->code, request), EINVAL);
		return;
	case 1:
		set_size(request, 0);
		demand(worker, "a struct of no size", try_ioctl(fd, command->code, request), EINVAL);
		return;
	case 2:
		set_size(request, command->size + LONGER);
		request[command->size + dice_below(&worker->dice, LONGER)] = 1;
		break;
	default:
		set_size(request, MAX_REQUEST);
		break;
	}
	demand(worker, "a tail that is not known", try_ioctl(fd, command->code, request), E2BIG);
	if (get_size(request) != command->size)
		be_wrong(worker, "the size that is then told", get_size(request));
}

static void mistake_content(struct worker *worker, const struct command *command, int fd, char *request)
{
	const struct dirt *dirt = command->dirt;
	unsigned count = 0;

	while (dirt[count].what)
		count++;
	switch (dice_below(&worker->dice, 4)) {
	case 0:
		demand(worker, "a null pointer", try_ioctl(fd, command->code, NULL), EFAULT);
		return;
	case 1:
		demand(worker, "a pointer into the kernel", try_ioctl(fd, command->code, (void *)-4096L), EFAULT);
		return;
	case 2:
		demand(worker, "an unknown command",
		       try_ioctl(fd, _IOWR(DSMIL_IOC_MAGIC, NO_COMMAND, struct dsmil_reg_read), request), ENOTTY);
		return;
	default:
		if (!count)
			return;
		dirt += dice_below(&worker->dice, count);
		request[dirt->offset] = (char)dirt->value;
		demand(worker, dirt->what, try_ioctl(fd, command->code, request), EINVAL);
	}
}

void be_mistaken(struct worker *worker, int fd, bool is_ring)
{
	static __thread char request[MAX_REQUEST];
	const struct command *command = any_command(worker, is_ring ? NODE_RING : NODE_CTL);

	memset(request, 0, sizeof(request));
	memcpy(request, command->good, command->size);
	if (dice_below(&worker->dice, 2))
		mistake_size(worker, command, fd, request);
	else
		mistake_content(worker, command, fd, request);
}

/* A command of another node is none of this one. */
static void mistake_node(struct worker *worker, int fd, enum node other)
{
	static __thread char request[MAX_REQUEST];
	const struct command *command = any_command(worker, other);

	memset(request, 0, sizeof(request));
	memcpy(request, command->good, command->size);
	demand(worker, "another node's command", try_ioctl(fd, command->code, request), ENOTTY);
}

static void demand_map(struct worker *worker, const char *what, int fd, int protection, off_t offset, int wanted)
{
	void *page = mmap(NULL, 4096, protection, MAP_SHARED, fd, offset);

	demand(worker, what, page == MAP_FAILED ? errno : 0, wanted);
	if (page != MAP_FAILED)
		munmap(page, 4096);
}

/* What nobody may have changed: no worker of the race adds, enrols or seals. */
static void look_at_state(struct worker *worker, int ctl)
{
	struct dsmil_info info = { .size = sizeof(info) };

	expect(worker, "INFO", try_ioctl(ctl, DSMIL_IOC_INFO, &info), nothing_else);
	if (info.quarantine_added || info.grant_keys || info.grant_keys_sealed || info.grant_nonces)
		be_wrong(worker, "a refused request changed something", info.quarantine_added);
}

void ask_ctl_badly(struct worker *worker)
{
	int ctl = open_node("ctl", O_RDWR);
	char byte = 1;

	if (ctl < 0) {
		be_wrong(worker, "ctl does not open", -ctl);
		return;
	}
	for (int i = 0; i < 8; i++)
		be_mistaken(worker, ctl, false);
	mistake_node(worker, ctl, NODE_DEVICE);
	mistake_node(worker, ctl, NODE_RING);
	demand_map(worker, "a writable status page", ctl, PROT_READ | PROT_WRITE, 0, EPERM);
	demand_map(worker, "a status page beyond the end", ctl, PROT_READ, 1 << 24, EINVAL);
	demand(worker, "bytes for ctl", write(ctl, &byte, 1) < 0 ? errno : 0, EINVAL);
	look_at_state(worker, ctl);
	close(ctl);
}

/* ---------------------------------------------------------------- devices -- */

static void mistake_device(struct worker *worker, int fd, int mode)
{
	static __thread char request[MAX_REQUEST];
	const struct command *command = any_command(worker, NODE_DEVICE);
	bool may = mode == O_RDWR || mode == (command->code == DSMIL_IOC_REG_READ ? O_RDONLY : O_WRONLY);
	uint32_t value;

	memset(request, 0, sizeof(request));
	memcpy(request, command->good, command->size);
	if (!may)
		demand(worker, "the wrong direction", try_ioctl(fd, command->code, request), EBADF);
	else if (dice_below(&worker->dice, 2))
		mistake_size(worker, command, fd, request);
	else
		mistake_content(worker, command, fd, request);
	if (mode != O_WRONLY)
		demand(worker, "a register that no device has",
		       reg_read(fd, DSMIL_REGISTER_COUNT + dice_below(&worker->dice, 1000), &value), ERANGE);
	if (mode != O_RDONLY)
		demand(worker, "a write to a register that no device has",
		       reg_write(fd, DSMIL_REGISTER_COUNT + dice_below(&worker->dice, 1000), 1, NULL), ERANGE);
}

void ask_devices_badly(struct worker *worker)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };
	int mode = modes[dice_below(&worker->dice, ARRAY_SIZE(modes))];
	int fd = open_device(dice_below(&worker->dice, DSMIL_DEVICE_COUNT), mode);

	if (fd < 0) {
		expect(worker, "opening", -fd, node_gone);
		return;
	}
	for (int i = 0; i < 4; i++)
		mistake_device(worker, fd, mode);
	mistake_node(worker, fd, NODE_CTL);
	mistake_node(worker, fd, NODE_RING);
	if (mode != O_WRONLY)
		demand_map(worker, "a map of a device", fd, PROT_READ, 0, ENODEV);
	close(fd);
}

/* -------------------------------------------------------------- netlink -- */

void ask_netlink_badly(struct worker *worker)
{
	static const uint32_t far = 0xffff, some = DSMIL_DEVICE_ID_BASE;
	static const struct {
		const char *what;
		uint8_t command;
		unsigned flags;
		struct genl_attribute attribute; /* none if its length is 0 */
		int error;
	} questions[] = {
		{ "a device without a name", DSMIL_CMD_DEVICE_GET, 0, { 0 }, EINVAL },
		{ "an id outside the range", DSMIL_CMD_DEVICE_GET, 0, { DSMIL_A_DEVICE_ID, &far, 4 }, ERANGE },
		{ "an id of another length", DSMIL_CMD_DEVICE_GET, 0, { DSMIL_A_DEVICE_ID, &some, 2 }, EINVAL },
		{ "an attribute that nobody knows", DSMIL_CMD_DEVICE_GET, 0, { 200, "x", 2 }, EINVAL },
		{ "INFO_GET with an attribute", DSMIL_CMD_INFO_GET, 0, { 1, &some, 4 }, EINVAL },
		{ "a token outside the range", DSMIL_CMD_REGISTER_GET, 0, { DSMIL_A_REGISTER_TOKEN, &far, 4 }, ERANGE },
		{ "a quarantine of an id outside the range", DSMIL_CMD_QUARANTINE_GET, 0,
		  { DSMIL_A_QUARANTINE_DEVICE_ID, &far, 4 }, ERANGE },
		{ "a key of another length", DSMIL_CMD_GRANT_KEY_GET, 0, { DSMIL_A_GRANT_KEY_ID, &some, 4 }, ERANGE },
		{ "statistics of an id outside the range", DSMIL_CMD_STATISTICS_GET, 0,
		  { DSMIL_A_STATISTICS_DEVICE_ID, &far, 4 }, ERANGE },
		{ "a dump with an attribute", DSMIL_CMD_DEVICE_GET, NLM_F_DUMP, { DSMIL_A_DEVICE_ID, &some, 4 }, EINVAL },
		{ "a dump of what has none", DSMIL_CMD_INFO_GET, NLM_F_DUMP, { 0 }, EOPNOTSUPP },
		{ "an event", DSMIL_CMD_EVENT, 0, { 0 }, EOPNOTSUPP },
		{ "an unknown command", NO_COMMAND, 0, { 0 }, EOPNOTSUPP },
	};
	unsigned chosen = dice_below(&worker->dice, ARRAY_SIZE(questions));
	const struct genl_attribute *attribute = &questions[chosen].attribute;

	demand(worker, questions[chosen].what,
	       genl_ask(&worker->genl, questions[chosen].command, questions[chosen].flags, attribute,
			attribute->length != 0, NULL, NULL), questions[chosen].error);
}

/* --------------------------------------------------- without capabilities -- */

/* Of this thread alone, which stays root by its number: capset(2) by hand. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	return syscall(SYS_capset, &header, none) ? errno : 0;
}

/* devtmpfs takes a node's permissions away before it removes it, which only CAP_DAC_OVERRIDE opens. */
static const int node_going[] = { ENOENT, ENXIO, ENODEV, EACCES, 0 };

static void write_powerless(struct worker *worker)
{
	unsigned number = dice_below(&worker->dice, DSMIL_DEVICE_COUNT);
	unsigned reg = dice_below(&worker->dice, DSMIL_REGISTER_COUNT);
	unsigned token = DSMIL_TOKEN_BASE + number * DSMIL_REGISTER_COUNT + reg;
	int fd = open_device(number, O_RDWR);
	struct dsmil_reg_write answer;
	int error;

	if (fd < 0) {
		expect(worker, "opening", -fd, node_going);
		return;
	}
	error = reg_write(fd, reg, 1, &answer);
	close(fd);
	/* Its firmware may have gone, or the audit ring be full. */
	if (error == ENODEV || error == EAGAIN)
		return;
	demand(worker, "a write without capabilities", error, EPERM);
	if (expect_reason(token) == DSMIL_REASON_ALLOWED && answer.reason != DSMIL_REASON_CAPABILITY_REQUIRED &&
	    answer.reason != DSMIL_REASON_LOCATION_UNKNOWN)
		be_wrong(worker, "a reason of a refusal", answer.reason);
}

void be_powerless(struct worker *worker)
{
	static __thread char request[MAX_REQUEST];
	int error = drop_capabilities();
	int ctl = open_node("ctl", O_RDONLY);

	if (error || ctl < 0) {
		be_wrong(worker, "capabilities cannot be dropped, or ctl opened", error ? error : -ctl);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].node != NODE_CTL || !commands[i].privileged)
			continue;
		memset(request, 0, sizeof(request));
		memcpy(request, commands[i].good, commands[i].size);
		demand(worker, commands[i].name, try_ioctl(ctl, commands[i].code, request), EPERM);
	}
	look_at_state(worker, ctl);
	close(ctl);
	write_powerless(worker);
}
