/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include "../kselftest/modules.h"
#include "../kselftest/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULTS "/sys/kernel/debug/dsmil_sim/"

/* -------------------------------------------------------------- modules -- */

static const struct module *module_named(struct module *module, const char *name)
{
	if (!module->name) {
		module->name = name;
		module_find(module, NULL);
		if (!module->path[0])
			tap_bail("the modules are not in /lib/modules");
	}
	return module;
}

static struct module core, board;

int core_load(void) { return module_load(module_named(&core, "dsmil"), ""); }
int core_unload(void) { return module_unload(module_named(&core, "dsmil")); }
int board_load(void) { return module_load(module_named(&board, "dsmil_sim"), ""); }
int board_unload(void) { return module_unload(module_named(&board, "dsmil_sim")); }

/* ---------------------------------------------------------------- board -- */

int board_fault(const char *file, const char *line)
{
	char path[128];
	int fd, error;

	snprintf(path, sizeof(path), FAULTS "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = write(fd, line, strlen(line)) < 0 ? errno : 0;
	close(fd);
	return error;
}

struct journal_verdict journal_judge(void)
{
	struct journal_verdict verdict = { 0 };
	FILE *journal = fopen(FAULTS "journal", "r");
	unsigned token;
	char line[128];

	if (!journal) {
		verdict.writes = -1;
		return verdict;
	}
	while (fgets(line, sizeof(line), journal)) {
		if (sscanf(line, "%x", &token) != 1)
			tap_bail("a line of the journal cannot be read");
		verdict.writes++;
		if (token - DSMIL_TOKEN_BASE < DSMIL_TOKEN_COUNT &&
		    expect_reason(token) == DSMIL_REASON_ALLOWED)
			continue;
		if (!verdict.forbidden++)
			verdict.first_forbidden = token;
	}
	fclose(journal);
	return verdict;
}

/* --------------------------------------------------------------- faults -- */

static int fail_fd(void)
{
	static __thread int fd = -1;

	if (fd < 0)
		fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		tap_bail("this kernel cannot fail an allocation (CONFIG_FAULT_INJECTION)");
	return fd;
}

void fail_nth(unsigned n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	/* What is still pending may come to this very call; it comes once. */
	if (pwrite(fail_fd(), text, (size_t)length, 0) != length &&
	    pwrite(fail_fd(), text, (size_t)length, 0) != length)
		tap_bail("fail-nth cannot be written");
}

bool fail_came(void)
{
	char text[16] = "";

	/* If this call fails, then because it came here and not before. */
	return pread(fail_fd(), text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
}

/* ----------------------------------------------------------------- dice -- */

struct dice dice_make(uint64_t seed, uint64_t stream)
{
	struct dice dice = { (seed ^ (stream + 1) * 0x9E3779B97F4A7C15u) | 1 };

	for (int i = 0; i < 4; i++)
		dice_roll(&dice);
	return dice;
}

uint64_t dice_roll(struct dice *dice)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return dice->state * 0x2545F4914F6CDD1Du;
}

unsigned dice_below(struct dice *dice, unsigned below)
{
	return (unsigned)((dice_roll(dice) >> 32) % below);
}

uint64_t number_option(const char *name, uint64_t otherwise)
{
	const char *text = option(name);
	char *end;
	uint64_t number;

	if (!text || !*text)
		return otherwise;
	number = strtoull(text, &end, 0);
	if (*end)
		tap_bail("an option is no number");
	return number;
}
