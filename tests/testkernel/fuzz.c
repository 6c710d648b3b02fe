/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A structured fuzzer for every door of the modules on the simulated board: makes
 * valid, nearly valid and broken ioctls, mmaps and netlink requests out of the
 * ABI's structs, with firmware faults on, and looks at the board's journal: no
 * write may ever have reached a location that its caller may not write.
 *
 *   --seed N      replays (default: made of the clock, and printed)
 *   --seconds N   how long (default 20), or
 *   --rounds N    how many rounds of 1,000 calls
 *
 * A round depends on the seed and its number alone. Needs both modules loaded.
 */
#include "fuzz.h"

#include "../kselftest/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CALLS_PER_ROUND 1000

struct fuzz fuzz;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

unsigned roll(unsigned below)
{
	return dice_below(&fuzz.dice, below);
}

/* ---------------------------------------------------------- descriptors -- */

static int open_something(void)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_RDWR | O_NONBLOCK };
	struct dsmil_event_ring ring = { .size = sizeof(ring), .fd = -1 };
	int mode = modes[roll(ARRAY_SIZE(modes))];
	int fd;

	switch (roll(8)) {
	case 0:
	case 1:
		return open_node("ctl", mode);
	case 2:
	case 3:
		return open_device(SAFE_DEVICE, mode);
	case 4:
	case 5:
		return open_device(roll(DSMIL_DEVICE_COUNT), mode);
	default:
		fd = open_node("ctl", O_RDONLY);
		ring.kind = roll(2) ? DSMIL_RING_AUDIT : DSMIL_RING_OBSERVE;
		try_ioctl(fd, DSMIL_IOC_EVENT_RING, &ring);
		close(fd);
		if (ring.fd >= 0)
			fcntl(ring.fd, F_SETFL, O_NONBLOCK);
		return ring.fd;
	}
}

int any_fd(void)
{
	int *slot = &fuzz.fds[roll(FUZZ_FDS)];

	if (*slot < 0 || roll(16) == 0) {
		if (*slot >= 0)
			close(*slot);
		*slot = open_something();
		fuzz.opened += *slot >= 0;
	}
	return roll(64) ? *slot : (int)roll(64) - 1;
}

static void close_all(void)
{
	for (int i = 0; i < FUZZ_FDS; i++) {
		if (fuzz.fds[i] >= 0)
			close(fuzz.fds[i]);
		fuzz.fds[i] = -1;
	}
}

/* ------------------------------------------------------------ other doors -- */

/* Through a pipe, so that a page that is not there is an errno and no signal. */
static void touch(const char *page)
{
	char byte;

	if (write(fuzz.pipe[1], page, 1) == 1 && read(fuzz.pipe[0], &byte, 1) != 1)
		tap_bail("the pipe is broken");
}

static void fuzz_mmap(void)
{
	static const size_t lengths[] = { 1, 4096, 8192, 12288, 65536, 139264, 1u << 20 };
	static const int protections[] = { PROT_READ, PROT_READ, PROT_READ | PROT_WRITE, PROT_WRITE, PROT_NONE,
					   PROT_READ | PROT_EXEC };
	size_t length = lengths[roll(ARRAY_SIZE(lengths))];
	int protection = protections[roll(ARRAY_SIZE(protections))];
	char *map = mmap(NULL, length, protection, roll(4) ? MAP_SHARED : MAP_PRIVATE, any_fd(),
			 roll(3) ? 0 : (off_t)roll(40) * 4096);

	if (map == MAP_FAILED)
		return;
	fuzz.mapped++;
	for (size_t at = 0; at < length; at += 4096)
		touch(map + at);
	if (protection & PROT_WRITE) /* the reader's own page may be written, whatever it says then */
		if (read(fuzz.zero, map, roll(64)) < 0)
			fuzz.refused++;
	if (mprotect(map, length, PROT_READ | PROT_WRITE) == 0 && read(fuzz.zero, map, 8) < 0)
		fuzz.refused++;
	munmap(map, length);
}

static void fuzz_read(void)
{
	static char buffer[8192];
	int fd = any_fd();

	/* A waiting read would wait for ever: only on what does not wait. */
	if (fd < 0 || !(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return;
	if (read(fd, roll(8) ? buffer : NULL, roll(4) ? sizeof(buffer) : roll(600)) < 0)
		fuzz.refused++;
}

static void fuzz_faults(void)
{
	static const char *const files[] = { "fail_read", "fail_write", "unlocatable", "outside_token" };
	static const char *const arguments[] = { "EIO", "ENXIO", "none", "1", "0", "", "EPERM", "0x400", "-1",
						 "99999999999999999999" };
	char line[64];

	/* As often mended as broken, or soon nothing works any more. */
	if (roll(2)) {
		snprintf(line, sizeof(line), "0x%x %s", DSMIL_TOKEN_BASE + roll(DSMIL_TOKEN_COUNT), "none");
		board_fault(files[roll(2)], line);
		snprintf(line, sizeof(line), "0x%x 0", DSMIL_TOKEN_BASE + roll(DSMIL_TOKEN_COUNT));
		board_fault("unlocatable", line);
		return;
	}
	snprintf(line, sizeof(line), "0x%x %s", roll(4) ? DSMIL_TOKEN_BASE + roll(DSMIL_TOKEN_COUNT) : roll(0x20000),
		 arguments[roll(ARRAY_SIZE(arguments))]);
	board_fault(files[roll(ARRAY_SIZE(files) - (roll(32) != 0))], line);
}

/* What must work whatever else is going on: a write to a safe register. */
static void honest_write(void)
{
	int fd = open_device(SAFE_DEVICE, O_RDWR);

	if (reg_write(fd, DSMIL_REG_CONFIG, (uint32_t)dice_roll(&fuzz.dice), NULL) == 0)
		fuzz.honest++;
	close(fd);
}

/* The rings that ioctls opened on the way, whose numbers nobody kept. */
static void close_rings(void)
{
	char path[32], target[64];

	for (int fd = 3; fd < 1024; fd++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		if (strstr(target, "[dsmil"))
			close(fd);
	}
}

/* The audit ring must not stay full, or no write is ever tried. */
static void drain(void)
{
	int ctl, ring;

	close_all();
	close_rings();
	ctl = open_node("ctl", O_RDONLY);
	ring = ring_open(ctl);
	if (ring < 0)
		tap_bail("the audit ring does not open");
	ring_drain(ctl, ring);
	close(ring);
	close(ctl);
}

/* ---------------------------------------------------------------- rounds -- */

static bool play_round(uint64_t seed, uint64_t number)
{
	struct journal_verdict verdict;

	fuzz.dice = dice_make(seed, number);
	drain();
	for (int call = 0; call < CALLS_PER_ROUND; call++) {
		unsigned kind = roll(100);

		if (kind < 70)
			fuzz_ioctl();
		else if (kind < 82)
			fuzz_netlink();
		else if (kind < 88)
			fuzz_mmap();
		else if (kind < 94)
			fuzz_read();
		else if (kind < 98)
			fuzz_faults();
		else
			honest_write();
		fuzz.calls++;
	}
	/* The journal keeps the newest 1,024 writes: none is missed. */
	verdict = journal_judge();
	if (verdict.writes < 0)
		tap_bail("the board has no journal (debugfs?)");
	if (verdict.forbidden)
		tap_diag("round %llu: %d forbidden writes, the first to token 0x%04x", (unsigned long long)number,
			 verdict.forbidden, verdict.first_forbidden);
	return !verdict.forbidden;
}

int main(int argc, char **argv)
{
	uint64_t seed, seconds, rounds, number = 0, end;
	struct dsmil_info before, after;
	bool clean = true;
	int ctl;

	tap_start(argc, argv);
	seed = number_option("seed", now_ns() | 1);
	seconds = number_option("seconds", 20);
	rounds = number_option("rounds", 0);
	memset(fuzz.fds, -1, sizeof(fuzz.fds));
	fuzz.zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ctl = open_node("ctl", O_RDONLY);
	if (ctl < 0 || fuzz.zero < 0 || pipe(fuzz.pipe) || fuzz_ioctl_open() || fuzz_netlink_open())
		tap_bail("the doors do not open; load both modules");
	before = info_get(ctl);
	tap_diag("seed %llu; replay with --seed %llu --rounds N", (unsigned long long)seed, (unsigned long long)seed);

	end = now_ns() + seconds * 1000000000u;
	while (clean && (rounds ? number < rounds : now_ns() < end))
		clean = play_round(seed, number++);
	close_all();
	drain();
	after = info_get(ctl);

	tap_diag("%llu rounds, %llu calls: %llu done, %llu refused, %llu mapped, %llu netlink answers, %llu honest writes",
		 (unsigned long long)number, (unsigned long long)fuzz.calls, (unsigned long long)fuzz.done,
		 (unsigned long long)fuzz.refused, (unsigned long long)fuzz.mapped,
		 (unsigned long long)fuzz.answers, (unsigned long long)fuzz.honest);
	tap_ok(clean, "no call made a write to a location that its caller may not write");
	tap_ok(fuzz.honest > 0 && after.writes > before.writes, "writes that are allowed did reach the board");
	tap_ok(fuzz.done > fuzz.calls / 50 && fuzz.refused > fuzz.calls / 50, "calls were done, and calls were refused");
	tap_ok(fuzz.answers > 0, "netlink answered");
	tap_ok(!memcmp(before.load_id, after.load_id, sizeof(after.load_id)) &&
	       !memcmp(before.risk_count, after.risk_count, sizeof(after.risk_count)) &&
	       after.present_count == before.present_count, "what nobody may change is as it was");
	close(ctl);
	return tap_finish();
}
