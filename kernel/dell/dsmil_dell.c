// SPDX-License-Identifier: GPL-2.0-only
/* Firmware of a Dell machine, through the in-tree dell-smbios driver. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/slab.h>

#include "dell.h"
#include "dell_smbios.h"
#include "dsmil_floor.h"

/*
 * What is in the verdict's place before the call: a firmware that does not answer
 * at all (SMM where nobody listens leaves the buffer alone) must not look content.
 */
#define NO_VERDICT 99

static struct dsmil_floor *write_floor;

/*
 * The driver's backend (WMI or SMM) may go while we run, by unbinding it; the
 * tokens stay known, and every call fails until one is bound again.
 */
static void report_backend(int ret)
{
	static bool was_gone;
	bool gone = ret == -ENODEV;

	if (gone && !was_gone)
		pr_warn("dell-smbios has lost its way to the firmware; bind its WMI driver again, or load this module anew\n");
	if (!gone && was_gone)
		pr_info("dell-smbios reaches the firmware again\n");
	was_gone = gone;
}

static int call(u16 class, u16 location, u32 value, u32 *answer)
{
	struct calling_interface_buffer buffer = {
		.cmd_class = class,
		.cmd_select = SELECT_TOKEN_STD,
		.input = { location, value },
		.output = { NO_VERDICT },
	};
	int ret;

	ret = dell_smbios_call(&buffer);
	report_backend(ret);
	if (!ret)
		ret = dell_smbios_error(buffer.output[0]);
	if (!ret && answer)
		*answer = buffer.output[1];
	/* Verdicts that nobody has described are failures, and so is a lost way. */
	return ret && ret != -ENXIO ? -EIO : ret;
}

static int dell_read(u16 token, u16 location, u32 *value)
{
	return call(CLASS_TOKEN_READ, location, 0, value);
}

static int dell_write(u16 token, u16 location, u32 value)
{
	if (!dsmil_floor_allows(write_floor, location))
		return -EPERM;
	return call(CLASS_TOKEN_WRITE, location, value, NULL);
}

static struct dsmil_firmware_ops dell_ops __ro_after_init = {
	.name = "dell-smbios",
	.kind = DSMIL_FIRMWARE_DELL,
	.map = dell_map,
	.locate = dell_locate,
	.read = dell_read,
	.write = dell_write,
};

static int __init dsmil_dell_init(void)
{
	const struct dsmil_location *board;
	size_t count;
	int ret;

	ret = dell_board_read();
	if (ret)
		goto err_board;
	write_floor = kvmalloc(sizeof(*write_floor), GFP_KERNEL);
	if (!write_floor) {
		ret = -ENOMEM;
		goto err_board;
	}
	board = dell_map(&count);
	dsmil_floor_build(write_floor, board, count);
	dell_ops.read_only = !dell_symbols_trusted();
	ret = dsmil_register_firmware(&dell_ops);
	if (ret)
		goto err_register;
	return 0;

err_register:
	kvfree(write_floor);
err_board:
	dell_board_free();
	return ret;
}

static void __exit dsmil_dell_exit(void)
{
	dsmil_unregister_firmware(&dell_ops);
	kvfree(write_floor);
	dell_board_free();
}

module_init(dsmil_dell_init);
module_exit(dsmil_dell_exit);

MODULE_DESCRIPTION("DSMIL firmware devices of Dell machines");
MODULE_AUTHOR("The dsmil authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(DSMIL_MODULE_VERSION);
MODULE_SOFTDEP("pre: dell-smbios");
