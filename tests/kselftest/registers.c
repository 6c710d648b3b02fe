/* SPDX-License-Identifier: Apache-2.0 */
/* What reads and writes do to a board that is as it was at power-on. */
#include "support.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static uint32_t values[DSMIL_TOKEN_COUNT];

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Reads all there is; gives how many registers answered otherwise than they must. */
static int read_all(uint32_t *into)
{
	int wrong = 0;

	for (unsigned number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		int fd = open_device(number, O_RDONLY);

		for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
			unsigned token = DSMIL_TOKEN_BASE + number * DSMIL_REGISTER_COUNT + reg;
			int error = reg_read(fd, reg, &into[token - DSMIL_TOKEN_BASE]);

			if (error != expect_read(token)) {
				tap_diag("token 0x%04x: errno %d, wanted %d", token, error, expect_read(token));
				wrong++;
			}
		}
		close(fd);
	}
	return wrong;
}

static void check_values(void)
{
	int wrong = 0, same = 0;

	tap_is(read_all(values), 0, "every register answers as its board has it");
	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		if (expect_read(register_facts[i].token))
			continue;
		if (values[i] != register_facts[i].value) {
			tap_diag("token 0x%04x: 0x%08x, wanted 0x%08x", register_facts[i].token, values[i],
				 register_facts[i].value);
			wrong++;
		}
		for (unsigned j = 0; j < i; j++)
			same += !expect_read(register_facts[j].token) && values[i] == values[j];
	}
	tap_is(wrong, 0, "every register holds its power-on value");
	/* Two tokens share one location. */
	tap_is(same, 1, "no two registers are mistaken for each other");
}

static void check_write(void)
{
	static uint32_t after[DSMIL_TOKEN_COUNT];
	const unsigned config = 3 * SAFE_DEVICE + DSMIL_REG_CONFIG;
	int fd = open_device(SAFE_DEVICE, O_RDWR);
	struct dsmil_reg_write answer;
	int changed = 0;

	tap_is(reg_write(fd, DSMIL_REG_CONFIG, 0xCAFE1234, &answer), 0, "a safe register takes a write");
	tap_ok(answer.sequence != 0 && answer.reason == DSMIL_REASON_ALLOWED &&
	       answer.rule_token == DSMIL_TOKEN_BASE + config && answer.rule_risk == DSMIL_RISK_SAFE,
	       "the answer names the rule and the record");
	read_all(after);
	tap_is(after[config], 0xCAFE1234, "the value reads back");
	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++)
		changed += i != config && after[i] != values[i];
	tap_is(changed, 0, "no other register changed");
	reg_write(fd, DSMIL_REG_CONFIG, values[config], NULL);
	close(fd);
}

static void check_time(void)
{
	struct dsmil_reg_read request = { .size = sizeof(request), .reg = DSMIL_REG_STATUS };
	int fd = open_device(SAFE_DEVICE, O_RDONLY);
	uint64_t before = boottime_ns();
	int error = try_ioctl(fd, DSMIL_IOC_REG_READ, &request);

	tap_ok(!error && request.time_ns >= before && request.time_ns <= boottime_ns(),
	       "a read tells when the firmware answered");
	close(fd);
}

static void check_absent(void)
{
	const char *name = "a device that the board lacks takes no write";
	int fd;

	if (!board_is_odd()) {
		tap_skip(name, "this board has all devices");
		return;
	}
	fd = open_device(ABSENT_DEVICE, O_RDWR);
	tap_is(reg_write(fd, DSMIL_REG_CONFIG, 1, NULL), ENODEV, name);
	close(fd);
}

static void check_errors_are_counted(int ctl)
{
	const char *name = "a firmware error is counted and keeps its value to itself";
	uint64_t before = info_get(ctl).firmware_errors;
	int fd = open_device(84, O_RDONLY);
	uint32_t value;

	if (!board_is_odd())
		tap_skip(name, "this board's firmware does not fail");
	else
		tap_ok(reg_read(fd, DSMIL_REG_STATUS, &value) == EIO && value == 0 &&
		       info_get(ctl).firmware_errors == before + 1, name);
	close(fd);
}

int main(int argc, char **argv)
{
	int ctl;

	tap_start(argc, argv);
	ctl = open_node("ctl", O_RDONLY);
	if (ctl < 0)
		tap_bail("ctl does not open; run this as root with a firmware module loaded");
	make_odd_board();
	check_values();
	check_write();
	check_time();
	check_absent();
	check_errors_are_counted(ctl);
	return tap_finish();
}
