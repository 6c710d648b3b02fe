/* SPDX-License-Identifier: GPL-2.0-only */
/* What the KUnit suites share: the doors of the module, entered from the kernel. */
#ifndef DSMIL_TEST_SUPPORT_H
#define DSMIL_TEST_SUPPORT_H

#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/dsmil.h>
#include <linux/fs.h>
#include <linux/poll.h>

#define SAFE_ID 0x8005
#define QUARANTINED_ID 0x8009
#define MONITORED_ID 0x8064

#define TOKEN(id, reg) (DSMIL_TOKEN_BASE + ((id) - DSMIL_DEVICE_ID_BASE) * 3 + (reg))

/* A page of user memory in the test's own address space; asserts that there is one. */
void __user *user_page(struct kunit *test);
/* The same with this content, and nobody can write it. */
void __user *user_read_only(struct kunit *test, const void *content, size_t size);

/* Any mapping, from a page of the file on: its address or -errno. */
unsigned long user_map(struct kunit *test, struct file *file, size_t bytes,
		       unsigned long protection, unsigned long flags, u32 first_page);
/* Whether the mapping at an address has one of these VM_MAY* flags. */
bool user_may_become(unsigned long address, unsigned long flags);

/* A node below /dev/dsmil; asserts that it opens. Close with node_close(). */
struct file *node_open(struct kunit *test, const char *name, int flags);
/* The error of opening it, 0 if it opens. */
int node_open_error(const char *name, int flags);
/* What poll() says, as a number that can be compared. */
u32 node_poll(struct file *file, struct poll_table_struct *table);
#define POLL_READABLE ((__force u32)(EPOLLIN | EPOLLRDNORM))
/* At once, unlike fput() in a kernel thread. */
void node_close(struct file *file);

/* With a copy of the struct in user memory, which comes back. */
long node_ioctl(struct kunit *test, struct file *file, unsigned int command, void *arg,
		size_t size);
/* With any address at all. */
long node_ioctl_at(struct file *file, unsigned int command, void __user *arg);

/* The file as a descriptor too, which must be closed before the file is. */
int descriptor_open(struct kunit *test, struct file *file);
void descriptor_close(int fd);

/* The audit ring, opened without waiting; and everything in it acknowledged. */
struct file *ring_open(struct kunit *test, struct file *ctl);
ssize_t ring_read(struct kunit *test, struct file *ring, struct dsmil_event *event);
long ring_advance(struct kunit *test, struct file *ring, u64 up_to);
void ring_drain(struct kunit *test, struct file *ctl, struct file *ring);
/* Expects that the next record is of this type. */
struct dsmil_event ring_expect(struct kunit *test, struct file *ring, u16 type);
/* Leaves no write a slot, as writes under way would; how many to release then. */
u32 ring_reserve_all(void);
struct dsmil_info info_get(struct kunit *test, struct file *ctl);

/* Until caller_restore(), without any capability, of uid 1000. */
const struct cred *caller_drop(struct kunit *test);
void caller_restore(const struct cred *cred);

#endif /* DSMIL_TEST_SUPPORT_H */
