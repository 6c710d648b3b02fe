// SPDX-License-Identifier: GPL-2.0-only
/* The two ways to a register. Everything that reads or writes one comes here. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "audit.h"
#include "core.h"
#include "grants.h"
#include "quarantine.h"
#include "statistics.h"
#include "status.h"
#include "trace.h"

static struct dsmil_statistics statistics; /* under the firmware lock */

/* What the board and the quarantine say, worked out once. Under the firmware lock. */
static struct dsmil_guard_table table;

void dsmil_registers_rebuild(const struct dsmil_firmware_ops *ops)
{
	size_t count;
	const struct dsmil_location *map = ops->map(&count);

	dsmil_guard_make_table(&table, map, count, dsmil_quarantine_list());
}

struct dsmil_guard_decision dsmil_register_outlook(const struct dsmil_firmware_ops *ops, u16 token)
{
	struct dsmil_guard_request request = {
		.operation = DSMIL_OPERATION_WRITE,
		.token = token,
		.has_rawio = true,
		.firmware_read_only = ops->read_only,
	};

	request.location_known = !ops->locate(token, &request.location);
	return dsmil_guard_decide(&table, &request);
}

struct dsmil_statistics dsmil_register_statistics(void)
{
	return statistics;
}

/* The firmware, under its lock, if the caller's epoch still lasts and it has the register. */
static const struct dsmil_firmware_ops *lock_register(u16 token, u32 epoch)
{
	const struct dsmil_firmware_ops *ops = dsmil_firmware_lock_killable();

	if (IS_ERR(ops))
		return ops;
	if (!ops || epoch != dsmil_firmware_epoch() || !dsmil_register_present(token)) {
		dsmil_firmware_unlock();
		return ERR_PTR(-ENODEV);
	}
	return ops;
}

static void call_read(const struct dsmil_firmware_ops *ops, u16 location,
		      struct dsmil_register_operation *operation)
{
	operation->value = 0;
	operation->result = ops->read(operation->token, location, &operation->value);
	if (operation->result)
		operation->value = 0;
	statistics.reads++;
	statistics.firmware_errors += !!operation->result;
}

static void call_write(const struct dsmil_firmware_ops *ops, u16 location,
		       struct dsmil_register_operation *operation)
{
	operation->result = ops->write(operation->token, location, operation->value);
	statistics.writes++;
	statistics.firmware_errors += !!operation->result;
}

static void add_caller(struct dsmil_guard_request *request, const struct dsmil_firmware_ops *ops,
		       u32 value)
{
	request->has_rawio = capable(CAP_SYS_RAWIO);
	request->uid = from_kuid(&init_user_ns, current_euid());
	request->now_ns = ktime_get_boottime_ns();
	memcpy(request->load_id, dsmil_load_id(), sizeof(request->load_id));
	request->firmware_kind = ops->kind;
	request->firmware_read_only = ops->read_only;
	request->value = value;
}

/*
 * The value that a grant expects is only read where the firmware's answer is all
 * that is missing: nobody has it read by a grant that opens nothing.
 */
static struct dsmil_guard_decision
decide_with_grant(const struct dsmil_firmware_ops *ops, struct dsmil_guard_request *request,
		  const struct dsmil_guard_grant *grant)
{
	struct dsmil_register_operation old = { .token = request->token };
	struct dsmil_guard_decision decision;

	request->old_known = true;
	request->old_value = grant->old_value;
	decision = dsmil_guard_decide(&table, request);
	if (!decision.allowed || !grant->expects_old)
		return decision;
	call_read(ops, request->location, &old);
	request->old_known = !old.result;
	request->old_value = old.value;
	return dsmil_guard_decide(&table, request);
}

/* Apart, for a read need not clear the grant that it has on its stack. */
static noinline struct dsmil_guard_decision
decide_write(const struct dsmil_firmware_ops *ops, struct dsmil_guard_request *request,
	     const struct dsmil_register_operation *operation)
{
	struct dsmil_guard_grant grant;
	struct dsmil_guard_decision decision;

	add_caller(request, ops, operation->value);
	decision = dsmil_guard_decide(&table, request);
	/* No grant opens these: its signatures need not be checked. */
	if (!operation->grant || decision.rule_risk >= DSMIL_RISK_LOCKED)
		return decision;
	dsmil_grant_examine(operation->grant, &grant);
	request->grant = &grant;
	return decide_with_grant(ops, request, &grant);
}

u64 dsmil_tick_clock_ns(struct dsmil_tick_clock *clock)
{
	if (!clock->ns || time_after(jiffies, clock->tick)) {
		clock->tick = jiffies;
		clock->ns = ktime_get_boottime_ns();
	}
	return clock->ns;
}

void dsmil_register_perform(const struct dsmil_firmware_ops *ops,
			    struct dsmil_register_operation *operation)
{
	struct dsmil_guard_request request = {
		.operation = operation->operation,
		.token = operation->token,
	};
	bool is_read = operation->operation == DSMIL_OPERATION_READ;

	request.location_known = !ops->locate(operation->token, &request.location);
	operation->decided = true;
	operation->decision = is_read ? dsmil_guard_decide(&table, &request) :
					decide_write(ops, &request, operation);
	if (!operation->decision.allowed) {
		operation->result = -EPERM;
		statistics.refused++;
	} else if (!request.location_known) {
		operation->result = -ENXIO;
	} else if (is_read) {
		call_read(ops, request.location, operation);
	} else {
		if (operation->grant)
			dsmil_grant_burn(operation->grant);
		call_write(ops, request.location, operation);
	}
	operation->time_ns = operation->clock ? dsmil_tick_clock_ns(operation->clock) :
						ktime_get_boottime_ns();
	dsmil_statistics_note(operation, request.location_known);
	if (operation->decision.allowed)
		dsmil_status_note(operation);
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
	if (operation->grant)
		dsmil_grant_describe(operation->grant, event);
}

int dsmil_register_read(u32 epoch, struct dsmil_register_operation *operation)
{
	const struct dsmil_firmware_ops *ops;
	struct dsmil_event *event;

	operation->operation = DSMIL_OPERATION_READ;
	ops = lock_register(operation->token, epoch);
	if (IS_ERR(ops))
		return PTR_ERR(ops);

	dsmil_register_perform(ops, operation);
	event = dsmil_audit_begin(DSMIL_EVENT_READ, operation->time_ns);
	describe(event, ops, operation);
	operation->sequence = dsmil_audit_end(event);
	trace_dsmil_read(event);

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

/* Apart from those that are told of nobody: an event on the stack is 192 bytes to clear. */
static noinline void tell(const struct dsmil_firmware_ops *ops,
			  const struct dsmil_register_operation *operation)
{
	struct dsmil_event event = {};

	dsmil_audit_prepare_at(&event, DSMIL_EVENT_READ, operation->time_ns);
	describe(&event, ops, operation);
	if (!operation->decision.allowed) {
		trace_dsmil_refused(&event);
		report_refusal(&event);
	} else if (operation->operation == DSMIL_OPERATION_WRITE) {
		trace_dsmil_write(&event);
	} else {
		trace_dsmil_read(&event);
	}
}

void dsmil_register_note(const struct dsmil_firmware_ops *ops,
			 const struct dsmil_register_operation *operation)
{
	if (!operation->decision.allowed || trace_dsmil_read_enabled() ||
	    trace_dsmil_write_enabled())
		tell(ops, operation);
}

int dsmil_register_write(u32 epoch, struct dsmil_register_operation *operation)
{
	const struct dsmil_firmware_ops *ops;
	struct dsmil_event event = {};
	int ret;

	operation->operation = DSMIL_OPERATION_WRITE;
	operation->decided = false;
	/* Before anything happens: a write that cannot be recorded is not done. */
	ret = dsmil_audit_reserve(1);
	if (ret)
		return ret;
	ops = lock_register(operation->token, epoch);
	if (IS_ERR(ops)) {
		dsmil_audit_release(1);
		return PTR_ERR(ops);
	}

	dsmil_register_perform(ops, operation);
	if (operation->decision.allowed) {
		dsmil_audit_prepare_at(&event, DSMIL_EVENT_WRITE, operation->time_ns);
		describe(&event, ops, operation);
		operation->sequence = dsmil_audit_commit(&event, 1);
		trace_dsmil_write(&event);
	} else {
		dsmil_audit_release(1);
		dsmil_audit_prepare_at(&event, DSMIL_EVENT_REFUSED, operation->time_ns);
		describe(&event, ops, operation);
		operation->sequence = dsmil_audit_record(&event, 1, 1);
		trace_dsmil_refused(&event);
		report_refusal(&event);
	}
	dsmil_firmware_unlock();
	return operation->result;
}
