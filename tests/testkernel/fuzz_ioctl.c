/* SPDX-License-Identifier: Apache-2.0 */
/* ioctls made out of the ABI's structs: the right fields, and then mistakes. */
#include "../kselftest/support.h"
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum field_kind {
	FIELD_END = 0,
	FIELD_ZERO,    /* reserved or flags */
	FIELD_OUT,
	FIELD_VALUE,
	FIELD_REG,
	FIELD_DEVICE,
	FIELD_COUNT,
	FIELD_STRIDE,  /* of devices */
	FIELD_OPERATION_STRIDE,
	FIELD_POINTER,
	FIELD_GRANT_LENGTH,
	FIELD_RING_KIND,
	FIELD_RING_BYTES,
	FIELD_SEQUENCE,
};

struct field {
	enum field_kind kind;
	unsigned offset;
	unsigned bytes;
};

#define F(type, name, field_kind) { field_kind, offsetof(struct type, name), sizeof(((struct type *)0)->name) }

#define FIELDS_MAX 8

static const struct call {
	unsigned long command;
	unsigned bytes;
	unsigned weight;
	struct field fields[FIELDS_MAX];
} calls[] = {
	{ DSMIL_IOC_INFO, sizeof(struct dsmil_info), 2, { F(dsmil_info, reserved, FIELD_ZERO) } },
	{ DSMIL_IOC_DEVICE_GET, sizeof(struct dsmil_device), 4,
	  { F(dsmil_device, id, FIELD_DEVICE), F(dsmil_device, reserved0, FIELD_ZERO),
	    F(dsmil_device, reserved2, FIELD_ZERO) } },
	{ DSMIL_IOC_DEVICE_LIST, sizeof(struct dsmil_device_list), 4,
	  { F(dsmil_device_list, first, FIELD_COUNT), F(dsmil_device_list, count, FIELD_COUNT),
	    F(dsmil_device_list, stride, FIELD_STRIDE), F(dsmil_device_list, reserved, FIELD_ZERO),
	    F(dsmil_device_list, devices, FIELD_POINTER) } },
	{ DSMIL_IOC_EVENT_RING, sizeof(struct dsmil_event_ring), 2,
	  { F(dsmil_event_ring, kind, FIELD_RING_KIND), F(dsmil_event_ring, flags, FIELD_ZERO),
	    F(dsmil_event_ring, fd, FIELD_OUT), F(dsmil_event_ring, bytes, FIELD_RING_BYTES),
	    F(dsmil_event_ring, reserved, FIELD_ZERO) } },
	{ DSMIL_IOC_RING_ADVANCE, sizeof(struct dsmil_ring_advance), 4,
	  { F(dsmil_ring_advance, reserved, FIELD_ZERO), F(dsmil_ring_advance, up_to, FIELD_SEQUENCE) } },
	{ DSMIL_IOC_GRANT_KEY_ADD, sizeof(struct dsmil_grant_key_add), 1,
	  { F(dsmil_grant_key_add, flags, FIELD_ZERO), F(dsmil_grant_key_add, point, FIELD_OUT),
	    F(dsmil_grant_key_add, owner, FIELD_OUT) } },
	{ DSMIL_IOC_REG_BATCH, sizeof(struct dsmil_reg_batch), 6,
	  { F(dsmil_reg_batch, flags, FIELD_ZERO), F(dsmil_reg_batch, count, FIELD_COUNT),
	    F(dsmil_reg_batch, stride, FIELD_OPERATION_STRIDE), F(dsmil_reg_batch, operations, FIELD_POINTER),
	    F(dsmil_reg_batch, reserved, FIELD_ZERO) } },
	{ DSMIL_IOC_REG_READ, sizeof(struct dsmil_reg_read), 8,
	  { F(dsmil_reg_read, reg, FIELD_REG), F(dsmil_reg_read, flags, FIELD_ZERO) } },
	{ DSMIL_IOC_REG_WRITE, sizeof(struct dsmil_reg_write), 16,
	  { F(dsmil_reg_write, reg, FIELD_REG), F(dsmil_reg_write, flags, FIELD_ZERO),
	    F(dsmil_reg_write, value, FIELD_VALUE), F(dsmil_reg_write, grant, FIELD_POINTER),
	    F(dsmil_reg_write, grant_length, FIELD_GRANT_LENGTH) } },
};

/* Two pages behind which there is nothing, and one that cannot be written. */
static char *arena, *sealed;
#define ARENA_BYTES 8192u

static uint64_t pointer(void)
{
	switch (roll(12)) {
	case 0:
		return 0;
	case 1:
		return (uintptr_t)(arena + ARENA_BYTES - roll(64)); /* runs out of the mapping */
	case 2:
		return (uintptr_t)sealed;
	case 3:
		return 0xFFFF888000000000u + roll(4096); /* the kernel's */
	case 4:
		return dice_roll(&fuzz.dice);
	default:
		return (uintptr_t)(arena + roll(16) * 64);
	}
}

static uint64_t odd_number(void)
{
	static const uint64_t numbers[] = { 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
					    0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF };

	return roll(3) ? numbers[roll(ARRAY_SIZE(numbers))] : dice_roll(&fuzz.dice);
}

static uint64_t good_value(enum field_kind kind)
{
	static const unsigned strides[] = { sizeof(struct dsmil_device), sizeof(struct dsmil_device) + 8, 4096 };

	switch (kind) {
	case FIELD_REG:
		return roll(DSMIL_REGISTER_COUNT);
	case FIELD_DEVICE:
		return DSMIL_DEVICE_ID_BASE + roll(DSMIL_DEVICE_COUNT);
	case FIELD_COUNT:
		return roll(24);
	case FIELD_STRIDE:
		return strides[roll(2)];
	case FIELD_OPERATION_STRIDE:
		return sizeof(struct dsmil_batch_operation);
	case FIELD_POINTER:
		return pointer();
	case FIELD_GRANT_LENGTH:
		return roll(2) ? 0 : DSMIL_GRANT_BYTES(1 + roll(2));
	case FIELD_RING_KIND:
		return 1 + roll(2);
	case FIELD_RING_BYTES:
		return roll(2) ? 0 : 4096u << roll(7);
	case FIELD_SEQUENCE:
		return roll(8192);
	case FIELD_VALUE:
	case FIELD_OUT:
		return dice_roll(&fuzz.dice);
	default:
		return 0;
	}
}

static void fill(char *request, const struct call *call)
{
	for (const struct field *field = call->fields; field < call->fields + FIELDS_MAX && field->kind; field++) {
		uint64_t value = roll(12) ? good_value(field->kind) : odd_number();

		/* A write mostly comes without a grant. */
		if (call->command == DSMIL_IOC_REG_WRITE && field->kind == FIELD_POINTER && roll(4))
			value = 0;
		for (unsigned at = 0; at < field->bytes; at += 8)
			memcpy(request + field->offset + at, &value, field->bytes - at < 8 ? field->bytes - at : 8);
	}
}

/* Operations of a batch, or a grant's bytes, or what was there before. */
static void fill_arena(void)
{
	if (roll(3) == 0)
		for (unsigned at = 0; at < ARENA_BYTES; at += 8)
			memcpy(arena + at, &(uint64_t){ dice_roll(&fuzz.dice) }, 8);
	for (unsigned at = 0; at + sizeof(struct dsmil_batch_operation) <= 2048;
	     at += sizeof(struct dsmil_batch_operation)) {
		struct dsmil_batch_operation operation = {
			.fd = any_fd(),
			.operation = (uint8_t)(roll(10) ? roll(2) : roll(256)),
			.reg = (uint8_t)(roll(10) ? roll(3) : roll(256)),
			.value = (uint32_t)dice_roll(&fuzz.dice),
			.reserved = (uint16_t)(roll(20) ? 0 : roll(65536)),
		};

		memcpy(arena + at, &operation, sizeof(operation));
	}
}

static uint32_t size_field(uint32_t bytes)
{
	static const uint32_t sizes[] = { 0, 1, 4, 8, 4095, 4096, 4097, 0x7FFFFFFF, 0xFFFFFFFF };

	switch (roll(12)) {
	case 0:
		return sizes[roll(ARRAY_SIZE(sizes))];
	case 1:
		return bytes - 1 - roll(bytes);
	case 2:
		return bytes + 1 + roll(64);
	default:
		return bytes;
	}
}

static const struct call *pick(void)
{
	static unsigned total;
	unsigned at;

	if (!total)
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
			total += calls[i].weight;
	at = roll(total);
	for (const struct call *call = calls;; call++) {
		if (at < call->weight)
			return call;
		at -= call->weight;
	}
}

void fuzz_ioctl(void)
{
	const struct call *call = pick();
	unsigned long command = call->command;
	char *request = arena + ARENA_BYTES / 2 - (roll(16) ? 0 : roll(8));
	int result;

	memset(arena + ARENA_BYTES / 2 - 8, 0, ARENA_BYTES / 2);
	if (call->command == DSMIL_IOC_REG_BATCH || roll(8) == 0)
		fill_arena();
	fill(request, call);
	memcpy(request, &(uint32_t){ size_field(call->bytes) }, sizeof(uint32_t));
	if (roll(16) == 0) /* behind what the kernel knows */
		request[call->bytes + roll(64)] = 1;
	if (roll(24) == 0)
		command ^= 1ul << roll(32);
	if (roll(32) == 0) {
		/* Another struct's bytes, at the end of the mapping, or no address at all. */
		request = (char *)(uintptr_t)pointer();
	}
	result = ioctl(any_fd(), command, request);
	if (result < 0)
		fuzz.refused++;
	else
		fuzz.done++;
}

/* Adding to the quarantine is for ever, so that only what is not written anyway is added. */
static void quarantine_something(void)
{
	struct dsmil_quarantine_add request = {
		.size = sizeof(request), .device_id = DSMIL_DEVICE_ID_BASE + 100, /* monitored */
	};
	int ctl = open_node("ctl", O_RDONLY);

	try_ioctl(ctl, DSMIL_IOC_QUARANTINE_ADD, &request);
	close(ctl);
}

int fuzz_ioctl_open(void)
{
	arena = mmap(NULL, ARENA_BYTES + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sealed = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (arena == MAP_FAILED || sealed == MAP_FAILED || mprotect(arena + ARENA_BYTES, 4096, PROT_NONE))
		return errno;
	quarantine_something();
	return 0;
}
