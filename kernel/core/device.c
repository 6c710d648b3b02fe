// SPDX-License-Identifier: GPL-2.0-only
/* The bus of the 108 devices, what sysfs shows of each, and the uevents. */
#include <linux/ctype.h>
#include <linux/device.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "core.h"

/* All in one piece: a slab would round each of them up by a third. */
struct device_set {
	refcount_t users; /* devices that are not released, and the set's owner */
	struct device devices[DSMIL_DEVICE_COUNT];
};

static struct device *root;
static struct device_set *set;

static dsmil_bus_type dsmil_bus = {
	.name = "dsmil",
};

/* A device's number travels as its driver data. */
static u16 device_number(dsmil_const_device *dev)
{
	return (u16)(uintptr_t)dev_get_drvdata(dev);
}

static void put_set(struct device_set *old)
{
	if (refcount_dec_and_test(&old->users))
		vfree(old);
}

static const struct dsmil_catalog_entry *device_entry(dsmil_const_device *dev)
{
	return &dsmil_catalog[device_number(dev)];
}

/* ---------------------------------------------------------- attributes -- */

/* No register's value is here: these files are for everybody. */
#define DSMIL_CATALOG_ATTR(_name, _format, _value)					\
	static ssize_t _name##_show(struct device *dev, struct device_attribute *attr,	\
				    char *buf)						\
	{										\
		const struct dsmil_catalog_entry *entry = device_entry(dev);		\
											\
		return sysfs_emit(buf, _format "\n", _value);				\
	}										\
	static DEVICE_ATTR_RO(_name)

DSMIL_CATALOG_ATTR(name, "%s", entry->name);
DSMIL_CATALOG_ATTR(group, "%s", entry->group_name);
DSMIL_CATALOG_ATTR(layer, "%u", entry->layer);
DSMIL_CATALOG_ATTR(service, "%s", entry->service_name);
DSMIL_CATALOG_ATTR(clearance, "0x%08x", entry->clearance);

static ssize_t id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "0x%04x\n", DSMIL_DEVICE_ID_BASE + device_number(dev));
}
static DEVICE_ATTR_RO(id);

static ssize_t number_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%u\n", device_number(dev));
}
static DEVICE_ATTR_RO(number);

/* What depends on the board and the quarantine. */
static ssize_t risk_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dsmil_device state = {};
	int ret = dsmil_device_fill(device_number(dev), &state, NULL);

	return ret ?: sysfs_emit(buf, "%s\n", dsmil_risk_names[state.risk]);
}
static DEVICE_ATTR_RO(risk);

static ssize_t present_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dsmil_device state = {};
	int ret = dsmil_device_fill(device_number(dev), &state, NULL);

	return ret ?: sysfs_emit(buf, "%u\n", state.present);
}
static DEVICE_ATTR_RO(present);

static ssize_t register_risk_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dsmil_device state = {};
	int ret = dsmil_device_fill(device_number(dev), &state, NULL);

	return ret ?: sysfs_emit(buf, "%s %s %s\n", dsmil_risk_names[state.register_risk[0]],
				 dsmil_risk_names[state.register_risk[1]],
				 dsmil_risk_names[state.register_risk[2]]);
}
static DEVICE_ATTR_RO(register_risk);

static ssize_t register_reason_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dsmil_device state = {};
	int ret = dsmil_device_fill(device_number(dev), &state, NULL);

	return ret ?: sysfs_emit(buf, "%s %s %s\n", dsmil_reason_names[state.register_reason[0]],
				 dsmil_reason_names[state.register_reason[1]],
				 dsmil_reason_names[state.register_reason[2]]);
}
static DEVICE_ATTR_RO(register_reason);

static struct attribute *dsmil_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_number.attr,
	&dev_attr_name.attr,
	&dev_attr_group.attr,
	&dev_attr_risk.attr,
	&dev_attr_layer.attr,
	&dev_attr_service.attr,
	&dev_attr_clearance.attr,
	&dev_attr_present.attr,
	&dev_attr_register_risk.attr,
	&dev_attr_register_reason.attr,
	NULL
};
ATTRIBUTE_GROUPS(dsmil);

/* ------------------------------------------------------------- devices -- */

/* The name as a file name: lower case, one dash for anything else. */
static void make_slug(char *slug, const char *name)
{
	for (; *name; name++)
		*slug++ = isalnum(*name) ? tolower(*name) : '-';
	*slug = '\0';
}

static int dsmil_uevent(dsmil_const_device *dev, struct kobj_uevent_env *env)
{
	const struct dsmil_catalog_entry *entry = device_entry(dev);
	char slug[sizeof_field(struct dsmil_device, name)];

	make_slug(slug, entry->name);
	return add_uevent_var(env, "DSMIL_ID=0x%04x", DSMIL_DEVICE_ID_BASE + device_number(dev)) ?:
	       add_uevent_var(env, "DSMIL_NAME=%s", entry->name) ?:
	       add_uevent_var(env, "DSMIL_SLUG=%s", slug) ?:
	       add_uevent_var(env, "DSMIL_RISK=%s", dsmil_risk_names[entry->risk]);
}

static char *dsmil_devnode(dsmil_const_device *dev, umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	/* Asked for the name alone when the node is deleted. */
	if (mode)
		*mode = 0600;
	return kasprintf(GFP_KERNEL, "dsmil/%s", dev_name(dev));
}

static void dsmil_release(struct device *dev)
{
	put_set(container_of(dev - device_number(dev), struct device_set, devices[0]));
}

static const struct device_type dsmil_device_type = {
	.name = "dsmil_device",
	.groups = dsmil_groups,
	.uevent = dsmil_uevent,
	.devnode = dsmil_devnode,
	.release = dsmil_release,
};

static int add_device(u16 number)
{
	struct device *dev = &set->devices[number];
	int ret;

	refcount_inc(&set->users);
	device_initialize(dev);
	dev->parent = root;
	dev->bus = &dsmil_bus;
	dev->type = &dsmil_device_type;
	dev->devt = dsmil_chardev_number(number);
	dev_set_drvdata(dev, (void *)(uintptr_t)number);
	/* It has no power of its own, and files that say so would be a third of its files. */
	device_set_pm_not_required(dev);
	ret = dev_set_name(dev, "%04x", DSMIL_DEVICE_ID_BASE + number);
	if (!ret)
		ret = device_add(dev);
	if (ret)
		put_device(dev);
	return ret;
}

/* The first `count` of them. */
static void remove_devices(u16 count)
{
	u16 number;

	for (number = 0; number < count; number++)
		device_unregister(&set->devices[number]);
	put_set(set);
}

int dsmil_devices_add(void)
{
	u16 number;
	int ret;

	set = vzalloc(sizeof(*set));
	if (!set)
		return -ENOMEM;
	refcount_set(&set->users, 1);
	for (number = 0; number < DSMIL_DEVICE_COUNT; number++) {
		ret = add_device(number);
		if (ret) {
			remove_devices(number);
			return ret;
		}
	}
	return 0;
}

void dsmil_devices_remove(void)
{
	remove_devices(DSMIL_DEVICE_COUNT);
}

int dsmil_device_init(void)
{
	int ret;

	ret = bus_register(&dsmil_bus);
	if (ret)
		return ret;
	root = root_device_register("dsmil");
	if (IS_ERR(root)) {
		ret = PTR_ERR(root);
		goto err_root;
	}
	ret = dsmil_chardev_init(root);
	if (ret)
		goto err_chardev;
	return 0;

err_chardev:
	root_device_unregister(root);
err_root:
	bus_unregister(&dsmil_bus);
	return ret;
}

void dsmil_device_exit(void)
{
	dsmil_chardev_exit();
	root_device_unregister(root);
	bus_unregister(&dsmil_bus);
}
