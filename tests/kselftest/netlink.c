/* SPDX-License-Identifier: Apache-2.0 */
/* The generic netlink family: what it tells, whom, and how it refuses. */
#include "genl.h"
#include "modules.h"
#include "support.h"

#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static struct genl genl;

/* How an answer differs from what the ioctl says of the same device. */
struct device_check {
	int ctl;
	int messages;
	int wrong;
	bool interrupted;
};

static bool same_string(const struct nlmsghdr *message, uint16_t type, const char *wanted)
{
	return !strcmp(genl_string(message, type), wanted);
}

static void check_device(void *context, const struct nlmsghdr *message)
{
	struct device_check *check = context;
	struct dsmil_device device = { .size = sizeof(device) };
	bool same;

	device.id = (uint16_t)genl_u32(message, DSMIL_A_DEVICE_ID);
	same = !try_ioctl(check->ctl, DSMIL_IOC_DEVICE_GET, &device) &&
	       genl_u32(message, DSMIL_A_DEVICE_NUMBER) == device.number &&
	       genl_u32(message, DSMIL_A_DEVICE_TOKEN_BASE) == device.token_base &&
	       genl_u32(message, DSMIL_A_DEVICE_GROUP) == device.group &&
	       genl_u32(message, DSMIL_A_DEVICE_RISK) == device.risk &&
	       genl_u32(message, DSMIL_A_DEVICE_PRESENT) == device.present &&
	       genl_u32(message, DSMIL_A_DEVICE_LAYER) == device.layer &&
	       genl_u32(message, DSMIL_A_DEVICE_CLEARANCE) == device.clearance &&
	       same_string(message, DSMIL_A_DEVICE_NAME, device.name) &&
	       same_string(message, DSMIL_A_DEVICE_GROUP_NAME, device.group_name) &&
	       same_string(message, DSMIL_A_DEVICE_LAYER_NAME, device.layer ? device.layer_name : "") &&
	       same_string(message, DSMIL_A_DEVICE_SERVICE_NAME, device.layer ? device.service_name : "");
	for (unsigned reg = 0; reg < DSMIL_REGISTER_COUNT; reg++) {
		const struct nlattr *risk = genl_attribute(message, DSMIL_A_DEVICE_REGISTER_RISK, reg);
		const struct nlattr *reason = genl_attribute(message, DSMIL_A_DEVICE_REGISTER_REASON, reg);

		same = same && risk && reason && *(const uint32_t *)(risk + 1) == device.register_risk[reg] &&
		       *(const uint32_t *)(reason + 1) == device.register_reason[reg];
	}
	if (!same) {
		tap_diag("device %04x differs", device.id);
		check->wrong++;
	}
	check->messages++;
	check->interrupted |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
}

static void check_devices(int ctl)
{
	struct device_check check = { .ctl = ctl };
	uint32_t value = 0x8029;
	struct genl_attribute attribute = { DSMIL_A_DEVICE_ID, &value, sizeof(value) };

	tap_ok(!genl_ask(&genl, DSMIL_CMD_DEVICE_GET, 0, &attribute, 1, check_device, &check) &&
	       check.messages == 1 && !check.wrong, "DEVICE_GET by id says what the ioctl says");
	value = 41;
	attribute.type = DSMIL_A_DEVICE_NUMBER;
	check.messages = 0;
	tap_ok(!genl_ask(&genl, DSMIL_CMD_DEVICE_GET, 0, &attribute, 1, check_device, &check) &&
	       check.messages == 1 && !check.wrong, "DEVICE_GET by number says what the ioctl says");
	check.messages = 0;
	genl_send(&genl, DSMIL_CMD_DEVICE_GET, NLM_F_DUMP, NULL, 0);
	tap_is(genl_receive(&genl, check_device, &check), 0, "the devices can be dumped");
	tap_is(check.messages, DSMIL_DEVICE_COUNT, "a dump has all 108");
	tap_is(check.wrong, 0, "and says of each what the ioctl says");
	tap_ok(!check.interrupted, "a dump that nothing disturbed is consistent");
}

static void check_info(void *context, const struct nlmsghdr *message)
{
	const struct dsmil_info *info = context;
	const struct nlattr *load_id = genl_attribute(message, DSMIL_A_INFO_LOAD_ID, 0);
	bool same = genl_u32(message, DSMIL_A_INFO_API_VERSION) == info->api_version &&
		    genl_u32(message, DSMIL_A_INFO_FIRMWARE_KIND) == info->firmware_kind &&
		    genl_u32(message, DSMIL_A_INFO_PRESENT_COUNT) == info->present_count &&
		    genl_u64(message, DSMIL_A_INFO_READS) >= info->reads && /* the poller reads, too */
		    genl_u64(message, DSMIL_A_INFO_REFUSED) == info->refused &&
		    genl_u64(message, DSMIL_A_INFO_AUDIT_HEAD) >= info->audit_head &&
		    genl_u64(message, DSMIL_A_INFO_AUDIT_REFUSED) == info->audit_refused &&
		    genl_u64(message, DSMIL_A_INFO_LOADED_NS) == info->loaded_ns &&
		    genl_u32(message, DSMIL_A_INFO_AUDIT_CAPACITY) == info->audit_capacity &&
		    same_string(message, DSMIL_A_INFO_FIRMWARE_NAME, info->firmware_name) &&
		    same_string(message, DSMIL_A_INFO_MODULE_VERSION, info->module_version) &&
		    load_id && !memcmp(load_id + 1, info->load_id, sizeof(info->load_id));

	tap_ok(same, "INFO_GET says what the ioctl says");
}

/* ----------------------------------------------------------- refusals -- */

static const uint32_t id = 0x8005, number = 5, far_id = 0x806c, far_number = 108, far_token = 0x8144;
static const uint8_t key[32];

struct refused {
	const char *name;
	uint8_t command;
	size_t count;
	struct genl_attribute attributes[2];
	int error;
};

/* Kernels before 6.6 have none for a dump that does not start. */
static bool has_text_of_dumps(void)
{
	struct utsname machine;
	int major, minor;

	uname(&machine);
	if (sscanf(machine.release, "%d.%d", &major, &minor) != 2)
		tap_bail("the kernel's release is no number");
	return major > 6 || (major == 6 && minor >= 6);
}

static void check_refused(const struct refused *request, unsigned flags)
{
	int error = genl_ask(&genl, request->command, flags, request->attributes, request->count, NULL, NULL);

	if (!tap_ok(error == request->error && (genl.text[0] || (flags && !has_text_of_dumps())), request->name))
		tap_diag("errno %d, wanted %d; text '%s'", error, request->error, genl.text);
}

static void check_refusals(void)
{
	static const struct refused does[] = {
		{ "a request without id and number is refused", DSMIL_CMD_DEVICE_GET, 0, { { 0 } }, EINVAL },
		{ "a request with both is refused", DSMIL_CMD_DEVICE_GET, 2,
		  { { DSMIL_A_DEVICE_ID, &id, 4 }, { DSMIL_A_DEVICE_NUMBER, &number, 4 } }, EINVAL },
		{ "an id outside the range is refused", DSMIL_CMD_DEVICE_GET, 1,
		  { { DSMIL_A_DEVICE_ID, &far_id, 4 } }, ERANGE },
		{ "a number outside the range is refused", DSMIL_CMD_DEVICE_GET, 1,
		  { { DSMIL_A_DEVICE_NUMBER, &far_number, 4 } }, ERANGE },
		{ "an id of another length is refused", DSMIL_CMD_DEVICE_GET, 1,
		  { { DSMIL_A_DEVICE_ID, &id, 2 } }, EINVAL },
		{ "an attribute of an answer is refused", DSMIL_CMD_DEVICE_GET, 1,
		  { { DSMIL_A_DEVICE_NAME, "x", 2 } }, EINVAL },
		{ "an attribute that nobody knows is refused", DSMIL_CMD_DEVICE_GET, 1, { { 200, "x", 2 } }, EINVAL },
		{ "INFO_GET with an attribute is refused", DSMIL_CMD_INFO_GET, 1, { { 1, &id, 4 } }, EINVAL },
		{ "REGISTER_GET without a token is refused", DSMIL_CMD_REGISTER_GET, 0, { { 0 } }, EINVAL },
		{ "a token outside the range is refused", DSMIL_CMD_REGISTER_GET, 1,
		  { { DSMIL_A_REGISTER_TOKEN, &far_token, 4 } }, ERANGE },
		{ "QUARANTINE_GET without an id is refused", DSMIL_CMD_QUARANTINE_GET, 0, { { 0 } }, EINVAL },
		{ "QUARANTINE_GET of an id outside the range is refused", DSMIL_CMD_QUARANTINE_GET, 1,
		  { { DSMIL_A_QUARANTINE_DEVICE_ID, &far_id, 4 } }, ERANGE },
		{ "GRANT_KEY_GET without an id is refused", DSMIL_CMD_GRANT_KEY_GET, 0, { { 0 } }, EINVAL },
		{ "GRANT_KEY_GET of an id of another length is refused", DSMIL_CMD_GRANT_KEY_GET, 1,
		  { { DSMIL_A_GRANT_KEY_ID, key, 31 } }, ERANGE },
		{ "GRANT_KEY_GET of a key that is not enrolled is refused", DSMIL_CMD_GRANT_KEY_GET, 1,
		  { { DSMIL_A_GRANT_KEY_ID, key, 32 } }, ENOENT },
		{ "STATISTICS_GET of an id outside the range is refused", DSMIL_CMD_STATISTICS_GET, 1,
		  { { DSMIL_A_STATISTICS_DEVICE_ID, &far_id, 4 } }, ERANGE },
	};
	static const struct refused dumps[] = {
		{ "a dump of devices with an attribute is refused", DSMIL_CMD_DEVICE_GET, 1,
		  { { DSMIL_A_DEVICE_ID, &id, 4 } }, EINVAL },
		{ "a dump of registers with an attribute is refused", DSMIL_CMD_REGISTER_GET, 1,
		  { { DSMIL_A_REGISTER_TOKEN, &id, 4 } }, EINVAL },
		{ "a dump of the quarantine with an attribute is refused", DSMIL_CMD_QUARANTINE_GET, 1,
		  { { DSMIL_A_QUARANTINE_DEVICE_ID, &id, 4 } }, EINVAL },
		{ "a dump of keys with an attribute is refused", DSMIL_CMD_GRANT_KEY_GET, 1,
		  { { DSMIL_A_GRANT_KEY_ID, key, 32 } }, EINVAL },
		{ "a dump of statistics with an attribute is refused", DSMIL_CMD_STATISTICS_GET, 1,
		  { { DSMIL_A_STATISTICS_DEVICE_ID, &id, 4 } }, EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(does); i++)
		check_refused(&does[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++)
		check_refused(&dumps[i], NLM_F_DUMP);
	tap_is(genl_ask(&genl, DSMIL_CMD_EVENT, 0, NULL, 0, NULL, NULL), EOPNOTSUPP, "EVENT cannot be asked for");
	tap_is(genl_ask(&genl, DSMIL_CMD_INFO_GET, NLM_F_DUMP, NULL, 0, NULL, NULL), EOPNOTSUPP,
	       "INFO_GET cannot be dumped");
	tap_is(genl_ask(&genl, 77, 0, NULL, 0, NULL, NULL), EOPNOTSUPP, "an unknown command is refused");
}

/* ----------------------------------------------------------- registers -- */

struct register_check {
	unsigned messages;
	unsigned wrong;
	uint32_t token; /* whose value must be that one */
	uint32_t value;
	bool found;
};

static void check_register(void *context, const struct nlmsghdr *message)
{
	struct register_check *check = context;
	uint32_t token = genl_u32(message, DSMIL_A_REGISTER_TOKEN);

	check->wrong += token - DSMIL_TOKEN_BASE >= DSMIL_TOKEN_COUNT ||
			genl_u32(message, DSMIL_A_REGISTER_DEVICE_ID) !=
				DSMIL_DEVICE_ID_BASE + (token - DSMIL_TOKEN_BASE) / DSMIL_REGISTER_COUNT ||
			genl_u32(message, DSMIL_A_REGISTER_REG) != (token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT ||
			genl_u32(message, DSMIL_A_REGISTER_PRESENT) != expect_present(token) ||
			(expect_present(token) && genl_u32(message, DSMIL_A_REGISTER_REASON) != expect_reason(token)) ||
			(genl_attribute(message, DSMIL_A_REGISTER_VALUE, 0) &&
			 !genl_attribute(message, DSMIL_A_REGISTER_TIME_NS, 0));
	if (token == check->token)
		check->found = genl_u32(message, DSMIL_A_REGISTER_VALUE) == check->value &&
			       genl_u32(message, DSMIL_A_REGISTER_RESULT) == 0 &&
			       genl_attribute(message, DSMIL_A_REGISTER_TIME_NS, 0);
	check->messages++;
}

/* The reads that the ring has not told of yet; those of the poller have no record each. */
static unsigned count_reads(int ring)
{
	struct dsmil_event event;
	unsigned reads = 0;

	fcntl(ring, F_SETFL, O_NONBLOCK);
	while (read(ring, &event, sizeof(event)) == sizeof(event))
		reads += event.type == DSMIL_EVENT_READ;
	return reads;
}

static void check_registers(int ctl)
{
	struct register_check check = { .token = DSMIL_TOKEN_BASE + 3 * MONITORED_DEVICE + DSMIL_REG_DATA };
	const struct genl_attribute attribute = { DSMIL_A_REGISTER_TOKEN, &check.token, sizeof(check.token) };
	int device = open_device(MONITORED_DEVICE, O_RDONLY);
	int ring = ring_open(ctl);

	if (ring < 0)
		tap_bail("the audit ring does not open");
	ring_drain(ctl, ring);
	reg_read(device, DSMIL_REG_DATA, &check.value);
	tap_ok(!genl_ask(&genl, DSMIL_CMD_REGISTER_GET, 0, &attribute, 1, check_register, &check) &&
	       check.messages == 1 && check.found && !check.wrong, "REGISTER_GET knows what a register last said");
	check.messages = 0;
	check.found = false;
	genl_send(&genl, DSMIL_CMD_REGISTER_GET, NLM_F_DUMP, NULL, 0);
	tap_is(genl_receive(&genl, check_register, &check), 0, "the registers can be dumped");
	tap_is(check.messages, DSMIL_TOKEN_COUNT, "a dump has all 324");
	tap_ok(!check.wrong && check.found, "and says of each what the catalogue and the last read say");
	tap_is(count_reads(ring), 1, "the firmware was asked by the read alone");
	close(ring);
	close(device);
}

static int ask_registers(void *context)
{
	struct genl *other = context;
	const uint32_t token = DSMIL_TOKEN_BASE;
	const struct genl_attribute attribute = { DSMIL_A_REGISTER_TOKEN, &token, sizeof(token) };
	int error = genl_open(other);

	if (error)
		return 200;
	error = genl_ask(other, DSMIL_CMD_REGISTER_GET, 0, &attribute, 1, NULL, NULL);
	return error != EPERM || !other->text[0] ? 201 : 0;
}

static int dump_registers(void *context)
{
	struct genl *other = context;

	return genl_open(other) ? 200 : genl_ask(other, DSMIL_CMD_REGISTER_GET, NLM_F_DUMP, NULL, 0, NULL, NULL);
}

/* -------------------------------------------- quarantine and statistics -- */

static void count_quarantined(void *context, const struct nlmsghdr *message)
{
	unsigned *right = context;
	uint32_t device = genl_u32(message, DSMIL_A_QUARANTINE_DEVICE_ID) - DSMIL_DEVICE_ID_BASE;

	if (genl_u32(message, DSMIL_A_QUARANTINE_ADDED))
		return;
	*right += device < DSMIL_DEVICE_COUNT && device_facts[device].risk == DSMIL_RISK_QUARANTINED &&
		  genl_u32(message, DSMIL_A_QUARANTINE_QUARANTINED) == 1 &&
		  same_string(message, DSMIL_A_QUARANTINE_NAME, device_facts[device].name);
}

static void keep_quarantined(void *context, const struct nlmsghdr *message)
{
	*(uint32_t *)context = genl_u32(message, DSMIL_A_QUARANTINE_QUARANTINED);
}

static void check_quarantine(void)
{
	const struct genl_attribute attribute = { DSMIL_A_QUARANTINE_DEVICE_ID, &id, sizeof(id) };
	uint32_t quarantined = UINT32_MAX;
	unsigned right = 0;

	genl_send(&genl, DSMIL_CMD_QUARANTINE_GET, NLM_F_DUMP, NULL, 0);
	tap_is(genl_receive(&genl, count_quarantined, &right), 0, "the quarantine can be dumped");
	tap_is(right, 7, "it has the seven devices that are quarantined for ever");
	tap_ok(!genl_ask(&genl, DSMIL_CMD_QUARANTINE_GET, 0, &attribute, 1, keep_quarantined, &quarantined) &&
	       quarantined == 0, "QUARANTINE_GET knows that a safe device is not in it");
	genl_send(&genl, DSMIL_CMD_GRANT_KEY_GET, NLM_F_DUMP, NULL, 0);
	tap_is(genl_receive(&genl, NULL, NULL), 0, "the grant keys can be dumped");
}

struct statistics_check {
	unsigned messages;
	uint64_t sum[4];
};

static void add_statistics(void *context, const struct nlmsghdr *message)
{
	struct statistics_check *check = context;

	for (uint16_t i = 0; i < ARRAY_SIZE(check->sum); i++)
		check->sum[i] += genl_u64(message, (uint16_t)(DSMIL_A_STATISTICS_READS + i));
	check->messages++;
}

static void check_statistics(int ctl)
{
	const uint32_t quarantined = DSMIL_DEVICE_ID_BASE + QUARANTINED_DEVICE;
	const struct genl_attribute attribute = { DSMIL_A_STATISTICS_DEVICE_ID, &quarantined, sizeof(quarantined) };
	struct statistics_check total = { 0 }, all = { 0 }, before = { 0 }, after = { 0 };
	struct dsmil_info info;
	int device = open_device(QUARANTINED_DEVICE, O_RDWR);

	genl_ask(&genl, DSMIL_CMD_STATISTICS_GET, 0, &attribute, 1, add_statistics, &before);
	reg_write(device, DSMIL_REG_CONFIG, 1, NULL);
	genl_ask(&genl, DSMIL_CMD_STATISTICS_GET, 0, &attribute, 1, add_statistics, &after);
	tap_ok(before.messages == 1 && after.sum[2] == before.sum[2] + 1, "a refused write is counted for its device");
	info = info_get(ctl);
	genl_ask(&genl, DSMIL_CMD_STATISTICS_GET, 0, NULL, 0, add_statistics, &total);
	/* The poller may read meanwhile, and fail. */
	tap_ok(total.messages == 1 && total.sum[0] >= info.reads && total.sum[1] == info.writes &&
	       total.sum[2] == info.refused && total.sum[3] >= info.firmware_errors, "the totals are those of INFO");
	genl_send(&genl, DSMIL_CMD_STATISTICS_GET, NLM_F_DUMP, NULL, 0);
	genl_receive(&genl, add_statistics, &all);
	tap_is(all.messages, DSMIL_DEVICE_COUNT, "the statistics of every device can be dumped");
	tap_ok(all.sum[0] >= total.sum[0] && all.sum[1] == total.sum[1] && all.sum[2] == total.sum[2] &&
	       all.sum[3] >= total.sum[3], "and add up to the totals");
	close(device);
}

/* ---------------------------------------------------------- consistency -- */

static void note_interrupted(void *context, const struct nlmsghdr *message)
{
	*(bool *)context |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
}

/* The firmware goes and comes back between two parts of a dump. */
static void check_interrupted(uint8_t command, const char *name)
{
	struct module firmware = { .name = module_is_loaded("dsmil_sim") ? "dsmil_sim" : "dsmil_dell" };
	bool absent = board_is_odd() && !strcmp(firmware.name, "dsmil_sim");
	bool interrupted = false;
	int error;

	module_find(&firmware, NULL);
	genl_send(&genl, command, NLM_F_DUMP, NULL, 0);
	error = genl_receive_some(&genl);
	if (module_unload(&firmware) || module_load(&firmware, absent ? "absent=107" : ""))
		tap_bail("the firmware's module does not load again");
	if (!error)
		error = genl_receive(&genl, note_interrupted, &interrupted);
	tap_ok(!error && interrupted, name);
}

/* -------------------------------------------------------------- groups -- */

static int join(void *context)
{
	struct genl *other = context;
	int error = genl_open(other);

	return error ? 200 : genl_join_events(other);
}

static int join_security(void *context)
{
	struct genl *other = context;

	return genl_open(other) ? 200 : genl_join_security(other);
}

static bool is_event(const struct nlmsghdr *message, const struct dsmil_event *event)
{
	const struct nlattr *load_id = genl_attribute(message, DSMIL_A_EVENT_LOAD_ID, 0);

	return genl_u32(message, DSMIL_A_EVENT_TYPE) == event->type &&
	       genl_u32(message, DSMIL_A_EVENT_DEVICE_ID) == event->device_id &&
	       genl_u64(message, DSMIL_A_EVENT_SEQUENCE) == event->sequence &&
	       genl_u64(message, DSMIL_A_EVENT_BOOTTIME_NS) == event->boottime_ns &&
	       genl_u64(message, DSMIL_A_EVENT_REALTIME_NS) == event->realtime_ns &&
	       genl_u32(message, DSMIL_A_EVENT_TOKEN) == event->token &&
	       genl_u32(message, DSMIL_A_EVENT_RULE_TOKEN) == event->rule_token &&
	       genl_u32(message, DSMIL_A_EVENT_REG) == event->reg &&
	       genl_u32(message, DSMIL_A_EVENT_RISK) == event->risk &&
	       genl_u32(message, DSMIL_A_EVENT_REASON) == event->reason &&
	       genl_u32(message, DSMIL_A_EVENT_FIRMWARE_KIND) == event->firmware_kind &&
	       genl_u32(message, DSMIL_A_EVENT_VALUE) == event->value &&
	       genl_u32(message, DSMIL_A_EVENT_RESULT) == (uint32_t)event->result &&
	       genl_u64(message, DSMIL_A_EVENT_COUNT) == event->count &&
	       genl_u64(message, DSMIL_A_EVENT_FIRST_NS) == event->first_ns &&
	       genl_u32(message, DSMIL_A_EVENT_UID) == event->uid &&
	       genl_u32(message, DSMIL_A_EVENT_PID) == event->pid &&
	       genl_u64(message, DSMIL_A_EVENT_CGROUP_ID) == event->cgroup_id &&
	       same_string(message, DSMIL_A_EVENT_COMM, event->comm) && load_id &&
	       !memcmp(load_id + 1, event->load_id, sizeof(event->load_id));
}

static void check_events(int ctl, struct genl *security)
{
	int ring = ring_open(ctl);
	int quarantined = open_device(QUARANTINED_DEVICE, O_RDWR);
	struct dsmil_event event;
	uint32_t value;

	if (ring < 0)
		tap_bail("the audit ring does not open");
	ring_drain(ctl, ring);
	reg_write(quarantined, DSMIL_REG_STATUS, 0x12345678, NULL);
	tap_ok(read(ring, &event, sizeof(event)) == sizeof(event) && is_event(genl_next_event(&genl), &event),
	       "a refusal is notified with every field of its record");
	tap_ok(is_event(genl_next_event(security), &event), "the group security is told the same");
	reg_read(quarantined, DSMIL_REG_STATUS, &value);
	tap_ok(read(ring, &event, sizeof(event)) == sizeof(event) && is_event(genl_next_event(&genl), &event),
	       "so is a read, to the group events");
	reg_write(quarantined, DSMIL_REG_DATA, 1, NULL);
	tap_ok(read(ring, &event, sizeof(event)) == sizeof(event) && is_event(genl_next_event(security), &event),
	       "the group security is not told of reads");
	genl_next_event(&genl);
	close(quarantined);
	close(ring);
}

int main(int argc, char **argv)
{
	static struct genl other, security;
	struct dsmil_info info;
	int ctl;

	tap_start(argc, argv);
	ctl = open_node("ctl", O_RDONLY);
	if (ctl < 0)
		tap_bail("ctl does not open; run this as root with a firmware module loaded");
	if (!tap_ok(!genl_open(&genl) && genl.family && genl.events && genl.security,
		    "the family is there, and its groups"))
		return tap_finish();
	info = info_get(ctl);
	tap_is(genl_ask(&genl, DSMIL_CMD_INFO_GET, 0, NULL, 0, check_info, &info), 0, "INFO_GET answers");
	check_devices(ctl);
	check_refusals();
	check_registers(ctl);
	tap_is(as_nobody(ask_registers, &other), 0, "REGISTER_GET needs CAP_SYS_ADMIN, and the text says so");
	tap_is(as_nobody(dump_registers, &other), EPERM, "so does a dump of registers");
	check_quarantine();
	check_statistics(ctl);
	check_interrupted(DSMIL_CMD_DEVICE_GET, "a dump of devices that a reload disturbed is flagged");
	check_interrupted(DSMIL_CMD_REGISTER_GET, "so is a dump of registers");
	tap_is(as_nobody(join, &other), EPERM, "the group events needs CAP_SYS_ADMIN");
	tap_is(as_nobody(join_security, &other), EPERM, "so does the group security");
	tap_is(genl_open(&security), 0, "a second client may connect");
	tap_is(genl_join_events(&genl), 0, "root may join the group events");
	tap_is(genl_join_security(&security), 0, "and the group security");
	check_events(ctl, &security);
	genl_close(&security);
	genl_close(&genl);
	return tap_finish();
}
