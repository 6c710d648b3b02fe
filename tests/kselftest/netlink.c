/* SPDX-License-Identifier: Apache-2.0 */
/* The generic netlink family: what it tells, whom, and how it refuses. */
#include "genl.h"
#include "support.h"

#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
		    genl_u64(message, DSMIL_A_INFO_READS) == info->reads &&
		    genl_u64(message, DSMIL_A_INFO_REFUSED) == info->refused &&
		    genl_u64(message, DSMIL_A_INFO_AUDIT_HEAD) == info->audit_head &&
		    genl_u64(message, DSMIL_A_INFO_LOADED_NS) == info->loaded_ns &&
		    genl_u32(message, DSMIL_A_INFO_AUDIT_CAPACITY) == info->audit_capacity &&
		    same_string(message, DSMIL_A_INFO_FIRMWARE_NAME, info->firmware_name) &&
		    same_string(message, DSMIL_A_INFO_MODULE_VERSION, info->module_version) &&
		    load_id && !memcmp(load_id + 1, info->load_id, sizeof(info->load_id));

	tap_ok(same, "INFO_GET says what the ioctl says");
}

static void check_refusals(void)
{
	static const uint32_t id = 0x8005, number = 5, far_id = 0x806c, far_number = 108;
	static const char text[] = "x";
	static const struct {
		const char *name;
		unsigned flags;
		size_t count;
		struct genl_attribute attributes[2];
		int error;
	} cases[] = {
		{ "a request without id and number is refused", 0, 0, { { 0 } }, EINVAL },
		{ "a request with both is refused", 0, 2,
		  { { DSMIL_A_DEVICE_ID, &id, 4 }, { DSMIL_A_DEVICE_NUMBER, &number, 4 } }, EINVAL },
		{ "an id outside the range is refused", 0, 1, { { DSMIL_A_DEVICE_ID, &far_id, 4 } }, ERANGE },
		{ "a number outside the range is refused", 0, 1, { { DSMIL_A_DEVICE_NUMBER, &far_number, 4 } }, ERANGE },
		{ "an id of another length is refused", 0, 1, { { DSMIL_A_DEVICE_ID, &id, 2 } }, EINVAL },
		{ "an attribute of an answer is refused", 0, 1, { { DSMIL_A_DEVICE_NAME, text, 2 } }, EINVAL },
		{ "an attribute that nobody knows is refused", 0, 1, { { 200, text, 2 } }, EINVAL },
		{ "a dump with an attribute is refused", NLM_F_DUMP, 1, { { DSMIL_A_DEVICE_ID, &id, 4 } }, EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int error;

		genl_send(&genl, DSMIL_CMD_DEVICE_GET, NLM_F_ACK | cases[i].flags, cases[i].attributes,
			  cases[i].count);
		error = genl_receive(&genl, NULL, NULL);
		/* Kernels before 6.6 have no text for a dump that does not start. */
		if (!tap_ok(error == cases[i].error && (genl.text[0] || cases[i].flags), cases[i].name))
			tap_diag("errno %d, wanted %d; text '%s'", error, cases[i].error, genl.text);
	}
	tap_is(genl_ask(&genl, DSMIL_CMD_EVENT, 0, NULL, 0, NULL, NULL), EOPNOTSUPP, "EVENT cannot be asked for");
	tap_is(genl_ask(&genl, 77, 0, NULL, 0, NULL, NULL), EOPNOTSUPP, "an unknown command is refused");
}

static int join(void *context)
{
	struct genl *other = context;
	int error = genl_open(other);

	return error ? 200 : genl_join_events(other);
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

static void check_events(int ctl)
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
	reg_read(quarantined, DSMIL_REG_STATUS, &value);
	tap_ok(read(ring, &event, sizeof(event)) == sizeof(event) && is_event(genl_next_event(&genl), &event),
	       "so is a read");
	close(quarantined);
	close(ring);
}

int main(int argc, char **argv)
{
	static struct genl other;
	struct dsmil_info info;
	int ctl;

	tap_start(argc, argv);
	ctl = open_node("ctl", O_RDONLY);
	if (ctl < 0)
		tap_bail("ctl does not open; run this as root with a firmware module loaded");
	if (!tap_ok(!genl_open(&genl) && genl.family && genl.events, "the family is there, and its group"))
		return tap_finish();
	info = info_get(ctl);
	tap_is(genl_ask(&genl, DSMIL_CMD_INFO_GET, 0, NULL, 0, check_info, &info), 0, "INFO_GET answers");
	check_devices(ctl);
	check_refusals();
	tap_is(as_nobody(join, &other), EPERM, "the group needs CAP_SYS_ADMIN");
	tap_is(genl_join_events(&genl), 0, "root may join the group");
	check_events(ctl);
	genl_close(&genl);
	return tap_finish();
}
