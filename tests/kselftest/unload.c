/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firmware goes away under open files, and comes back; then the core goes.
 *
 *   --firmware FILE  the firmware's module (default: of the one that is loaded,
 *                    in /lib/modules)
 *   --core FILE      dsmil.ko, likewise
 *   --other FILE     the module of the other firmware, likewise
 *   --parameters P   for the firmware's module, e.g. absent=107
 */
#include "genl.h"
#include "modules.h"
#include "support.h"

#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct module core = { .name = "dsmil" };
static struct module firmware;
static struct module other; /* the firmware that is not loaded */

static const char *parameters(void)
{
	const char *given = option("parameters");

	if (given)
		return given;
	return board_is_odd() && !strcmp(firmware.name, "dsmil_sim") ? "absent=107" : "";
}

/* ---------------------------------------------------------------- tests -- */

static int ctl, device, ring;
static struct genl genl;

static void check_gone(void)
{
	struct dsmil_device known = { .size = sizeof(known), .id = 0x8005 };
	struct dsmil_device_list list = { .size = sizeof(list), .stride = sizeof(known) };
	const uint32_t id = 0x8005;
	const struct genl_attribute attribute = { DSMIL_A_DEVICE_ID, &id, sizeof(id) };
	struct dsmil_reg_write answer;
	uint32_t value;

	tap_is(reg_read(device, DSMIL_REG_STATUS, &value), ENODEV, "an open node then reads nothing");
	tap_is(reg_write(device, DSMIL_REG_CONFIG, 1, &answer), ENODEV, "and writes nothing");
	tap_is(open_device(SAFE_DEVICE, O_RDONLY), -ENOENT, "the nodes are gone");
	tap_is(access("/sys/bus/dsmil/devices/8005", F_OK), -1, "the devices are gone from sysfs");
	tap_is(try_ioctl(ctl, DSMIL_IOC_DEVICE_GET, &known), ENODEV, "DEVICE_GET knows no device");
	tap_is(try_ioctl(ctl, DSMIL_IOC_DEVICE_LIST, &list), ENODEV, "DEVICE_LIST knows no device");
	tap_ok(info_get(ctl).firmware_kind == DSMIL_FIRMWARE_NONE && !info_get(ctl).present_count &&
	       !info_get(ctl).firmware_name[0], "INFO shows no firmware");
	tap_ok(genl_ask(&genl, DSMIL_CMD_DEVICE_GET, 0, &attribute, 1, NULL, NULL) == ENODEV && genl.text[0],
	       "netlink says that there is no firmware");
	genl_send(&genl, DSMIL_CMD_DEVICE_GET, NLM_F_DUMP, NULL, 0);
	tap_is(genl_receive(&genl, NULL, NULL), ENODEV, "and dumps no devices");
}

static void check_record(unsigned type, uint32_t value, const char *name)
{
	struct dsmil_event event;

	tap_ok(read(ring, &event, sizeof(event)) == sizeof(event) && event.type == type &&
	       event.device_id == DSMIL_NO_DEVICE && event.value == value && event.firmware_kind, name);
}

static void check_other(void)
{
	const char *name = "another firmware's module is refused beside it";

	if (!other.path[0]) {
		tap_skip(name, "user-mode Linux has no other");
		return;
	}
	tap_is(module_load(&other, ""), EBUSY, name);
	tap_is(module_is_loaded(other.name), false, "and leaves nothing behind");
}

static void check_back(void)
{
	const uint32_t present = DSMIL_DEVICE_COUNT - (uint32_t)board_is_odd();
	uint32_t value;
	int fresh;

	tap_is(module_load(&firmware, parameters()), 0, "the firmware's module loads again");
	check_record(DSMIL_EVENT_FIRMWARE_ATTACHED, present, "the ring has a record of it");
	tap_is(reg_read(device, DSMIL_REG_STATUS, &value), ENODEV, "the old descriptor stays dead");
	fresh = open_device(SAFE_DEVICE, O_RDWR);
	tap_is(reg_read(fresh, DSMIL_REG_STATUS, &value), 0, "a new one works");
	tap_is(module_load(&firmware, parameters()), EEXIST, "the module loads once");
	check_other();
	tap_is(reg_read(fresh, DSMIL_REG_STATUS, &value), 0, "the first goes on");
	close(fresh);
}

static void check_core(void)
{
	struct stat node;
	struct dsmil_info before = info_get(ctl), after;

	fstat(ctl, &node);
	tap_is(module_unload(&core), EWOULDBLOCK, "the core stays while a firmware needs it");
	tap_is(module_unload(&firmware), 0, "the firmware's module unloads again");
	tap_is(module_unload(&core), EWOULDBLOCK, "the core stays while files are open");
	close(device);
	close(ring);
	tap_is(module_unload(&core), EWOULDBLOCK, "until the last of them");
	close(ctl);
	tap_is(module_unload(&core), 0, "then it unloads");
	tap_is(access("/dev/dsmil/ctl", F_OK), -1, "ctl is gone");
	tap_ok(genl_ask(&genl, DSMIL_CMD_INFO_GET, 0, NULL, 0, NULL, NULL) != 0, "the netlink family is gone");

	tap_is(module_load(&core, "poll_interval_s=0"), 0, "it loads again");
	tap_is(module_load(&firmware, parameters()), 0, "and so does the firmware's module");
	ctl = open_node("ctl", O_RDONLY);
	after = info_get(ctl);
	tap_ok(memcmp(before.load_id, after.load_id, sizeof(after.load_id)) != 0, "the load has another id");
	tap_ok(after.audit_tail == 1 && after.audit_head == 2, "and a ring of its own");
	if (chown("/dev/dsmil/ctl", node.st_uid, node.st_gid))
		tap_diag("ctl does not get its owner back");
	close(ctl);
}

int main(int argc, char **argv)
{
	tap_start(argc, argv);
	firmware.name = module_is_loaded("dsmil_sim") ? "dsmil_sim" : "dsmil_dell";
	module_find(&core, option("core"));
	module_find(&firmware, option("firmware"));
	other.name = strcmp(firmware.name, "dsmil_sim") ? "dsmil_sim" : "dsmil_dell";
	module_find(&other, option("other"));
	ctl = open_node("ctl", O_RDONLY);
	device = open_device(SAFE_DEVICE, O_RDWR);
	ring = ctl < 0 ? -1 : ring_open(ctl);
	if (device < 0 || ring < 0 || genl_open(&genl))
		tap_bail("the nodes do not open; run this as root with a firmware module loaded and no daemon");
	if (!core.path[0] || !firmware.path[0] || (!other.path[0] && !on_user_mode_linux()))
		tap_bail("the modules are not in /lib/modules; name them with --core, --firmware and --other");

	ring_drain(ctl, ring);
	tap_is(module_unload(&firmware), 0, "the firmware's module unloads under open nodes");
	check_gone();
	check_record(DSMIL_EVENT_FIRMWARE_DETACHED, 0, "the ring still answers, and has a record of it");
	check_back();
	check_core();
	return tap_finish();
}
