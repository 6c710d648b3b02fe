/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A firmware that fails, and a board that changes: on the simulated one, which
 * takes the place of the loaded firmware meanwhile.
 */
#include "genl.h"
#include "knobs.h"
#include "modules.h"
#include "reload.h"
#include "support.h"

#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_TOKEN 0x8010 /* of the safe device */

static struct module sim = { .name = "dsmil_sim" };
static int ctl, safe, ring;
static uint32_t config; /* what the register holds */

static int journal_lines(char *last, size_t size)
{
	FILE *file = fopen(KNOBS "journal", "r");
	char line[128];
	int count = 0;

	last[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		snprintf(last, size, "%s", line);
		count++;
	}
	if (file)
		fclose(file);
	return count;
}

static void check_knobs(void)
{
	static const struct {
		const char *knob, *line;
		int error;
	} bad[] = {
		{ "fail_read", "", EINVAL },	      { "fail_read", "0x8010", EINVAL },
		{ "fail_read", "0x8010 EPERM", EINVAL }, { "fail_read", "0x9000 EIO", ENOENT },
		{ "fail_write", "many EIO", EINVAL }, { "unlocatable", "0x8010 maybe", EINVAL },
		{ "outside_token", "0x8010 0x500", EINVAL }, { "outside_token", "0x461 0x12345", ERANGE },
		{ "fail_read", "0x8010 EIO and a line that is much too long", EINVAL },
	};
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		wrong += turn(bad[i].knob, bad[i].line) != bad[i].error;
	tap_is(wrong, 0, "the knobs refuse what they do not understand");
}

static void check_reads(void)
{
	uint64_t before = info_get(ctl).firmware_errors;
	struct dsmil_event event;
	uint32_t value;

	ring_drain(ctl, ring);
	turn("fail_read", "0x8010 EIO");
	tap_is(reg_read(safe, DSMIL_REG_CONFIG, &value), EIO, "a read that the firmware fails is EIO");
	tap_ok(read(ring, &event, sizeof(event)) == sizeof(event) && event.type == DSMIL_EVENT_READ &&
	       event.result == -EIO && event.value == 0, "and recorded as such");
	turn("fail_read", "0x8010 ENXIO");
	tap_is(reg_read(safe, DSMIL_REG_CONFIG, &value), ENXIO, "a read that it does not support is ENXIO");
	tap_is((long)(info_get(ctl).firmware_errors - before), 2, "both are counted");
	turn("fail_read", "0x8010 none");
	tap_is(reg_read(safe, DSMIL_REG_CONFIG, &value), 0, "a firmware that recovers is read again");
}

static void check_writes(void)
{
	struct dsmil_reg_write answer;
	struct dsmil_event event;
	char line[128];
	uint32_t value;
	int before = journal_lines(line, sizeof(line));

	ring_drain(ctl, ring);
	turn("fail_write", "0x8010 EIO");
	tap_is(reg_write(safe, DSMIL_REG_CONFIG, ~config, &answer), EIO, "a write that the firmware fails is EIO");
	tap_ok(answer.reason == DSMIL_REASON_ALLOWED && answer.sequence, "the guard allowed it, and says so");
	tap_ok(read(ring, &event, sizeof(event)) == sizeof(event) && event.type == DSMIL_EVENT_WRITE &&
	       event.result == -EIO && event.value == ~config && event.sequence == answer.sequence,
	       "it is recorded with its error");
	turn("fail_write", "0x8010 none");
	reg_read(safe, DSMIL_REG_CONFIG, &value);
	tap_is(value, config, "the register keeps its value");
	tap_is(reg_write(safe, DSMIL_REG_CONFIG, 0xABCD, NULL), 0, "a firmware that recovers is written again");
	reg_write(safe, DSMIL_REG_CONFIG, config, NULL);
	tap_is(journal_lines(line, sizeof(line)) - before, 3, "the firmware saw three writes");
	snprintf(line, sizeof(line), "0x8010 0x%04x 0x%08x 0\n",
		 register_facts[CONFIG_TOKEN - DSMIL_TOKEN_BASE].location, config);
	char last[128];

	journal_lines(last, sizeof(last));
	tap_ok(!strcmp(line, last), "the last of them as it was asked for");
}

/* A write that the guard must refuse, and the firmware must not see. */
static void check_refused(uint32_t reason, uint32_t rule_token, const char *name)
{
	struct dsmil_device device = { .size = sizeof(device), .id = 0x8005 };
	struct dsmil_reg_write answer;
	char line[128];
	int before = journal_lines(line, sizeof(line));
	int error = reg_write(safe, DSMIL_REG_CONFIG, ~config, &answer);

	try_ioctl(ctl, DSMIL_IOC_DEVICE_GET, &device);
	if (!tap_ok(error == EPERM && answer.reason == reason && answer.rule_token == rule_token &&
		    device.register_reason[DSMIL_REG_CONFIG] == reason &&
		    journal_lines(line, sizeof(line)) == before, name))
		tap_diag("errno %d, reason %u, rule token 0x%04x", error, answer.reason, answer.rule_token);
}

static void check_locations(void)
{
	char line[64];
	uint32_t value;

	turn("unlocatable", "0x8010 1");
	check_refused(DSMIL_REASON_LOCATION_UNKNOWN, CONFIG_TOKEN, "a register without a location is not written");
	tap_is(reg_read(safe, DSMIL_REG_CONFIG, &value), ENXIO, "nor read");
	turn("unlocatable", "0x8010 0");
	tap_is(reg_write(safe, DSMIL_REG_CONFIG, config, NULL), 0, "one that has it back is written again");

	snprintf(line, sizeof(line), "0x0461 0x%04x", register_facts[CONFIG_TOKEN - DSMIL_TOKEN_BASE].location);
	tap_is(turn("outside_token", line), 0, "a token outside the range takes the register's location");
	check_refused(DSMIL_REASON_ALIAS, 0x0461, "from then on the register is not written");
	tap_is(reg_write(safe, DSMIL_REG_DATA, 5, NULL), 0, "while its neighbours are");
}

static void note_interruption(void *context, const struct nlmsghdr *message)
{
	*(bool *)context |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
}

static void check_dump(void)
{
	static struct genl genl;
	bool interrupted = false;

	if (genl_open(&genl))
		tap_bail("there is no netlink family");
	/* The kernel makes the first part of the answer at once and the rest as it is read. */
	genl_send(&genl, DSMIL_CMD_DEVICE_GET, NLM_F_DUMP, NULL, 0);
	turn("unlocatable", "0x8143 1");
	tap_is(genl_receive(&genl, note_interruption, &interrupted), 0, "a dump goes on while the board changes");
	tap_ok(interrupted, "and is flagged as inconsistent");
	genl_close(&genl);
}

static void check_absent(void)
{
	struct dsmil_device device = { .size = sizeof(device), .id = 0x8005 };
	uint32_t value;

	close(safe);
	module_unload(&sim);
	tap_is(module_load(&sim, "absent=108"), EINVAL, "a board cannot lack a device that there is not");
	tap_is(module_load(&sim, "absent=5,9"), 0, "a board may lack devices");
	tap_is(info_get(ctl).present_count, DSMIL_DEVICE_COUNT - 2, "INFO counts the others");
	safe = open_device(SAFE_DEVICE, O_RDWR);
	tap_ok(!try_ioctl(ctl, DSMIL_IOC_DEVICE_GET, &device) && !device.present, "such a device is shown as absent");
	tap_is(reg_read(safe, DSMIL_REG_STATUS, &value), ENODEV, "its registers are not read");
	tap_is(reg_write(safe, DSMIL_REG_STATUS, 1, NULL), ENODEV, "nor written");
	close(safe);
	module_unload(&sim);
}

int main(int argc, char **argv)
{
	tap_start(argc, argv);
	module_find(&sim, option("sim"));
	ctl = open_node("ctl", O_RDONLY);
	ring = ctl < 0 ? -1 : ring_open(ctl);
	if (ring < 0 || firmware_leave() || module_load(&sim, ""))
		tap_bail("the simulated board does not load; run this as root with a firmware module loaded and no daemon");
	if (access(KNOBS, F_OK))
		tap_bail("debugfs is not mounted");

	safe = open_device(SAFE_DEVICE, O_RDWR);
	reg_read(safe, DSMIL_REG_CONFIG, &config);
	check_knobs();
	check_reads();
	check_writes();
	check_locations();
	check_dump();
	check_absent();
	if (firmware_return())
		tap_bail("the firmware that was loaded before does not come back");
	return tap_finish();
}
