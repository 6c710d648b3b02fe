// SPDX-License-Identifier: GPL-2.0-only
/* The file of the audit ring's one reader. */
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/poll.h>
#include <linux/uaccess.h>

#include "audit.h"
#include "core.h"

static atomic_t is_open = ATOMIC_INIT(0);

/* Several threads may share the one reader's file. */
static DEFINE_MUTEX(reader_lock);
static u64 position; /* sequence of the next record to read */

static bool record_waits(void)
{
	return READ_ONCE(position) != dsmil_audit_head();
}

/* Whole records from the position on, as many as fit; stops at a bad address. */
static ssize_t copy_records(char __user *to, size_t space)
{
	size_t waiting = dsmil_audit_head() - position;
	size_t count = min(waiting, space / sizeof(struct dsmil_event));
	size_t done = 0;

	while (done < count) {
		size_t run, bytes, left, copied;
		const struct dsmil_event *from = dsmil_audit_slot(position, &run);

		bytes = min(count - done, run) * sizeof(*from);
		left = copy_to_user(to + done * sizeof(*from), from, bytes);
		copied = (bytes - left) / sizeof(*from);
		done += copied;
		WRITE_ONCE(position, position + copied);
		if (left)
			return done ? done * sizeof(struct dsmil_event) : -EFAULT;
	}
	return done * sizeof(struct dsmil_event);
}

static ssize_t reader_read(struct file *file, char __user *to, size_t space, loff_t *offset)
{
	ssize_t ret;

	if (space < sizeof(struct dsmil_event))
		return -EINVAL;
	do {
		if (!record_waits()) {
			if (file->f_flags & O_NONBLOCK)
				return -EAGAIN;
			ret = wait_event_interruptible(dsmil_audit_wait, record_waits());
			if (ret)
				return ret;
		}
		if (mutex_lock_interruptible(&reader_lock))
			return -ERESTARTSYS;
		ret = copy_records(to, space);
		mutex_unlock(&reader_lock);
	} while (!ret); /* another thread took them */
	return ret;
}

static __poll_t reader_poll(struct file *file, struct poll_table_struct *wait)
{
	poll_wait(file, &dsmil_audit_wait, wait);
	return record_waits() ? EPOLLIN | EPOLLRDNORM : 0;
}

static long advance(void __user *arg)
{
	struct dsmil_ring_advance request;
	int ret;

	ret = dsmil_struct_from_user(&request, sizeof(request), arg);
	if (ret)
		return ret;
	if (request.reserved)
		return -EINVAL;

	mutex_lock(&reader_lock);
	if (request.up_to > position || request.up_to < dsmil_audit_get_state().tail)
		ret = -ERANGE;
	else
		dsmil_audit_acknowledge(request.up_to);
	mutex_unlock(&reader_lock);
	return ret;
}

static long reader_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	switch (command & ~IOCSIZE_MASK) {
	case DSMIL_IOC_RING_ADVANCE & ~IOCSIZE_MASK:
		return advance((void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static int reader_release(struct inode *inode, struct file *file)
{
	atomic_set_release(&is_open, 0);
	return 0;
}

static const struct file_operations reader_fops = {
	.owner = THIS_MODULE,
	.read = reader_read,
	.poll = reader_poll,
	.unlocked_ioctl = reader_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = reader_release,
};

struct file *dsmil_audit_open(void)
{
	struct file *file;

	if (!capable(CAP_SYS_ADMIN))
		return ERR_PTR(-EPERM);
	if (atomic_cmpxchg_acquire(&is_open, 0, 1))
		return ERR_PTR(-EBUSY);
	/* Goes on where the last reader acknowledged. */
	position = dsmil_audit_get_state().tail;
	file = anon_inode_getfile("[dsmil-audit]", &reader_fops, NULL, O_RDONLY);
	if (IS_ERR(file))
		atomic_set_release(&is_open, 0);
	return file;
}

bool dsmil_audit_has_reader(void)
{
	return atomic_read(&is_open);
}
