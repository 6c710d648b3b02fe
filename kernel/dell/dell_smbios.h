/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the in-tree driver dell-smbios exports. It keeps its header to itself
 * (drivers/platform/x86/dell/dell-smbios.h), so this repeats it.
 */
#ifndef DSMIL_DELL_SMBIOS_H
#define DSMIL_DELL_SMBIOS_H

#include <linux/build_bug.h>
#include <linux/types.h>
#include <uapi/linux/wmi.h>

struct dell_smbios_token {
	u16 id;
	u16 location;
	u16 value;
};

static_assert(sizeof(struct dell_smbios_token) == 6);
static_assert(sizeof(struct calling_interface_buffer) == 36);

/* Calls the firmware: 0 if it answered, and output[0] is its verdict. */
int dell_smbios_call(struct calling_interface_buffer *buffer);
/* A verdict as an errno: -1 is -EIO, -2 is -ENXIO. */
int dell_smbios_error(int value);
/* The first token of that number, NULL if there is none. */
struct dell_smbios_token *dell_smbios_find_token(int id);

#endif /* DSMIL_DELL_SMBIOS_H */
