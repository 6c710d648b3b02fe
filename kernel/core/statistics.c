// SPDX-License-Identifier: GPL-2.0-only
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

struct dsmil_statistics dsmil_statistics_of(u16 number)
{
	struct dsmil_statistics statistics;

	dsmil_firmware_lock();
	statistics = devices[number];
	dsmil_firmware_unlock();
	return statistics;
}
