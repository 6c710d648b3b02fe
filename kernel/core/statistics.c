// SPDX-License-Identifier: GPL-2.0-only
#include "statistics.h"

static struct dsmil_statistics devices[DSMIL_DEVICE_COUNT];
static struct dsmil_register_last registers[DSMIL_TOKEN_COUNT];
static u32 registers_epoch; /* of the firmware that registers[] is about */

static void note_read(const struct dsmil_register_operation *operation)
{
	struct dsmil_register_last *last = &registers[operation->token - DSMIL_TOKEN_BASE];

	if (registers_epoch != dsmil_firmware_epoch()) {
		memset(registers, 0, sizeof(registers));
		registers_epoch = dsmil_firmware_epoch();
	}
	last->time_ns = operation->time_ns;
	last->result = operation->result;
	if (!operation->result) {
		last->has_value = true;
		last->value = operation->value;
	}
}

void dsmil_statistics_note(const struct dsmil_register_operation *operation, bool called)
{
	struct dsmil_statistics *device = &devices[dsmil_token_device(operation->token)];

	if (operation->operation == DSMIL_OPERATION_READ)
		note_read(operation);
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

struct dsmil_register_last dsmil_register_last(u16 token)
{
	if (registers_epoch != dsmil_firmware_epoch())
		return (struct dsmil_register_last){};
	return registers[token - DSMIL_TOKEN_BASE];
}
