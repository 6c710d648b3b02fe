// SPDX-License-Identifier: GPL-2.0-only
/* 6.3: callbacks of struct device_type take a const device. */
#include <linux/device.h>

static int uevent(const struct device *dev, struct kobj_uevent_env *env)
{
	return 0;
}

const struct device_type probe = { .uevent = uevent };
