// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulated firmware. Boards are made and removed at run time, as netdevsim does,
 * one at a time because the core has one firmware at a time:
 *
 *   /sys/bus/dsmil_sim/new_device  "ID [absent=LIST] [alias=TOKEN:TOKEN] [seed=N]"
 *       absent  devices that the board lacks: numbers and ranges, "5,9,20-30"
 *       alias   the first token takes the location of the second; may be repeated
 *       seed    values at power-on are made from it, not taken from the catalogue
 *   /sys/bus/dsmil_sim/del_device  "ID"
 *
 * Loading the module makes board 0 with every device, unless board=N.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "sim.h"

static char *absent = "";
module_param(absent, charp, 0444);
MODULE_PARM_DESC(absent, "devices that board 0 lacks, such as 5,9,20-30");
static bool board = true;
module_param(board, bool, 0444);
MODULE_PARM_DESC(board, "make board 0 when the module is loaded (default: yes)");

/* Making and removing boards; outside the core's locks. */
static DEFINE_MUTEX(boards_lock);
static bool closing; /* the module is on its way out: no more boards */

static void board_release(struct device *dev)
{
	complete(&container_of(dev, struct sim_board, dev)->released);
}

/* ------------------------------------------------------- configuration -- */

static int parse_absent(struct sim_config *config, const char *list)
{
	int ret;

	if (!*list)
		return 0;
	ret = bitmap_parselist(list, config->absent, DSMIL_DEVICE_COUNT);
	if (ret)
		pr_err("absent=%s: not numbers and ranges of 0 to %u\n", list,
		       DSMIL_DEVICE_COUNT - 1);
	return ret ? -EINVAL : 0;
}

static int parse_alias(struct sim_config *config, char *pair)
{
	const char *token = strsep(&pair, ":");
	size_t i = config->alias_count;

	if (!pair)
		return -EINVAL;
	if (i == SIM_ALIAS_CAPACITY)
		return -ENOSPC;
	config->alias_count++;
	return kstrtou16(token, 0, &config->alias[i].token) ?:
	       kstrtou16(pair, 0, &config->alias[i].with);
}

static int parse_word(struct sim_config *config, char *word)
{
	const char *key = strsep(&word, "=");

	if (!word)
		return -EINVAL;
	if (!strcmp(key, "absent"))
		return parse_absent(config, word);
	if (!strcmp(key, "alias"))
		return parse_alias(config, word);
	if (!strcmp(key, "seed")) {
		config->seeded = true;
		return kstrtou32(word, 0, &config->seed);
	}
	return -EINVAL;
}

static int parse_config(struct sim_config *config, char *line)
{
	char *word = strsep(&line, " ");
	int ret;

	ret = kstrtou32(word, 0, &config->id);
	while (!ret && (word = strsep(&line, " ")))
		ret = parse_word(config, word);
	return ret;
}

/* -------------------------------------------------------------- boards -- */

static ssize_t seed_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct sim_board *shown = container_of(dev, struct sim_board, dev);

	if (!shown->config.seeded)
		return sysfs_emit(buf, "\n");
	return sysfs_emit(buf, "%u\n", shown->config.seed);
}
static DEVICE_ATTR_RO(seed);

static ssize_t absent_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct sim_board *shown = container_of(dev, struct sim_board, dev);

	return sysfs_emit(buf, "%*pbl\n", DSMIL_DEVICE_COUNT, shown->config.absent);
}
static DEVICE_ATTR_RO(absent);

static struct attribute *board_attrs[] = {
	&dev_attr_seed.attr,
	&dev_attr_absent.attr,
	NULL
};
ATTRIBUTE_GROUPS(board);

static ssize_t new_device_store(dsmil_const_bus *bus, const char *buf, size_t count);
static ssize_t del_device_store(dsmil_const_bus *bus, const char *buf, size_t count);
static BUS_ATTR_WO(new_device);
static BUS_ATTR_WO(del_device);

static struct attribute *bus_attrs[] = {
	&bus_attr_new_device.attr,
	&bus_attr_del_device.attr,
	NULL
};
ATTRIBUTE_GROUPS(bus);

static dsmil_bus_type sim_bus = {
	.name = "dsmil_sim",
	.dev_groups = board_groups,
	.bus_groups = bus_groups,
};

/* Nobody may hold the memory any more when it is freed. */
static void free_board(struct sim_board *old)
{
	put_device(&old->dev);
	wait_for_completion(&old->released);
	vfree(old);
}

static int make_board(const struct sim_config *config)
{
	struct sim_board *made;
	int ret;

	lockdep_assert_held(&boards_lock);
	if (closing)
		return -ENODEV;
	if (sim_board)
		return -EBUSY;
	made = vzalloc(sizeof(*made));
	if (!made)
		return -ENOMEM;
	device_initialize(&made->dev);
	init_completion(&made->released);
	made->dev.bus = &sim_bus;
	made->dev.release = board_release;
	ret = dev_set_name(&made->dev, "board%u", config->id) ?: sim_board_fill(made, config);
	if (ret)
		goto err_fill;
	ret = device_add(&made->dev);
	if (ret)
		goto err_fill;
	sim_board = made;
	ret = dsmil_register_firmware(&sim_ops);
	if (ret)
		goto err_register;
	sim_faults_init();
	return 0;

err_register:
	sim_board = NULL;
	device_del(&made->dev);
err_fill:
	free_board(made);
	return ret;
}

static void remove_board(void)
{
	struct sim_board *old = sim_board;

	lockdep_assert_held(&boards_lock);
	sim_faults_exit();
	dsmil_unregister_firmware(&sim_ops);
	sim_board = NULL;
	device_del(&old->dev);
	free_board(old);
}

static ssize_t new_device_store(dsmil_const_bus *bus, const char *buf, size_t count)
{
	struct sim_config *config;
	char *line;
	int ret;

	config = kzalloc(sizeof(*config), GFP_KERNEL);
	line = kmemdup_nul(buf, count, GFP_KERNEL);
	ret = config && line ? parse_config(config, strim(line)) : -ENOMEM;
	if (!ret) {
		mutex_lock(&boards_lock);
		ret = make_board(config);
		mutex_unlock(&boards_lock);
	}
	kfree(line);
	kfree(config);
	return ret ?: count;
}

static ssize_t del_device_store(dsmil_const_bus *bus, const char *buf, size_t count)
{
	u32 id;
	int ret;

	ret = kstrtou32(buf, 0, &id);
	if (ret)
		return ret;
	mutex_lock(&boards_lock);
	if (sim_board && sim_board->config.id == id)
		remove_board();
	else
		ret = -ENOENT;
	mutex_unlock(&boards_lock);
	return ret ?: count;
}

/* -------------------------------------------------------------- module -- */

static void close_bus(void)
{
	mutex_lock(&boards_lock);
	closing = true;
	if (sim_board)
		remove_board();
	mutex_unlock(&boards_lock);
	/* Waits for a store that is under way; it finds the bus closing. */
	bus_unregister(&sim_bus);
}

static int __init dsmil_sim_init(void)
{
	struct sim_config config = {};
	int ret;

	ret = parse_absent(&config, absent);
	if (ret)
		return ret;
	ret = bus_register(&sim_bus);
	if (ret)
		return ret;
	if (!board)
		return 0;
	mutex_lock(&boards_lock);
	ret = make_board(&config);
	mutex_unlock(&boards_lock);
	if (ret)
		close_bus();
	return ret;
}

static void __exit dsmil_sim_exit(void)
{
	close_bus();
}

module_init(dsmil_sim_init);
module_exit(dsmil_sim_exit);

MODULE_DESCRIPTION("Simulated DSMIL firmware devices");
MODULE_AUTHOR("The dsmil authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(DSMIL_MODULE_VERSION);
