/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command of the ABI's description (tools/abi): accepted, short, long, dirty,
 * without capabilities, from a 32-bit caller. The table is generated, so that a new
 * command is here as soon as it is described; tests/vm checks that every case ran. Built
 * for 64 and for 32 bits; both say the same. Loads the modules again at its end, because
 * it enrols a key and seals the list.
 */
#include "command.h"
#include "reload.h"
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "commands_gen.h"

_Static_assert(DSMIL_CASES_API_VERSION == DSMIL_API_VERSION, "the table is of another version");

#define MAX_REQUEST 8192
#define LONGER 64

static int ctl, device;

/* ------------------------------------------- what data cannot say -- */

static void prepare_ring_advance(struct dsmil_ring_advance *request)
{
	/* Acknowledging nothing is always right. */
	request->up_to = info_get(ctl).audit_tail;
}

static void prepare_grant_key_add(struct dsmil_grant_key_add *request)
{
	/* The base point of P-256 (SEC 2, 2.4.2): on the curve, and nobody's key. */
	static const unsigned char base[64] = {
		0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
		0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
		0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
		0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
	};

	memcpy(request->point, base, sizeof(base));
	strcpy(request->owner, "kselftest");
}

static void prepare_reg_batch(struct dsmil_reg_batch *request)
{
	static struct dsmil_batch_operation operation;

	memset(&operation, 0, sizeof(operation));
	operation.fd = device;
	operation.operation = DSMIL_BATCH_READ;
	operation.reg = DSMIL_REG_STATUS;
	request->operations = (uintptr_t)&operation;
}

/* ---------------------------------------------------------- requests -- */

static const char *named(const struct command *command, const char *what)
{
	static char name[160];

	snprintf(name, sizeof(name), "%s %s", command->name, what);
	return name;
}

/* The request that is accepted, in a buffer that is longer and zero. */
static void make_good(const struct command *command, char *request)
{
	memset(request, 0, MAX_REQUEST);
	memcpy(request, command->good, command->size);
	if (command->prepare)
		command->prepare(request);
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

/* A descriptor that a command opened is in the way of the next. */
static void close_answer(const struct command *command, const char *request)
{
	struct dsmil_event_ring ring;

	if (command->code != DSMIL_IOC_EVENT_RING)
		return;
	memcpy(&ring, request, offsetof(struct dsmil_event_ring, fd) + sizeof(ring.fd));
	close(ring.fd);
}

static int send_request(const struct command *command, int fd, char *request)
{
	int error = try_ioctl(fd, command->code, request);

	if (!error)
		close_answer(command, request);
	return error;
}

/* What an accepted request answers; done: how often one was. */
static int accepted(const struct command *command, int done)
{
	static int ecdsa = -1;

	if (ecdsa < 0)
		ecdsa = info_get(ctl).grants_supported != 0;
	if (command->without_ecdsa && !ecdsa)
		return command->without_ecdsa;
	return done ? command->again : 0;
}

/* 32-bit callers come in by int 0x80, whose arguments have 32 bits. */
static int compat_ioctl(int fd, unsigned long command, void *argument)
{
	long result;

#ifdef __i386__
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(54L), "b"((long)fd), "c"(command), "d"(argument)
			 : "memory");
#else
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(54L), "b"((long)fd), "c"(command), "d"(argument)
			 : "memory", "r8", "r9", "r10", "r11");
#endif
	return result < 0 ? (int)-result : 0;
}

/* ------------------------------------------------------------- cases -- */

static void check_sizes(const struct command *command, int fd, char *request)
{
	make_good(command, request);
	tap_is(send_request(command, fd, request), accepted(command, 0), named(command, "accepts its struct"));

	make_good(command, request);
	set_size(request, command->first);
	tap_is(send_request(command, fd, request), accepted(command, 1),
	       named(command, "accepts the first published struct"));

	make_good(command, request);
	set_size(request, command->first - 1);
	tap_is(send_request(command, fd, request), EINVAL, named(command, "refuses a short struct"));
	set_size(request, 0);
	tap_is(send_request(command, fd, request), EINVAL, named(command, "refuses a struct of no size"));

	make_good(command, request);
	set_size(request, command->size + LONGER);
	tap_is(send_request(command, fd, request), accepted(command, 1),
	       named(command, "accepts a longer struct whose tail is zero"));

	make_good(command, request);
	set_size(request, command->size + LONGER);
	request[command->size + LONGER - 1] = 1;
	tap_is(send_request(command, fd, request), E2BIG, named(command, "refuses a tail that is not zero"));
	tap_is(get_size(request), (long)command->size, named(command, "then says the size that it knows"));

	make_good(command, request);
	set_size(request, MAX_REQUEST);
	tap_is(send_request(command, fd, request), E2BIG, named(command, "refuses a struct larger than a page"));
}

static void check_content(const struct command *command, int fd, char *request)
{
	struct command larger = *command;

	for (const struct dirt *dirt = command->dirt; dirt->what; dirt++) {
		char what[128];

		make_good(command, request);
		request[dirt->offset] = (char)dirt->value;
		snprintf(what, sizeof(what), "refuses %s", dirt->what);
		tap_is(send_request(command, fd, request), EINVAL, named(command, what));
	}
	tap_is(try_ioctl(fd, command->code, NULL), EFAULT, named(command, "refuses a null pointer"));
	tap_is(try_ioctl(fd, command->code, (void *)-4096L), EFAULT, named(command, "refuses a pointer into the kernel"));

	/* Newer headers have another _IOC_SIZE in the command. */
	larger.code += (unsigned long)LONGER << _IOC_SIZESHIFT;
	make_good(command, request);
	set_size(request, command->size + LONGER);
	tap_is(try_ioctl(fd, larger.code, request), accepted(command, 1),
	       named(command, "is known by its number, not its size"));
	close_answer(command, request);
}

struct call {
	const struct command *command;
	int fd;
	char *request;
};

static int make_call(void *context)
{
	const struct call *call = context;

	return send_request(call->command, call->fd, call->request);
}

static void check_callers(const struct command *command, int fd, char *request)
{
	const char *name;
	struct call call = { command, fd, request };
	int error;

	make_good(command, request);
	tap_is(as_nobody(make_call, &call), command->privileged ? EPERM : accepted(command, 1),
	       named(command, "answers a caller without capabilities"));

	name = named(command, "answers a 32-bit caller alike");
	if (on_user_mode_linux()) {
		tap_skip(name, "user-mode Linux has no 32-bit system calls");
		return;
	}
	make_good(command, request);
	error = compat_ioctl(fd, command->code, request);
	tap_is(error, accepted(command, 1), name);
	if (!error)
		close_answer(command, request);
}

static void check_command(const struct command *command, char *request)
{
	int fd = command->node == NODE_CTL ? ctl : command->node == NODE_DEVICE ? device : ring_open(ctl);

	if (fd < 0)
		tap_bail("the audit ring does not open");
	check_sizes(command, fd, request);
	check_content(command, fd, request);
	check_callers(command, fd, request);
	if (command->node == NODE_RING)
		close(fd);
}

/* A caller of the first version gets what it knows, and nothing behind it. */
static void check_short_answer(void)
{
	const size_t first = offsetof(struct dsmil_info, quarantine_added);
	struct dsmil_info info, whole = info_get(ctl);

	memset(&info, 0xff, sizeof(info));
	memcpy(&info, &good_info, first);
	info.size = (uint32_t)first;
	tap_is(try_ioctl(ctl, DSMIL_IOC_INFO, &info), 0, "a caller of version 1 gets an answer");
	tap_ok(info.size == first && !memcmp(info.load_id, whole.load_id, sizeof(whole.load_id)) &&
	       !strcmp(info.firmware_name, whole.firmware_name), "as far as its struct goes");
	tap_is(info.quarantine_added, UINT32_MAX, "and nothing behind it");
}

static long sysfs_number(const char *name)
{
	char path[96], text[32] = { 0 };
	ssize_t bytes;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/dsmil/ctl/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	bytes = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	close(fd);
	return bytes > 0 ? strtol(text, NULL, 10) : -1;
}

static void check_versions(void)
{
	struct dsmil_info info = info_get(ctl);

	tap_is(info.api_version, DSMIL_API_VERSION, "INFO names the API version of this header");
	tap_is(info.event_schema_version, DSMIL_EVENT_SCHEMA_VERSION, "and its event schema version");
	tap_is(sysfs_number("api_version"), DSMIL_API_VERSION, "sysfs names the API version");
	tap_is(sysfs_number("event_schema_version"), DSMIL_EVENT_SCHEMA_VERSION, "and the event schema version");
}

int main(int argc, char **argv)
{
	uint32_t config;
	char *request;

	tap_start(argc, argv);
	ctl = open_node("ctl", O_RDONLY);
	device = open_device(SAFE_DEVICE, O_RDWR);
	if (ctl < 0 || device < 0)
		tap_bail("the nodes do not open; run this as root with a firmware module loaded");
	/* Below 4 GiB, so that a 32-bit caller can name it. */
	request = mmap(NULL, MAX_REQUEST, PROT_READ | PROT_WRITE,
#ifdef MAP_32BIT
		       MAP_32BIT |
#endif
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (request == MAP_FAILED)
		tap_bail("no memory below 4 GiB");
	reg_read(device, DSMIL_REG_CONFIG, &config);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		check_command(&commands[i], request);
	reg_write(device, DSMIL_REG_CONFIG, config, NULL);
	check_short_answer();
	check_versions();
	close(device);
	close(ctl);
	modules_reload();
	return tap_finish();
}
