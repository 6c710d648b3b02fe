// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>

#include "statistics.h"

static struct dsmil_statistics devices[DSMIL_DEVICE_COUNT]; /* under the firmware lock */

void dsmil_statistics_note(const struct dsmil_register_operation *operation, bool called)
{
	struct dsmil_statistics *device = &devices[dsmil_token_device(operation->token)];

	if (!operation->decision.allowed) {
		device->refused++;
	} else if (called) {
		if (operation->operation == DSMIL_OPERATION_WRITE)
			device->writes++;
		else
			device->reads++;
		device->firmware_errors += !!operation->result;
	}
}

int dsmil_statistics_of(u16 number, struct dsmil_statistics *statistics)
{
	const struct dsmil_firmware_ops *ops = dsmil_firmware_lock_killable();

	if (IS_ERR(ops))
		return PTR_ERR(ops);
	*statistics = devices[number];
	dsmil_firmware_unlock();
	return 0;
}
