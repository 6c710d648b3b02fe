/* SPDX-License-Identifier: GPL-2.0-only */
/* What the KUnit suites share: the doors of the module, entered from the kernel. */
#ifndef DSMIL_TEST_SUPPORT_H
#define DSMIL_TEST_SUPPORT_H

#include <kunit/test.h>
#include <linux/cred.h>
#include <linux/dsmil.h>
#include <linux/fs.h>

#define SAFE_ID 0x8005
#define QUARANTINED_ID 0x8009
#define MONITORED_ID 0x8064

#define TOKEN(id, reg) (DSMIL_TOKEN_BASE + ((id) - DSMIL_DEVICE_ID_BASE) * 3 + (reg))

/* A page of user memory in the test's own address space; asserts that there is one. */
void __user *user_page(struct kunit *test);
/* The same with this content, and nobody can write it. */
void __user *user_read_only(struct kunit *test, const void *content, size_t size);

/* A node below /dev/dsmil; asserts that it opens. Close with node_close(). */
struct file *node_open(struct kunit *test, const char *name, int flags);
/* The error of opening it, 0 if it opens. */
int node_open_error(const char *name, int flags);
/* At once, unlike fput() in a kernel thread. */
void node_close(struct file *file);

/* With a copy of the struct in user memory, which comes back. */
long node_ioctl(struct kunit *test, struct file *file, unsigned int command, void *arg,
		size_t size);
/* With any address at all. */
long node_ioctl_at(struct file *file, unsigned int command, void __user *arg);

/* The audit ring, opened without waiting; and everything in it acknowledged. */
struct file *ring_open(struct kunit *test, struct file *ctl);
ssize_t ring_read(struct kunit *test, struct file *ring, struct dsmil_event *event);
long ring_advance(struct kunit *test, struct file *ring, u64 up_to);
void ring_drain(struct kunit *test, struct file *ctl, struct file *ring);
struct dsmil_info info_get(struct kunit *test, struct file *ctl);

/* Until caller_restore(), without any capability, of uid 1000. */
const struct cred *caller_drop(struct kunit *test);
void caller_restore(const struct cred *cred);

#endif /* DSMIL_TEST_SUPPORT_H */
