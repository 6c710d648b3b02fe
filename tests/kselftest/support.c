/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* ----------------------------------------------------------------- TAP -- */

static int test_count;
static int test_failures;
static int test_skips;
static int argument_count;
static char **arguments;

/* Its events would come in between those that the suites count. */
static void stop_poller(void)
{
	FILE *file = fopen("/sys/module/dsmil/parameters/poll_interval_s", "w");

	if (!file)
		return;
	fputs("0\n", file);
	fclose(file);
}

void tap_start(int argc, char **argv)
{
	const char *board;

	argument_count = argc;
	arguments = argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	board = option("board");
	if (board && strcmp(board, "full") && strcmp(board, "odd"))
		tap_bail("--board is full or odd");
	stop_poller();
	puts("TAP version 13");
}

const char *option(const char *name)
{
	const char *environment = strcmp(name, "board") ? NULL : getenv("DSMIL_BOARD");

	for (int i = 1; i + 1 < argument_count; i += 2)
		if (!strncmp(arguments[i], "--", 2) && !strcmp(arguments[i] + 2, name))
			return arguments[i + 1];
	return environment;
}

bool board_is_odd(void)
{
	const char *board = option("board");

	return board && !strcmp(board, "odd");
}

bool tap_ok(bool passed, const char *name)
{
	test_count++;
	test_failures += !passed;
	printf("%s %d - %s\n", passed ? "ok" : "not ok", test_count, name);
	return passed;
}

bool tap_is(long got, long wanted, const char *name)
{
	if (!tap_ok(got == wanted, name))
		tap_diag("got %ld, wanted %ld", got, wanted);
	return got == wanted;
}

void tap_skip(const char *name, const char *why)
{
	test_count++;
	test_skips++;
	printf("ok %d - %s # SKIP %s\n", test_count, name, why);
}

void tap_diag(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("# ", stdout);
	vprintf(format, list);
	putchar('\n');
	va_end(list);
}

int tap_finish(void)
{
	printf("1..%d\n", test_count);
	if (test_failures)
		return 1;
	return test_count == test_skips ? 4 : 0;
}

void tap_bail(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

/* ------------------------------------------------------- kernel's doors -- */

int open_node(const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/dsmil/%s", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int open_device(unsigned number, int flags)
{
	char name[8];

	snprintf(name, sizeof(name), "%04x", DSMIL_DEVICE_ID_BASE + number);
	return open_node(name, flags);
}

int try_ioctl(int fd, unsigned long command, void *argument)
{
	return ioctl(fd, command, argument) < 0 ? errno : 0;
}

int reg_read(int fd, unsigned reg, uint32_t *value)
{
	struct dsmil_reg_read request = { .size = sizeof(request), .reg = reg };
	int error = try_ioctl(fd, DSMIL_IOC_REG_READ, &request);

	*value = request.value;
	return error;
}

int reg_write(int fd, unsigned reg, uint32_t value, struct dsmil_reg_write *answer)
{
	struct dsmil_reg_write request = { .size = sizeof(request), .reg = reg, .value = value };
	int error = try_ioctl(fd, DSMIL_IOC_REG_WRITE, &request);

	if (answer)
		*answer = request;
	return error;
}

struct dsmil_info info_get(int ctl)
{
	struct dsmil_info info = { .size = sizeof(info) };

	if (try_ioctl(ctl, DSMIL_IOC_INFO, &info))
		tap_bail("INFO fails");
	return info;
}

int ring_open(int ctl)
{
	struct dsmil_event_ring ring = { .size = sizeof(ring), .kind = DSMIL_RING_AUDIT, .fd = -1 };
	int error = try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring);

	return error ? -error : ring.fd;
}

int ring_advance(int ring, uint64_t up_to)
{
	struct dsmil_ring_advance request = { .size = sizeof(request), .up_to = up_to };

	return try_ioctl(ring, DSMIL_IOC_RING_ADVANCE, &request);
}

void ring_drain(int ctl, int ring)
{
	static struct dsmil_event events[256];
	struct dsmil_info info;

	fcntl(ring, F_SETFL, O_NONBLOCK);
	/* Acknowledging may let a gap record in. */
	do {
		while (read(ring, events, sizeof(events)) > 0)
			;
		if (ring_advance(ring, info_get(ctl).audit_head))
			tap_bail("the ring does not advance");
		info = info_get(ctl);
	} while (info.audit_tail != info.audit_head);
}

bool on_user_mode_linux(void)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[128];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = !strncmp(line, "vendor_id", 9) && strstr(line, "User Mode Linux");
	if (file)
		fclose(file);
	return found;
}

int as_nobody(int (*test)(void *context), void *context)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child < 0)
		tap_bail("fork fails");
	if (child == 0) {
		if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(255);
		_exit(test(context));
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/* ------------------------------------------------------------ catalogue -- */

const struct device_facts device_facts[DSMIL_DEVICE_COUNT] = {
#define DSMIL_DEVICE(number, id, token_base, group, group_name, name, risk, ...)                       \
	[number] = { number, id, DSMIL_RISK_##risk, name },
#include "dsmil_catalog.def"
};

const struct register_facts register_facts[DSMIL_TOKEN_COUNT] = {
#define DSMIL_EMULATED_REGISTER(token, location, value)                                                \
	[(token) - DSMIL_TOKEN_BASE] = { token, location, value },
#include "dsmil_catalog.def"
};

static unsigned owner(unsigned token)
{
	return (token - DSMIL_TOKEN_BASE) / DSMIL_REGISTER_COUNT;
}

bool expect_present(unsigned token)
{
	return !board_is_odd() || owner(token) != ABSENT_DEVICE;
}

int expect_read(unsigned token)
{
	if (!expect_present(token))
		return ENODEV;
	if (board_is_odd() && token == 0x80FC)
		return EIO;
	if (board_is_odd() && token == 0x80FF)
		return ENXIO;
	return 0;
}

int expect_write(unsigned token)
{
	if (board_is_odd() && token == 0x8061)
		return EIO;
	if (board_is_odd() && token == 0x8062)
		return ENXIO;
	return 0;
}

void make_odd_board(void)
{
	static const struct {
		const char *knob;
		const char *line;
	} faults[] = {
		{ "fail_read", "0x80fc EIO" }, { "fail_read", "0x80ff ENXIO" },
		{ "fail_write", "0x8061 EIO" }, { "fail_write", "0x8062 ENXIO" },
	};
	char path[64];
	FILE *file;

	for (size_t i = 0; board_is_odd() && i < ARRAY_SIZE(faults); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/dsmil_sim/%s", faults[i].knob);
		file = fopen(path, "w");
		if (!file)
			return;
		fputs(faults[i].line, file);
		fclose(file);
	}
}

/* The stricter reading of one token: as a register, and as a device id. */
static unsigned token_risk(unsigned token)
{
	unsigned risk = device_facts[owner(token)].risk;
	unsigned as_id;

	if (token - DSMIL_DEVICE_ID_BASE >= DSMIL_DEVICE_COUNT)
		return risk;
	as_id = device_facts[token - DSMIL_DEVICE_ID_BASE].risk;
	return as_id >= DSMIL_RISK_GUARDED && as_id > risk ? as_id : risk;
}

uint32_t expect_reason(unsigned token)
{
	unsigned own = token_risk(token);
	unsigned strictest = own;

	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		const struct register_facts *other = &register_facts[i];

		if (other->location == register_facts[token - DSMIL_TOKEN_BASE].location &&
		    expect_present(other->token) && token_risk(other->token) > strictest)
			strictest = token_risk(other->token);
	}
	if (strictest > own)
		return DSMIL_REASON_ALIAS;
	if (own == DSMIL_RISK_SAFE)
		return DSMIL_REASON_ALLOWED;
	if (own < DSMIL_RISK_LOCKED)
		return DSMIL_REASON_GRANT_REQUIRED;
	if (device_facts[owner(token)].risk < own)
		return DSMIL_REASON_QUARANTINED_AS_ID;
	return own == DSMIL_RISK_LOCKED ? DSMIL_REASON_LOCKED : DSMIL_REASON_QUARANTINED;
}
