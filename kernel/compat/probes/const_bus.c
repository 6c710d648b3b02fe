// SPDX-License-Identifier: GPL-2.0-only
/* 6.4: attributes of a bus take a const bus. */
#include <linux/device.h>

static ssize_t store(const struct bus_type *bus, const char *buf, size_t count)
{
	return count;
}

const struct bus_attribute probe = { .store = store };
