// SPDX-License-Identifier: GPL-2.0-only
/* The two ways to a register. Everything that reads or writes one comes here. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "audit.h"
#include "core.h"
#include "trace.h"

static struct dsmil_statistics statistics; /* under the firmware lock */

static struct dsmil_guard_decision ask_guard(const struct dsmil_firmware_ops *ops,
					     struct dsmil_guard_request *request)
{
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

static void describe(struct dsmil_event *event, const struct dsmil_firmware_ops *ops, u16 token,
		     const struct dsmil_guard_decision *decision)
{
	event->firmware_kind = ops->kind;
	event->device_id = DSMIL_DEVICE_ID_BASE + dsmil_token_device(token);
	event->token = token;
	event->reg = (token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT;
	event->rule_token = decision->rule_token;
	event->risk = decision->rule_risk;
	event->reason = decision->reason;
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

int dsmil_register_read(u16 token, u32 epoch, u32 *value, u64 *time_ns)
{
	struct dsmil_guard_request request = { .operation = DSMIL_OPERATION_READ, .token = token };
	struct dsmil_guard_decision decision;
	struct dsmil_event event;
	const struct dsmil_firmware_ops *ops;
	int ret;

	ops = lock_register(token, epoch);
	if (!ops)
		return -ENODEV;

	*value = 0;
	decision = ask_guard(ops, &request);
	if (!decision.allowed) {
		ret = -EPERM;
	} else if (!request.location_known) {
		ret = -ENXIO;
	} else {
		ret = ops->read(token, request.location, value);
		statistics.reads++;
		statistics.firmware_errors += !!ret;
	}
	dsmil_audit_prepare(&event, DSMIL_EVENT_READ);
	describe(&event, ops, token, &decision);
	event.value = ret ? 0 : *value;
	event.result = ret;
	*time_ns = event.boottime_ns;
	dsmil_audit_record(&event);
	trace_dsmil_read(&event);

	dsmil_firmware_unlock();
	return ret;
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

int dsmil_register_write(u16 token, u32 epoch, u32 value, bool *decided,
			 struct dsmil_guard_decision *decision, u64 *sequence)
{
	struct dsmil_guard_request request = {
		.operation = DSMIL_OPERATION_WRITE,
		.token = token,
		.has_rawio = capable(CAP_SYS_RAWIO),
	};
	struct dsmil_event event;
	const struct dsmil_firmware_ops *ops;
	int ret;

	*decided = false;
	/* Before anything happens: a write that cannot be recorded is not done. */
	ret = dsmil_audit_reserve();
	if (ret)
		return ret;
	ops = lock_register(token, epoch);
	if (!ops) {
		dsmil_audit_release();
		return -ENODEV;
	}

	*decided = true;
	*decision = ask_guard(ops, &request);
	if (!decision->allowed) {
		dsmil_audit_release();
		ret = -EPERM;
		dsmil_audit_prepare(&event, DSMIL_EVENT_REFUSED);
	} else {
		ret = ops->write(token, request.location, value);
		dsmil_audit_prepare(&event, DSMIL_EVENT_WRITE);
	}
	describe(&event, ops, token, decision);
	event.value = value;
	event.result = ret;

	if (!decision->allowed) {
		statistics.refused++;
		*sequence = dsmil_audit_record(&event);
		trace_dsmil_refused(&event);
		report_refusal(&event);
	} else {
		statistics.writes++;
		statistics.firmware_errors += !!ret;
		*sequence = dsmil_audit_commit(&event);
		trace_dsmil_write(&event);
	}
	dsmil_firmware_unlock();
	return ret;
}
