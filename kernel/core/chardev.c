// SPDX-License-Identifier: GPL-2.0-only
/* The nodes: /dev/dsmil/ctl and one a device. */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "abi_gen.h"
#include "audit.h"
#include "batch.h"
#include "compat.h"
#include "core.h"
#include "observe.h"
#include "status.h"
#include "grants.h"
#include "quarantine.h"

#define CTL_MINOR 0
#define DEVICE_MINOR 1 /* of device 0 */
#define MINOR_COUNT (DEVICE_MINOR + DSMIL_DEVICE_COUNT)

/* A command without its size: newer callers have larger structs. */
#define UNSIZED(command) ((command) & ~IOCSIZE_MASK)

static dev_t first_number;
static struct cdev ctl_cdev;
static struct cdev device_cdev;
static struct device *ctl;

dev_t dsmil_chardev_number(u16 number)
{
	return first_number + DEVICE_MINOR + number;
}

int dsmil_struct_from_user_since(void *to, size_t known, size_t first, void __user *from)
{
	u32 size;
	int ret;

	if (get_user(size, (u32 __user *)from))
		return -EFAULT;
	if (size < first)
		return -EINVAL;
	ret = size > PAGE_SIZE ? -E2BIG : copy_struct_from_user(to, known, from, size);
	if (ret == -E2BIG && put_user((u32)known, (u32 __user *)from))
		return -EFAULT;
	/* The caller may have changed it in between. */
	*(u32 *)to = size;
	return ret;
}

int dsmil_struct_to_user(void __user *to, const void *from, size_t known)
{
	return copy_to_user(to, from, min_t(size_t, *(const u32 *)from, known)) ? -EFAULT : 0;
}

/* ----------------------------------------------------------------- ctl -- */

static long ctl_info(struct dsmil_info __user *arg)
{
	struct dsmil_info info;
	int ret;

	ret = dsmil_struct_from_user_since(&info, sizeof(info), DSMIL_INFO_FIRST, arg);
	if (ret)
		return ret;
	if (info.reserved || info.reserved1)
		return -EINVAL;
	ret = dsmil_info_fill(&info);
	if (ret)
		return ret;
	return dsmil_struct_to_user(arg, &info, sizeof(info));
}

static long ctl_device_get(struct dsmil_device __user *arg)
{
	struct dsmil_device device;
	int ret;

	ret = dsmil_struct_from_user(&device, sizeof(device), arg);
	if (ret)
		return ret;
	if (device.reserved0 || device.reserved1 || device.reserved2)
		return -EINVAL;
	if (device.id < DSMIL_DEVICE_ID_BASE ||
	    device.id - DSMIL_DEVICE_ID_BASE >= DSMIL_DEVICE_COUNT)
		return -ENODEV;
	ret = dsmil_device_fill(device.id - DSMIL_DEVICE_ID_BASE, &device, NULL);
	if (ret)
		return ret;
	return copy_to_user(arg, &device, sizeof(device)) ? -EFAULT : 0;
}

/* One element of the caller's array; what the caller knows and we do not is zero. */
static int put_element(void __user *to, u32 stride, u16 number)
{
	struct dsmil_device device = { .size = stride };
	int ret;

	ret = dsmil_device_fill(number, &device, NULL);
	if (ret)
		return ret;
	if (copy_to_user(to, &device, sizeof(device)) ||
	    clear_user(to + sizeof(device), stride - sizeof(device)))
		return -EFAULT;
	return 0;
}

static long ctl_device_list(struct dsmil_device_list __user *arg)
{
	struct dsmil_device_list list;
	void __user *to;
	u32 i;
	int ret;

	ret = dsmil_struct_from_user(&list, sizeof(list), arg);
	if (ret)
		return ret;
	if (list.reserved || list.stride < sizeof(struct dsmil_device) || list.stride > PAGE_SIZE)
		return -EINVAL;
	if (!dsmil_firmware_epoch())
		return -ENODEV;

	list.total = DSMIL_DEVICE_COUNT;
	list.count = min(list.count, list.total - min(list.first, list.total));
	to = u64_to_user_ptr(list.devices);
	for (i = 0; i < list.count; i++) {
		ret = put_element(to + (size_t)i * list.stride, list.stride, list.first + i);
		if (ret)
			return ret;
		cond_resched();
	}
	return copy_to_user(arg, &list, sizeof(list)) ? -EFAULT : 0;
}

static struct file *open_ring(struct dsmil_event_ring *ring)
{
	switch (ring->kind) {
	case DSMIL_RING_AUDIT:
		return ring->bytes ? ERR_PTR(-EINVAL) : dsmil_audit_open();
	case DSMIL_RING_OBSERVE:
		return dsmil_observe_open(&ring->bytes);
	default:
		return ERR_PTR(-EOPNOTSUPP);
	}
}

static long ctl_event_ring(struct dsmil_event_ring __user *arg)
{
	struct dsmil_event_ring ring;
	struct file *file;
	int ret;

	ret = dsmil_struct_from_user_since(&ring, sizeof(ring), DSMIL_EVENT_RING_FIRST, arg);
	if (ret)
		return ret;
	if (ring.flags || ring.reserved)
		return -EINVAL;
	file = open_ring(&ring);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ret = get_unused_fd_flags(O_CLOEXEC);
	if (ret < 0)
		goto err_file;
	ring.fd = ret;
	ret = dsmil_struct_to_user(arg, &ring, sizeof(ring));
	if (ret)
		goto err_fd;
	fd_install(ring.fd, file);
	return 0;

err_fd:
	put_unused_fd(ring.fd);
err_file:
	fput(file);
	return ret;
}

static long ctl_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	void __user *to = (void __user *)arg;

	switch (UNSIZED(command)) {
	case UNSIZED(DSMIL_IOC_INFO):
		return ctl_info(to);
	case UNSIZED(DSMIL_IOC_DEVICE_GET):
		return ctl_device_get(to);
	case UNSIZED(DSMIL_IOC_DEVICE_LIST):
		return ctl_device_list(to);
	case UNSIZED(DSMIL_IOC_EVENT_RING):
		return ctl_event_ring(to);
	case UNSIZED(DSMIL_IOC_REG_BATCH):
		return dsmil_batch_run(to);
	case UNSIZED(DSMIL_IOC_QUARANTINE_ADD):
		return dsmil_quarantine_ioctl(to);
	case UNSIZED(DSMIL_IOC_GRANT_KEY_ADD):
		return dsmil_grant_key_add_ioctl(to);
	case UNSIZED(DSMIL_IOC_GRANT_KEY_SEAL):
		return dsmil_grant_key_seal_ioctl(to);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations ctl_fops = {
	.owner = THIS_MODULE,
	.open = nonseekable_open,
	.unlocked_ioctl = ctl_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = dsmil_status_mmap,
};

/* ------------------------------------------------------------- devices -- */

/* A file holds nothing but the epoch that it was opened in. */
static int device_open(struct inode *inode, struct file *file)
{
	u32 epoch = dsmil_firmware_epoch();

	if (!epoch)
		return -ENODEV;
	file->private_data = (void *)(uintptr_t)epoch;
	return nonseekable_open(inode, file);
}

static u32 file_epoch(const struct file *file)
{
	return (u32)(uintptr_t)file->private_data;
}

static u16 file_number(const struct file *file)
{
	return iminor(file_inode(file)) - DEVICE_MINOR;
}

static u16 file_token(const struct file *file, u32 reg)
{
	return DSMIL_TOKEN_BASE + file_number(file) * DSMIL_REGISTER_COUNT + reg;
}

/*
 * What a read asks for and is answered goes word by word, for a copy of the struct is
 * longer to begin than to make. Whatever is unusual is found out the long way.
 */
static int get_request(struct dsmil_reg_read *request, struct dsmil_reg_read __user *arg)
{
	if (!user_read_access_begin(arg, sizeof(*arg)))
		goto slow;
	unsafe_get_user(request->size, &arg->size, fault);
	unsafe_get_user(request->reg, &arg->reg, fault);
	unsafe_get_user(request->flags, &arg->flags, fault);
	user_read_access_end();
	if (likely(request->size == sizeof(*request)))
		return 0;
slow:
	return dsmil_struct_from_user_since(request, sizeof(*request), sizeof(*request), arg);

fault:
	user_read_access_end();
	goto slow;
}

static int put_answer(struct dsmil_reg_read __user *arg,
		      const struct dsmil_register_operation *operation)
{
	if (!user_write_access_begin(arg, sizeof(*arg)))
		return -EFAULT;
	unsafe_put_user(operation->value, &arg->value, fault);
	unsafe_put_user(operation->time_ns, &arg->time_ns, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static long device_read(struct file *file, struct dsmil_reg_read __user *arg)
{
	struct dsmil_register_operation operation = {};
	struct dsmil_reg_read request;
	int ret;

	if (!(file->f_mode & FMODE_READ))
		return -EBADF;
	ret = get_request(&request, arg);
	if (ret)
		return ret;
	if (request.flags)
		return -EINVAL;
	if (request.reg >= DSMIL_REGISTER_COUNT)
		return -ERANGE;
	operation.token = file_token(file, request.reg);
	ret = dsmil_register_read(file_epoch(file), &operation);
	return ret ?: put_answer(arg, &operation);
}

static long device_write(struct file *file, struct dsmil_reg_write __user *arg)
{
	struct dsmil_register_operation operation = {};
	struct dsmil_reg_write request;
	struct dsmil_grant grant;
	int ret;

	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	ret = dsmil_struct_from_user(&request, sizeof(request), arg);
	if (ret)
		return ret;
	if (request.flags)
		return -EINVAL;
	if (request.reg >= DSMIL_REGISTER_COUNT)
		return -ERANGE;
	ret = dsmil_grant_from_user(&grant, request.grant, request.grant_length);
	if (ret)
		return ret;
	/* An answer that cannot be given back must fail before the write, not after. */
	request.reason = 0;
	request.rule_token = 0;
	request.rule_risk = 0;
	request.sequence = 0;
	if (copy_to_user(arg, &request, sizeof(request)))
		return -EFAULT;

	operation.token = file_token(file, request.reg);
	operation.value = request.value;
	operation.grant = request.grant ? &grant : NULL;
	ret = dsmil_register_write(file_epoch(file), &operation);
	if (!operation.decided)
		return ret;
	request.reason = operation.decision.reason;
	request.rule_token = operation.decision.rule_token;
	request.rule_risk = operation.decision.rule_risk;
	request.sequence = operation.sequence;
	if (copy_to_user(arg, &request, sizeof(request)))
		return -EFAULT;
	return ret;
}

static long device_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	switch (UNSIZED(command)) {
	case UNSIZED(DSMIL_IOC_REG_READ):
		return device_read(file, (struct dsmil_reg_read __user *)arg);
	case UNSIZED(DSMIL_IOC_REG_WRITE):
		return device_write(file, (struct dsmil_reg_write __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

int dsmil_chardev_device(const struct file *file, u16 *number, u32 *epoch)
{
	if (file->f_op != &device_fops)
		return -EBADF;
	*number = file_number(file);
	*epoch = file_epoch(file);
	return 0;
}

/* --------------------------------------------------------------- nodes -- */

/* Which ABI this is, for those that cannot make an ioctl. */
static ssize_t api_version_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", DSMIL_API_VERSION);
}
static DEVICE_ATTR_RO(api_version);

static ssize_t event_schema_version_show(struct device *dev, struct device_attribute *attr,
					 char *buf)
{
	return sysfs_emit(buf, "%u\n", DSMIL_EVENT_SCHEMA_VERSION);
}
static DEVICE_ATTR_RO(event_schema_version);

static struct attribute *ctl_attrs[] = {
	&dev_attr_api_version.attr,
	&dev_attr_event_schema_version.attr,
	NULL
};
ATTRIBUTE_GROUPS(ctl);

static struct class dsmil_class = {
	.name = "dsmil",
};

static char *ctl_devnode(dsmil_const_device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	if (mode)
		*mode = 0640;
	return kstrdup("dsmil/ctl", GFP_KERNEL);
}

static const struct device_type ctl_type = {
	.name = "dsmil_ctl",
	.groups = ctl_groups,
	.devnode = ctl_devnode,
};

static void ctl_release(struct device *dev)
{
	kfree(dev);
}

static int add_ctl(struct device *parent)
{
	int ret;

	ctl = kzalloc(sizeof(*ctl), GFP_KERNEL);
	if (!ctl)
		return -ENOMEM;
	device_initialize(ctl);
	ctl->parent = parent;
	ctl->class = &dsmil_class;
	ctl->type = &ctl_type;
	ctl->devt = first_number + CTL_MINOR;
	ctl->release = ctl_release;
	ret = dev_set_name(ctl, "ctl");
	if (!ret)
		ret = device_add(ctl);
	if (ret)
		put_device(ctl);
	return ret;
}

static int add_cdev(struct cdev *cdev, const struct file_operations *fops, u32 minor, u32 count)
{
	cdev_init(cdev, fops);
	cdev->owner = THIS_MODULE;
	return cdev_add(cdev, first_number + minor, count);
}

int dsmil_chardev_init(struct device *parent)
{
	int ret;

	ret = alloc_chrdev_region(&first_number, 0, MINOR_COUNT, "dsmil");
	if (ret)
		return ret;
	ret = class_register(&dsmil_class);
	if (ret)
		goto err_class;
	ret = add_cdev(&device_cdev, &device_fops, DEVICE_MINOR, DSMIL_DEVICE_COUNT);
	if (ret)
		goto err_device_cdev;
	ret = add_cdev(&ctl_cdev, &ctl_fops, CTL_MINOR, 1);
	if (ret)
		goto err_ctl_cdev;
	ret = add_ctl(parent);
	if (ret)
		goto err_ctl;
	return 0;

err_ctl:
	cdev_del(&ctl_cdev);
err_ctl_cdev:
	cdev_del(&device_cdev);
err_device_cdev:
	class_unregister(&dsmil_class);
err_class:
	unregister_chrdev_region(first_number, MINOR_COUNT);
	return ret;
}

void dsmil_chardev_exit(void)
{
	device_unregister(ctl);
	cdev_del(&ctl_cdev);
	cdev_del(&device_cdev);
	class_unregister(&dsmil_class);
	unregister_chrdev_region(first_number, MINOR_COUNT);
}
