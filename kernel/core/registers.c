// SPDX-License-Identifier: GPL-2.0-only
/* The two ways to a register. Everything that reads or writes one comes here. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/ktime.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "audit.h"
#include "core.h"
#include "trace.h"

static struct dsmil_statistics statistics; /* under the firmware lock */

static struct dsmil_guard_decision ask_guard(const struct dsmil_firmware_ops *ops,
					     struct dsmil_guard_request *request)
{
	request->firmware_read_only = ops->read_only;
	request->map = ops->map(&request->map_count);
	request->location_known = !ops->locate(request->token, &request->location);
	return dsmil_guard_decide(request);
}

struct dsmil_guard_decision dsmil_register_outlook(const struct dsmil_firmware_ops *ops, u16 token)
{
	struct dsmil_guard_request request = {
		.operation = DSMIL_OPERATION_WRITE,
		.token = token,
		.has_rawio = true,
	};

	return ask_guard(ops, &request);
}

struct dsmil_statistics dsmil_register_statistics(void)
{
	return statistics;
}

/* The firmware, under its lock, if the caller's epoch still lasts and it has the register. */
static const struct dsmil_firmware_ops *lock_register(u16 token, u32 epoch)
{
	const struct dsmil_firmware_ops *ops = dsmil_firmware_lock();

	if (!ops || epoch != dsmil_firmware_epoch() || !dsmil_register_present(token)) {
		dsmil_firmware_unlock();
		return NULL;
	}
	return ops;
}

void dsmil_register_perform(const struct dsmil_firmware_ops *ops,
			    struct dsmil_register_operation *operation)
{
	struct dsmil_guard_request request = {
		.operation = operation->operation,
		.token = operation->token,
		.has_rawio = operation->operation == DSMIL_OPERATION_WRITE &&
			     capable(CAP_SYS_RAWIO),
	};

	operation->decided = true;
	operation->decision = ask_guard(ops, &request);
	if (!operation->decision.allowed) {
		operation->result = -EPERM;
		statistics.refused++;
	} else if (!request.location_known) {
		operation->result = -ENXIO;
	} else if (operation->operation == DSMIL_OPERATION_WRITE) {
		operation->result = ops->write(operation->token, request.location,
					       operation->value);
		statistics.writes++;
		statistics.firmware_errors += !!operation->result;
	} else {
		operation->value = 0;
		operation->result = ops->read(operation->token, request.location,
					      &operation->value);
		if (operation->result)
			operation->value = 0;
		statistics.reads++;
		statistics.firmware_errors += !!operation->result;
	}
	operation->time_ns = ktime_get_boottime_ns();
}

/* The event of one operation, but for what dsmil_audit_prepare() fills in. */
static void describe(struct dsmil_event *event, const struct dsmil_firmware_ops *ops,
		     const struct dsmil_register_operation *operation)
{
	event->firmware_kind = ops->kind;
	event->device_id = DSMIL_DEVICE_ID_BASE + dsmil_token_device(operation->token);
	event->token = operation->token;
	event->reg = (operation->token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT;
	event->rule_token = operation->decision.rule_token;
	event->risk = operation->decision.rule_risk;
	event->reason = operation->decision.reason;
	event->value = operation->value;
	event->result = operation->result;
}

int dsmil_register_read(u32 epoch, struct dsmil_register_operation *operation)
{
	const struct dsmil_firmware_ops *ops;
	struct dsmil_event event;

	operation->operation = DSMIL_OPERATION_READ;
	ops = lock_register(operation->token, epoch);
	if (!ops)
		return -ENODEV;

	dsmil_register_perform(ops, operation);
	dsmil_audit_prepare(&event, DSMIL_EVENT_READ);
	describe(&event, ops, operation);
	operation->sequence = dsmil_audit_record(&event);
	trace_dsmil_read(&event);

	dsmil_firmware_unlock();
	return operation->result;
}

static void report_refusal(const struct dsmil_event *event)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);

	if (!__ratelimit(&limit))
		return;
	pr_warn("%s[%u] uid %u: write to %s of device %04x (token 0x%04x) refused: %s, by token 0x%04x\n",
		event->comm, event->pid, event->uid, dsmil_register_names[event->reg],
		event->device_id, event->token, dsmil_reason_names[event->reason],
		event->rule_token);
}

int dsmil_register_write(u32 epoch, struct dsmil_register_operation *operation)
{
	const struct dsmil_firmware_ops *ops;
	struct dsmil_event event;
	int ret;

	operation->operation = DSMIL_OPERATION_WRITE;
	operation->decided = false;
	/* Before anything happens: a write that cannot be recorded is not done. */
	ret = dsmil_audit_reserve();
	if (ret)
		return ret;
	ops = lock_register(operation->token, epoch);
	if (!ops) {
		dsmil_audit_release();
		return -ENODEV;
	}

	dsmil_register_perform(ops, operation);
	if (operation->decision.allowed) {
		dsmil_audit_prepare(&event, DSMIL_EVENT_WRITE);
		describe(&event, ops, operation);
		operation->sequence = dsmil_audit_commit(&event);
		trace_dsmil_write(&event);
	} else {
		dsmil_audit_release();
		dsmil_audit_prepare(&event, DSMIL_EVENT_REFUSED);
		describe(&event, ops, operation);
		operation->sequence = dsmil_audit_record(&event);
		trace_dsmil_refused(&event);
		report_refusal(&event);
	}
	dsmil_firmware_unlock();
	return operation->result;
}
