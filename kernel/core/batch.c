// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/file.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "audit.h"
#include "batch.h"
#include "core.h"
#include "grants.h"

/* One batch at a time may hold slots of the audit ring: together they could take all. */
static DEFINE_MUTEX(reserving);

/* How long a batch may keep others from the firmware: the call under way comes on top. */
#define HOLD_NS (10 * NSEC_PER_MSEC)

struct target {
	u16 token; /* 0: no register */
	s16 error; /* why not */
	u32 epoch;
};

struct batch {
	struct dsmil_reg_batch request;
	struct dsmil_batch_operation *operations;
	/* Of each operation: what its descriptor names. */
	struct target *targets;
	/* Of each operation: NULL if it has none. All of them are in the one allocation. */
	const struct dsmil_grant **grants;
	struct dsmil_grant *grant_store;
	u32 grant_count;
	/* BATCH, its parts, and a BATCH_GRANT for each grant that reached the guard. */
	struct dsmil_event *events;
	u32 part_count;
	u32 event_count;
	u32 reserved;	 /* slots of the audit ring */
	u32 decided;	 /* operations that reached the guard */
	u32 writes_done; /* of them, writes that it allowed */
	u8 firmware_kind; /* of what decided */

	/* The descriptor of the last operation: the next one often names it again. */
	bool has_file;
	s32 fd;
	int file_error;
	u16 number;
	u32 epoch;
	fmode_t mode;
};

/* ---------------------------------------------------- request and reply -- */

static int check_request(const struct dsmil_reg_batch *request)
{
	if (request->flags & ~DSMIL_BATCH_STOP || request->reserved || !request->count)
		return -EINVAL;
	if (request->count > DSMIL_BATCH_MAX)
		return -E2BIG;
	if (request->stride < sizeof(struct dsmil_batch_operation) || request->stride > PAGE_SIZE)
		return -EINVAL;
	return 0;
}

static void __user *user_operation(const struct batch *batch, u32 index)
{
	return u64_to_user_ptr(batch->request.operations) + (size_t)index * batch->request.stride;
}

static int copy_in(struct batch *batch)
{
	size_t known = sizeof(*batch->operations);
	u32 i;
	int ret;

	if (batch->request.stride == known)
		return copy_from_user(batch->operations, user_operation(batch, 0),
				      batch->request.count * known) ? -EFAULT : 0;
	for (i = 0; i < batch->request.count; i++) {
		ret = copy_struct_from_user(&batch->operations[i], known,
					    user_operation(batch, i), batch->request.stride);
		if (ret)
			return ret;
	}
	return 0;
}

static bool has_grant(const struct dsmil_batch_operation *operation)
{
	return operation->operation == DSMIL_BATCH_WRITE && operation->grant;
}

/* Before the firmware lock: user memory may be slow to come. */
static int copy_grants(struct batch *batch)
{
	u32 i, count = 0;
	int ret;

	for (i = 0; i < batch->request.count; i++)
		count += has_grant(&batch->operations[i]);
	if (count > DSMIL_BATCH_GRANTS_MAX)
		return -E2BIG;
	batch->grant_count = count;
	if (!count)
		return 0;
	batch->grants = kvcalloc(batch->request.count, sizeof(*batch->grants), GFP_KERNEL_ACCOUNT);
	batch->grant_store = kvmalloc_array(count, sizeof(*batch->grant_store),
					    GFP_KERNEL_ACCOUNT);
	if (!batch->grants || !batch->grant_store)
		return -ENOMEM;
	count = 0;
	for (i = 0; i < batch->request.count; i++) {
		const struct dsmil_batch_operation *operation = &batch->operations[i];

		if (!has_grant(operation))
			continue;
		ret = dsmil_grant_from_user(&batch->grant_store[count], operation->grant,
					    operation->grant_length);
		if (ret)
			return ret;
		batch->grants[i] = &batch->grant_store[count++];
	}
	return 0;
}

static int copy_out(const struct batch *batch)
{
	size_t known = sizeof(*batch->operations);
	u32 i;

	if (batch->request.stride == known)
		return copy_to_user(user_operation(batch, 0), batch->operations,
				    batch->request.count * known) ? -EFAULT : 0;
	for (i = 0; i < batch->request.count; i++)
		if (copy_to_user(user_operation(batch, i), &batch->operations[i], known))
			return -EFAULT;
	return 0;
}

static bool begins_page(const struct batch *batch, u32 index)
{
	unsigned long at = (unsigned long)user_operation(batch, index);

	return at / PAGE_SIZE != (at - batch->request.stride) / PAGE_SIZE;
}

/*
 * Answers that cannot be given back must fail before anything is done, not after: of
 * each page that takes results, one is written.
 */
static int try_copy_out(const struct batch *batch, struct dsmil_reg_batch __user *arg)
{
	u32 last = batch->request.count - 1, i;

	for (i = 0; i <= last; i++)
		if ((i == 0 || i == last || begins_page(batch, i)) &&
		    copy_to_user(user_operation(batch, i), &batch->operations[i],
				 sizeof(*batch->operations)))
			return -EFAULT;
	return copy_to_user(arg, &batch->request, sizeof(batch->request)) ? -EFAULT : 0;
}

/* Every result as it is if nothing is done. */
static void clear_results(struct batch *batch)
{
	u32 i;

	for (i = 0; i < batch->request.count; i++) {
		struct dsmil_batch_operation *operation = &batch->operations[i];

		operation->result = -ECANCELED;
		operation->rule_token = 0;
		operation->reason = 0;
		operation->rule_risk = 0;
	}
	batch->request.failed = batch->request.count;
	batch->request.sequence = 0;
}

/* ---------------------------------------------------------- operations -- */

static void look_up(struct batch *batch, s32 fd)
{
	struct file *file;

	if (batch->has_file && batch->fd == fd)
		return;
	batch->has_file = true;
	batch->fd = fd;
	batch->file_error = -EBADF;
	file = fget(fd);
	if (!file)
		return;
	batch->file_error = dsmil_chardev_device(file, &batch->number, &batch->epoch);
	batch->mode = file->f_mode;
	fput(file);
}

/* Which register the operation means, by the rules of the device's own node. */
static int resolve(struct batch *batch, const struct dsmil_batch_operation *operation, u16 *token)
{
	look_up(batch, operation->fd);
	if (batch->file_error)
		return batch->file_error;
	if (operation->operation > DSMIL_BATCH_WRITE || operation->reserved)
		return -EINVAL;
	if (!(batch->mode & (operation->operation == DSMIL_BATCH_WRITE ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (operation->operation == DSMIL_BATCH_READ &&
	    (operation->grant || operation->grant_length))
		return -EINVAL;
	if (operation->reg >= DSMIL_REGISTER_COUNT)
		return -ERANGE;
	if (operation->grant_length && !operation->grant)
		return -EINVAL;
	*token = DSMIL_TOKEN_BASE + batch->number * DSMIL_REGISTER_COUNT + operation->reg;
	return 0;
}

/*
 * Of all of them, before anything is done; says whether a write is among them that its
 * caller may ask for. Who may not write any register takes no room from those who may.
 */
static bool resolve_all(struct batch *batch)
{
	bool has_write = false;
	u32 i;

	for (i = 0; i < batch->request.count; i++) {
		const struct dsmil_batch_operation *operation = &batch->operations[i];
		struct target *target = &batch->targets[i];

		target->token = 0;
		target->error = resolve(batch, operation, &target->token);
		target->epoch = batch->epoch;
		has_write |= !target->error && operation->operation == DSMIL_BATCH_WRITE;
	}
	return has_write;
}

static int perform(struct batch *batch, u32 index, const struct dsmil_firmware_ops *ops,
		   struct dsmil_tick_clock *clock)
{
	struct dsmil_batch_operation *asked = &batch->operations[index];
	const struct target *target = &batch->targets[index];
	struct dsmil_register_operation operation = { .clock = clock };

	if (target->error)
		return target->error;
	operation.token = target->token;
	if (!ops || target->epoch != dsmil_firmware_epoch() ||
	    !dsmil_register_present(operation.token))
		return -ENODEV;

	operation.operation = asked->operation == DSMIL_BATCH_WRITE ? DSMIL_OPERATION_WRITE :
								      DSMIL_OPERATION_READ;
	operation.value = asked->value;
	operation.grant = batch->grants ? batch->grants[index] : NULL;
	dsmil_register_perform(ops, &operation);
	dsmil_register_note(ops, &operation);
	batch->firmware_kind = ops->kind;
	batch->decided++;
	batch->writes_done += operation.decision.allowed &&
			      operation.operation == DSMIL_OPERATION_WRITE;
	if (operation.operation == DSMIL_OPERATION_READ)
		asked->value = operation.value;
	asked->rule_token = operation.decision.rule_token;
	asked->reason = operation.decision.reason;
	asked->rule_risk = operation.decision.rule_risk;
	return operation.result;
}

/* --------------------------------------------------------------- event -- */

/* Whose grant an operation was asked with, as a WRITE or REFUSED of its own would say. */
static void describe_grant(struct batch *batch, u32 index, const struct dsmil_event *whole)
{
	const struct dsmil_batch_operation *operation = &batch->operations[index];
	struct dsmil_event *event;

	/* ECANCELED: it was not reached; without a rule the guard was not asked. */
	if (!batch->grants || !batch->grants[index] || !operation->rule_token)
		return;
	event = &batch->events[batch->event_count++];
	*event = *whole;
	event->type = DSMIL_EVENT_BATCH_GRANT;
	event->token = batch->targets[index].token;
	event->device_id = DSMIL_DEVICE_ID_BASE + dsmil_token_device(event->token);
	event->reg = operation->reg;
	event->rule_token = operation->rule_token;
	event->risk = operation->rule_risk;
	event->result = operation->result;
	event->reason = operation->reason;
	event->count = index;
	event->value = operation->value;
	dsmil_grant_describe(batch->grants[index], event);
}

static void describe(struct batch *batch)
{
	struct dsmil_event *whole = &batch->events[0];
	u32 i;

	memset(whole, 0, sizeof(*whole));
	dsmil_audit_prepare(whole, DSMIL_EVENT_BATCH);
	whole->firmware_kind = batch->firmware_kind;
	batch->event_count = 1 + batch->part_count;
	for (i = 1; i < batch->event_count; i++) {
		batch->events[i] = *whole;
		batch->events[i].type = DSMIL_EVENT_BATCH_PART;
		batch->events[i].count = (u64)(i - 1) * DSMIL_EVENT_OPERATIONS;
	}
	for (i = 0; i < batch->request.count; i++)
		describe_grant(batch, i, whole);
	whole->count = batch->request.count;
	whole->value = batch->request.failed;

	for (i = 0; i < batch->request.count; i++) {
		const struct dsmil_batch_operation *operation = &batch->operations[i];
		struct dsmil_event *part = &batch->events[1 + i / DSMIL_EVENT_OPERATIONS];
		struct dsmil_event_operation *listed = &part->detail.operations[part->value++];

		listed->token = batch->targets[i].token;
		listed->operation = operation->operation;
		listed->reason = operation->reason;
		listed->value = operation->value;
		listed->result = operation->result;
	}
}

/* As with single operations: where nothing was asked of the guard, there is no record. */
static void record(struct batch *batch)
{
	if (batch->writes_done) {
		describe(batch);
		dsmil_audit_release(batch->reserved - batch->event_count);
		batch->request.sequence = dsmil_audit_commit(batch->events, batch->event_count);
		return;
	}
	dsmil_audit_release(batch->reserved);
	if (!batch->decided)
		return;
	describe(batch);
	batch->request.sequence = dsmil_audit_record(batch->events, batch->event_count,
						     batch->decided);
}

static int run(struct batch *batch)
{
	const struct dsmil_firmware_ops *ops = dsmil_firmware_lock_killable();
	struct dsmil_tick_clock clock = {};
	u64 held_since_ns;
	u32 i;
	int ret;

	if (IS_ERR(ops)) {
		dsmil_audit_release(batch->reserved);
		return PTR_ERR(ops);
	}
	held_since_ns = dsmil_tick_clock_ns(&clock);
	for (i = 0; i < batch->request.count && !fatal_signal_pending(current); i++) {
		if (clock.ns - held_since_ns > HOLD_NS) {
			dsmil_firmware_unlock();
			cond_resched();
			ops = dsmil_firmware_lock();
			held_since_ns = dsmil_tick_clock_ns(&clock);
		}
		ret = perform(batch, i, ops, &clock);
		batch->operations[i].result = ret;
		batch->request.failed -= !ret;
		if (ret && batch->request.flags & DSMIL_BATCH_STOP)
			break;
	}
	record(batch);
	dsmil_firmware_unlock();
	return 0;
}

/* -------------------------------------------------------------- command -- */

static int allocate(struct batch *batch)
{
	u32 count = batch->request.count;

	batch->part_count = DIV_ROUND_UP(count, DSMIL_EVENT_OPERATIONS);
	batch->operations = kvmalloc_array(count, sizeof(*batch->operations), GFP_KERNEL_ACCOUNT);
	batch->targets = kvmalloc_array(count, sizeof(*batch->targets), GFP_KERNEL_ACCOUNT);
	return batch->operations && batch->targets ? 0 : -ENOMEM;
}

static u32 most_events(const struct batch *batch)
{
	return 1 + batch->part_count + batch->grant_count;
}

static int allocate_events(struct batch *batch)
{
	batch->events = kvmalloc_array(most_events(batch), sizeof(*batch->events),
				       GFP_KERNEL_ACCOUNT);
	return batch->events ? 0 : -ENOMEM;
}

static void release(struct batch *batch)
{
	kvfree(batch->grant_store);
	kvfree(batch->grants);
	kvfree(batch->events);
	kvfree(batch->targets);
	kvfree(batch->operations);
}

/* A write that cannot be recorded is not done: the slots come before anything happens. */
static int reserve_and_run(struct batch *batch)
{
	int ret;

	if (!resolve_all(batch))
		return run(batch);
	ret = mutex_lock_killable(&reserving);
	if (ret)
		return ret;
	batch->reserved = most_events(batch);
	ret = dsmil_audit_reserve(batch->reserved);
	if (!ret)
		ret = run(batch);
	mutex_unlock(&reserving);
	return ret;
}

long dsmil_batch_run(struct dsmil_reg_batch __user *arg)
{
	struct batch batch = {};
	int ret;

	ret = dsmil_struct_from_user(&batch.request, sizeof(batch.request), arg);
	if (!ret)
		ret = check_request(&batch.request);
	if (ret)
		return ret;
	ret = allocate(&batch);
	if (!ret)
		ret = copy_in(&batch);
	if (!ret)
		ret = copy_grants(&batch);
	if (!ret)
		ret = allocate_events(&batch);
	if (ret)
		goto out_release;
	clear_results(&batch);
	ret = try_copy_out(&batch, arg);
	if (!ret)
		ret = reserve_and_run(&batch);
	if (!ret && (copy_out(&batch) || copy_to_user(arg, &batch.request, sizeof(batch.request))))
		ret = -EFAULT;
out_release:
	release(&batch);
	return ret;
}
