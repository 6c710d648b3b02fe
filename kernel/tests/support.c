// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched/mm.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>

#include "../core/audit.h"
#include "support.h"

/* KUnit gives the test's thread an address space on the way, and leaks a reference to it. */
unsigned long user_map(struct kunit *test, struct file *file, size_t bytes,
		       unsigned long protection, unsigned long flags, u32 first_page)
{
	bool had_none = !current->mm;
	unsigned long address = kunit_vm_mmap(test, file, 0, bytes, protection, flags,
					      (unsigned long)first_page * PAGE_SIZE);

	if (had_none && current->mm)
		mmdrop(current->mm);
	return address;
}

static void __user *map_page(struct kunit *test, struct file *file, unsigned long protection,
			     unsigned long flags)
{
	unsigned long address = user_map(test, file, PAGE_SIZE, protection, flags, 0);

	KUNIT_ASSERT_NE_MSG(test, address, 0, "no user memory");
	KUNIT_ASSERT_LT_MSG(test, address, TASK_SIZE, "no user memory");
	return (void __user *)address;
}

bool user_may_become(unsigned long address, unsigned long flags)
{
	struct vm_area_struct *vma;
	bool may;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, address);
	may = vma && vma->vm_flags & flags;
	mmap_read_unlock(current->mm);
	return may;
}

void __user *user_page(struct kunit *test)
{
	return map_page(test, NULL, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE);
}

void __user *user_read_only(struct kunit *test, const void *content, size_t size)
{
	struct file *file = shmem_file_setup("dsmil-kunit", PAGE_SIZE, 0);
	void __user *user;
	loff_t offset = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, kernel_write(file, content, size, &offset), size);
	user = map_page(test, file, PROT_READ, MAP_PRIVATE);
	fput(file);
	return user;
}

static struct file *open_path(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/dsmil/%s", name);
	return filp_open(path, flags, 0);
}

struct file *node_open(struct kunit *test, const char *name, int flags)
{
	struct file *file = open_path(name, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	return file;
}

int node_open_error(const char *name, int flags)
{
	struct file *file = open_path(name, flags);

	if (IS_ERR(file))
		return PTR_ERR(file);
	node_close(file);
	return 0;
}

u32 node_poll(struct file *file, struct poll_table_struct *table)
{
	return (__force u32)vfs_poll(file, table);
}

void node_close(struct file *file)
{
	__fput_sync(file);
}

long node_ioctl_at(struct file *file, unsigned int command, void __user *arg)
{
	return file->f_op->unlocked_ioctl(file, command, (unsigned long)arg);
}

long node_ioctl(struct kunit *test, struct file *file, unsigned int command, void *arg,
		size_t size)
{
	void __user *user = user_page(test);
	long ret;

	KUNIT_ASSERT_LE(test, size, PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, copy_to_user(user, arg, size), 0);
	ret = node_ioctl_at(file, command, user);
	KUNIT_ASSERT_EQ(test, copy_from_user(arg, user, size), 0);
	return ret;
}

int descriptor_open(struct kunit *test, struct file *file)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);

	KUNIT_ASSERT_GE(test, fd, 0);
	fd_install(fd, get_file(file));
	return fd;
}

void descriptor_close(int fd)
{
	close_fd(fd);
	flush_delayed_fput();
}

struct file *ring_open(struct kunit *test, struct file *ctl)
{
	struct dsmil_event_ring request = { .size = sizeof(request), .kind = DSMIL_RING_AUDIT };
	struct file *ring;
	long ret;

	ret = node_ioctl(test, ctl, DSMIL_IOC_EVENT_RING, &request, sizeof(request));
	KUNIT_ASSERT_EQ(test, ret, 0);
	ring = fget(request.fd);
	KUNIT_ASSERT_NOT_NULL(test, ring);
	close_fd(request.fd);
	ring->f_flags |= O_NONBLOCK;
	return ring;
}

ssize_t ring_read(struct kunit *test, struct file *ring, struct dsmil_event *event)
{
	void __user *user = user_page(test);
	loff_t offset = 0;
	ssize_t ret = ring->f_op->read(ring, user, sizeof(*event), &offset);

	if (ret > 0)
		KUNIT_ASSERT_EQ(test, copy_from_user(event, user, ret), 0);
	return ret;
}

long ring_advance(struct kunit *test, struct file *ring, u64 up_to)
{
	struct dsmil_ring_advance request = { .size = sizeof(request), .up_to = up_to };

	return node_ioctl(test, ring, DSMIL_IOC_RING_ADVANCE, &request, sizeof(request));
}

struct dsmil_info info_get(struct kunit *test, struct file *ctl)
{
	struct dsmil_info info = { .size = sizeof(info) };
	long ret = node_ioctl(test, ctl, DSMIL_IOC_INFO, &info, sizeof(info));

	KUNIT_ASSERT_EQ(test, ret, 0);
	return info;
}

void ring_drain(struct kunit *test, struct file *ctl, struct file *ring)
{
	void __user *user = user_page(test);
	struct dsmil_info info;
	loff_t offset = 0;

	/* Acknowledging may let a gap record in. */
	do {
		while (ring->f_op->read(ring, user, PAGE_SIZE, &offset) > 0)
			;
		info = info_get(test, ctl);
		KUNIT_ASSERT_EQ(test, ring_advance(test, ring, info.audit_head), 0);
		info = info_get(test, ctl);
	} while (info.audit_tail != info.audit_head);
}

u32 ring_reserve_all(void)
{
	u32 count = 0;

	while (!dsmil_audit_reserve(1))
		count++;
	return count;
}

struct dsmil_event ring_expect(struct kunit *test, struct file *ring, u16 type)
{
	struct dsmil_event event = {};

	KUNIT_EXPECT_EQ(test, ring_read(test, ring, &event), sizeof(event));
	KUNIT_EXPECT_EQ(test, event.type, type);
	return event;
}

const struct cred *caller_drop(struct kunit *test)
{
	struct cred *cred = prepare_creds();

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cap_clear(cred->cap_effective);
	cap_clear(cred->cap_permitted);
	cred->uid = KUIDT_INIT(1000);
	cred->euid = KUIDT_INIT(1000);
	return override_creds(cred);
}

void caller_restore(const struct cred *cred)
{
	const struct cred *dropped = current_cred();

	revert_creds(cred);
	put_cred(dropped);
}
