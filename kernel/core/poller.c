// SPDX-License-Identifier: GPL-2.0-only
#include <crypto/sha2.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "audit.h"
#include "core.h"
#include "poller.h"
#include "status.h"

#define INTERVAL_MIN_S 5
#define INTERVAL_MAX_S 86400
#define DELL_INTERVAL_S 60
#define REST_MIN_US 100
#define REST_MAX_US 10000 /* also how late the poller may notice that it is to stop */

/* What the digest of a sweep is over, one for each register read. */
struct sweep_answer {
	__le16 token;
	__le32 value;
	__le32 result;
} __packed;

/* Of the work alone, and of start and stop while it does not run. */
static struct {
	u32 next; /* register, counted from DSMIL_TOKEN_BASE */
	u32 count;
	u32 errors;
	u64 call_us; /* how long the last firmware call took */
	struct sweep_answer answers[DSMIL_TOKEN_COUNT];
} sweep;

static void poll_register(struct work_struct *work);
static DECLARE_DELAYED_WORK(poll_work, poll_register);

/* Serialises starting, stopping and changes of the interval. */
static DEFINE_MUTEX(poller_lock);
static u8 attached_kind;    /* DSMIL_FIRMWARE_NONE: nothing to poll. The work reads it, too. */
static int interval_s = -1; /* -1: by the kind of firmware */
static bool poll_data;

static unsigned long interval_jiffies(void)
{
	int seconds = READ_ONCE(interval_s);

	if (seconds < 0)
		seconds = READ_ONCE(attached_kind) == DSMIL_FIRMWARE_DELL ? DELL_INTERVAL_S : 0;
	return (unsigned long)seconds * HZ;
}

/* --------------------------------------------------------------- sweep -- */

static void record_change(const struct dsmil_firmware_ops *ops,
			  const struct dsmil_register_operation *operation, u32 before)
{
	struct dsmil_event event = {};

	dsmil_audit_prepare(&event, DSMIL_EVENT_CHANGED);
	event.firmware_kind = ops->kind;
	event.device_id = DSMIL_DEVICE_ID_BASE + dsmil_token_device(operation->token);
	event.token = operation->token;
	event.reg = (operation->token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT;
	event.rule_token = operation->decision.rule_token;
	event.risk = operation->decision.rule_risk;
	event.reason = operation->decision.reason;
	event.value = operation->value;
	event.detail.changed.before = before;
	dsmil_audit_record(&event, 1, 1);
}

static void record_sweep(const struct dsmil_firmware_ops *ops)
{
	struct dsmil_event event = {};

	dsmil_audit_prepare(&event, DSMIL_EVENT_SWEEP);
	event.firmware_kind = ops->kind;
	event.count = sweep.count;
	event.value = sweep.errors;
	sha256((const u8 *)sweep.answers, sweep.count * sizeof(sweep.answers[0]),
	       event.detail.digest);
	dsmil_audit_record(&event, 1, 1);
}

static void read_register(const struct dsmil_firmware_ops *ops, u16 token)
{
	struct dsmil_register_operation operation = {
		.token = token,
		.operation = DSMIL_OPERATION_READ,
	};
	struct sweep_answer *answer = &sweep.answers[sweep.count++];
	u32 before;
	bool was_known = dsmil_status_value(token, &before);

	dsmil_register_perform(ops, &operation);
	dsmil_register_note(ops, &operation);
	answer->token = cpu_to_le16(token);
	answer->value = cpu_to_le32(operation.value);
	answer->result = cpu_to_le32(operation.result);
	sweep.errors += !!operation.result;
	if (!operation.result && was_known && operation.value != before)
		record_change(ops, &operation, before);
}

static bool is_polled(u16 token)
{
	bool is_data = (token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT == DSMIL_REG_DATA;

	return dsmil_register_present(token) && (!is_data || READ_ONCE(poll_data));
}

/* Reads the next register that there is; says whether there may be more. */
static bool advance_sweep(const struct dsmil_firmware_ops *ops)
{
	while (sweep.next < DSMIL_TOKEN_COUNT) {
		u16 token = DSMIL_TOKEN_BASE + sweep.next++;

		if (is_polled(token)) {
			read_register(ops, token);
			return true;
		}
	}
	record_sweep(ops);
	dsmil_status_swept();
	return false;
}

static void begin_sweep(void)
{
	sweep.next = 0;
	sweep.count = 0;
	sweep.errors = 0;
}

/* As long as the last call took: half of the firmware's time is for others. */
static void rest(void)
{
	u32 rest_us = clamp_t(u64, sweep.call_us, REST_MIN_US, REST_MAX_US);

	usleep_range(rest_us, 2 * rest_us);
}

static void poll_register(struct work_struct *work)
{
	const struct dsmil_firmware_ops *ops;
	bool more = true;
	u64 start_ns;

	if (sweep.next)
		rest();
	ops = dsmil_firmware_lock();
	start_ns = ktime_get_ns();
	if (ops)
		more = advance_sweep(ops);
	sweep.call_us = (ktime_get_ns() - start_ns) / NSEC_PER_USEC;
	dsmil_firmware_unlock();
	if (!ops)
		return;
	if (!more)
		begin_sweep();
	queue_delayed_work(system_freezable_wq, &poll_work, more ? 0 : interval_jiffies());
}

/* ------------------------------------------------------ start and stop -- */

static void restart(void)
{
	cancel_delayed_work_sync(&poll_work);
	begin_sweep();
	if (attached_kind != DSMIL_FIRMWARE_NONE && interval_jiffies())
		queue_delayed_work(system_freezable_wq, &poll_work, 0);
}

void dsmil_poller_start(u8 firmware_kind)
{
	mutex_lock(&poller_lock);
	WRITE_ONCE(attached_kind, firmware_kind);
	restart();
	mutex_unlock(&poller_lock);
}

void dsmil_poller_stop(void)
{
	mutex_lock(&poller_lock);
	WRITE_ONCE(attached_kind, DSMIL_FIRMWARE_NONE);
	restart();
	mutex_unlock(&poller_lock);
}

/* ---------------------------------------------------------- parameters -- */

static int set_interval(const char *text, const struct kernel_param *parameter)
{
	unsigned int seconds;
	int ret = kstrtouint(text, 10, &seconds);

	if (ret)
		return ret;
	if (seconds && (seconds < INTERVAL_MIN_S || seconds > INTERVAL_MAX_S))
		return -EINVAL;
	mutex_lock(&poller_lock);
	WRITE_ONCE(interval_s, seconds);
	restart();
	mutex_unlock(&poller_lock);
	return 0;
}

static const struct kernel_param_ops interval_ops = {
	.set = set_interval,
	.get = param_get_int,
};

module_param_cb(poll_interval_s, &interval_ops, &interval_s, 0644);
MODULE_PARM_DESC(poll_interval_s,
		 "seconds between sweeps of the poller, 5 to 86400; 0: never (default: 60 on dell, 0 on sim)");
module_param(poll_data, bool, 0644);
MODULE_PARM_DESC(poll_data, "whether the poller reads DATA registers too (default: no)");
