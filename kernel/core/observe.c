// SPDX-License-Identifier: GPL-2.0-only
#include <linux/anon_inodes.h>
#include <linux/capability.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "compat.h"
#include "core.h"
#include "observe.h"

#define READER_PAGE 0
#define KERNEL_PAGE 1
#define DATA_PAGE 2

struct observer {
	struct list_head entry;
	struct wait_queue_head wait;
	struct page **pages;
	u32 page_count; /* without the second mapping of the data */
	u32 bytes;	/* of data */

	/* One mapping, as the reader may have it: the two pages and the data, twice. */
	void *base;
	struct dsmil_ring_page *reader; /* the reader writes here what it likes */
	struct dsmil_ring_page *kernel;
	void *data;

	/* The writer's; the kernel's page shows them. */
	u64 put;
	u64 lost;
	u64 gap_count;
	u64 gap_first_ns;
	bool wake;
};

static LIST_HEAD(observers);
static DEFINE_MUTEX(observers_lock); /* for adding and removing */
static u32 observer_count;

/* -------------------------------------------------------------- writer -- */

/* Bytes that the reader has not taken; a position that cannot be counts as none. */
static u64 waiting_bytes(const struct observer *observer, u64 put)
{
	/* Pairs with the reader's release: it is done with what it gives back. */
	u64 taken = smp_load_acquire(&observer->reader->taken);

	/* Before it is subtracted: positions never wrap, but the reader may say anything. */
	if (taken > put || put - taken > observer->bytes)
		return 0;
	return put - taken;
}

static void put_record(struct observer *observer, const struct dsmil_event *event)
{
	memcpy(observer->data + (observer->put & (observer->bytes - 1)), event, sizeof(*event));
	observer->put += sizeof(*event);
}

/* This ring's own gap: it has no sequence, for the audit ring lost nothing. */
static void put_gap(struct observer *observer, const struct dsmil_event *next)
{
	struct dsmil_event gap = {
		.size = sizeof(gap),
		.type = DSMIL_EVENT_GAP,
		.device_id = DSMIL_NO_DEVICE,
		.boottime_ns = next->boottime_ns,
		.realtime_ns = next->realtime_ns,
		.count = observer->gap_count,
		.first_ns = observer->gap_first_ns,
	};

	memcpy(gap.load_id, next->load_id, sizeof(gap.load_id));
	put_record(observer, &gap);
	observer->gap_count = 0;
}

static void count_lost(struct observer *observer, const struct dsmil_event *event)
{
	if (!observer->gap_count)
		observer->gap_first_ns = event->boottime_ns;
	observer->gap_count++;
	observer->lost++;
}

static void put_records(struct observer *observer, const struct dsmil_event *events, u32 count)
{
	u64 before = observer->put;
	u64 limit = before - waiting_bytes(observer, before) + observer->bytes;
	u32 i;

	for (i = 0; i < count; i++) {
		u64 needed = sizeof(*events) * (observer->gap_count ? 2 : 1);

		if (limit - observer->put < needed) {
			count_lost(observer, &events[i]);
			continue;
		}
		if (observer->gap_count)
			put_gap(observer, &events[i]);
		put_record(observer, &events[i]);
	}
	WRITE_ONCE(observer->kernel->lost, observer->lost);
	WRITE_ONCE(observer->kernel->gap_count, observer->gap_count);
	/* The records before the position that says so. */
	smp_store_release(&observer->kernel->put, observer->put);
	/* Pairs with observe_poll(): either we see that it took all, or it sees these. */
	smp_mb();
	if (observer->put != before && !waiting_bytes(observer, before))
		WRITE_ONCE(observer->wake, true);
}

void dsmil_observe_put(const struct dsmil_event *events, u32 count)
{
	struct observer *observer;

	rcu_read_lock();
	list_for_each_entry_rcu(observer, &observers, entry)
		put_records(observer, events, count);
	rcu_read_unlock();
}

void dsmil_observe_wake(void)
{
	struct observer *observer;

	rcu_read_lock();
	list_for_each_entry_rcu(observer, &observers, entry)
		if (READ_ONCE(observer->wake) && xchg(&observer->wake, false))
			wake_up_interruptible_poll(&observer->wait, EPOLLIN | EPOLLRDNORM);
	rcu_read_unlock();
}

/* -------------------------------------------------------------- reader -- */

static __poll_t observe_poll(struct file *file, struct poll_table_struct *wait)
{
	struct observer *observer = file->private_data;

	poll_wait(file, &observer->wait, wait);
	/* See put_records(). */
	smp_mb();
	return waiting_bytes(observer, READ_ONCE(observer->kernel->put)) ?
	       EPOLLIN | EPOLLRDNORM : 0;
}

static int observe_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct observer *observer = file->private_data;
	bool is_position = vma->vm_pgoff == READER_PAGE && vma_pages(vma) == 1 &&
			   vma->vm_flags & VM_SHARED;

	if (vma->vm_flags & VM_EXEC || (vma->vm_flags & VM_WRITE && !is_position))
		return -EPERM;
	vm_flags_clear(vma, is_position ? VM_MAYEXEC : VM_MAYEXEC | VM_MAYWRITE);
	/* -EINVAL beyond the end. */
	return remap_vmalloc_range(vma, observer->base, vma->vm_pgoff);
}

static void free_pages_of(struct observer *observer)
{
	u32 i;

	for (i = 0; i < observer->page_count; i++)
		if (observer->pages[i])
			__free_page(observer->pages[i]);
	kvfree(observer->pages);
}

static void free_observer(struct observer *observer)
{
	vunmap(observer->base);
	free_pages_of(observer);
	kfree(observer);
}

static int observe_release(struct inode *inode, struct file *file)
{
	struct observer *observer = file->private_data;

	mutex_lock(&observers_lock);
	list_del_rcu(&observer->entry);
	WRITE_ONCE(observer_count, observer_count - 1);
	mutex_unlock(&observers_lock);
	synchronize_rcu();
	free_observer(observer);
	return 0;
}

static const struct file_operations observe_fops = {
	.owner = THIS_MODULE,
	.poll = observe_poll,
	.mmap = observe_mmap,
	.release = observe_release,
};

/* ------------------------------------------------------------- opening -- */

static int map_pages(struct observer *observer)
{
	u32 data_pages = observer->bytes / PAGE_SIZE, i;

	observer->page_count = DATA_PAGE + data_pages;
	observer->pages = kvcalloc(observer->page_count + data_pages, sizeof(*observer->pages),
				   GFP_KERNEL_ACCOUNT);
	if (!observer->pages)
		return -ENOMEM;
	for (i = 0; i < observer->page_count; i++) {
		observer->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!observer->pages[i])
			goto err_pages;
	}
	for (i = 0; i < data_pages; i++)
		observer->pages[observer->page_count + i] = observer->pages[DATA_PAGE + i];
	observer->base = vmap(observer->pages, observer->page_count + data_pages,
			      VM_MAP | VM_USERMAP, PAGE_KERNEL);
	if (!observer->base)
		goto err_pages;
	observer->reader = observer->base + READER_PAGE * PAGE_SIZE;
	observer->kernel = observer->base + KERNEL_PAGE * PAGE_SIZE;
	observer->data = observer->base + DATA_PAGE * PAGE_SIZE;
	return 0;

err_pages:
	free_pages_of(observer);
	return -ENOMEM;
}

static struct observer *make_observer(u32 bytes)
{
	struct observer *observer = kzalloc(sizeof(*observer), GFP_KERNEL_ACCOUNT);
	int ret;

	if (!observer)
		return ERR_PTR(-ENOMEM);
	observer->bytes = bytes;
	init_waitqueue_head(&observer->wait);
	ret = map_pages(observer);
	if (ret) {
		kfree(observer);
		return ERR_PTR(ret);
	}
	return observer;
}

/* The file and the list, both or neither. */
static struct file *add_observer(struct observer *observer)
{
	struct file *file;

	mutex_lock(&observers_lock);
	if (observer_count == DSMIL_OBSERVERS_MAX) {
		file = ERR_PTR(-EBUSY);
		goto out_unlock;
	}
	file = anon_inode_getfile("[dsmil-observe]", &observe_fops, observer, O_RDWR);
	if (IS_ERR(file))
		goto out_unlock;
	WRITE_ONCE(observer_count, observer_count + 1);
	list_add_tail_rcu(&observer->entry, &observers);
out_unlock:
	mutex_unlock(&observers_lock);
	return file;
}

struct file *dsmil_observe_open(u32 *bytes)
{
	struct observer *observer;
	struct file *file;

	if (!capable(CAP_SYS_ADMIN))
		return ERR_PTR(-EPERM);
	if (!*bytes)
		*bytes = DSMIL_OBSERVE_BYTES_DEFAULT;
	if (!is_power_of_2(*bytes) || *bytes % PAGE_SIZE || *bytes < DSMIL_OBSERVE_BYTES_MIN ||
	    *bytes > DSMIL_OBSERVE_BYTES_MAX)
		return ERR_PTR(-EINVAL);
	observer = make_observer(*bytes);
	if (IS_ERR(observer))
		return ERR_CAST(observer);
	file = add_observer(observer);
	if (IS_ERR(file))
		free_observer(observer);
	return file;
}

u32 dsmil_observe_count(void)
{
	return READ_ONCE(observer_count);
}
