// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection, in debugfs below dsmil_sim/. No file here can open a write
 * that the guard refuses: they make the board worse, never better.
 *
 *   fail_read         "TOKEN ERROR", ERROR one of EIO, ENXIO, none
 *   fail_write        the same
 *   flip_read         "TOKEN MASK": these bits of an answer are turned over
 *   unlocatable       "TOKEN 1" hides a token's location, "TOKEN 0" shows it
 *   outside_token     "TOKEN LOCATION" adds a token outside our range, for good
 *   journal           the writes that reached the board, the newest 1024:
 *                     "TOKEN LOCATION VALUE RESULT"
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "sim.h"

static struct dentry *folder;

/* What one file's line changes, within a board change. */
typedef int (*change_fn)(u16 token, const char *argument);

static int parse_error(const char *text, int *error)
{
	static const struct {
		const char *name;
		int error;
	} names[] = { { "EIO", -EIO }, { "ENXIO", -ENXIO }, { "none", 0 } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(text, names[i].name)) {
			*error = names[i].error;
			return 0;
		}
	}
	return -EINVAL;
}

static int change_fail_read(u16 token, const char *argument)
{
	struct sim_cell *cell = sim_find_cell(token);

	return cell ? parse_error(argument, &cell->read_error) : -ENOENT;
}

static int change_fail_write(u16 token, const char *argument)
{
	struct sim_cell *cell = sim_find_cell(token);

	return cell ? parse_error(argument, &cell->write_error) : -ENOENT;
}

static int change_flip_read(u16 token, const char *argument)
{
	struct sim_cell *cell = sim_find_cell(token);

	return cell ? kstrtou32(argument, 0, &cell->flip_read) : -ENOENT;
}

static int change_unlocatable(u16 token, const char *argument)
{
	struct sim_cell *cell = sim_find_cell(token);

	return cell ? kstrtobool(argument, &cell->unlocatable) : -ENOENT;
}

static int change_outside_token(u16 token, const char *argument)
{
	u16 location;

	return kstrtou16(argument, 0, &location) ?: sim_add_outside(token, location);
}

static ssize_t change_write(struct file *file, const char __user *from, size_t size, loff_t *offset)
{
	change_fn change = (change_fn)file->private_data;
	char line[32], *argument, *number;
	u16 token;
	int ret;

	if (size >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, from, size))
		return -EFAULT;
	line[size] = '\0';
	argument = strim(line);
	number = strsep(&argument, " ");
	if (!argument)
		return -EINVAL;
	ret = kstrtou16(number, 0, &token);
	if (ret)
		return ret;

	dsmil_board_change_begin();
	ret = change(token, argument);
	dsmil_board_change_end();
	return ret ?: size;
}

static const struct file_operations change_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = change_write,
};

static int journal_show(struct seq_file *file, void *data)
{
	u64 first = 0, i;

	dsmil_board_change_begin(); /* for the lock */
	if (sim_board->writes > SIM_JOURNAL_CAPACITY)
		first = sim_board->writes - SIM_JOURNAL_CAPACITY;
	for (i = first; i < sim_board->writes; i++) {
		const struct sim_write *entry = &sim_board->journal[i % SIM_JOURNAL_CAPACITY];

		seq_printf(file, "0x%04x 0x%04x 0x%08x %d\n", entry->token, entry->location,
			   entry->value, entry->result);
	}
	dsmil_board_change_end();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(journal);

void sim_faults_init(void)
{
	/* Without debugfs there are no faults, and no errors to handle. */
	folder = debugfs_create_dir("dsmil_sim", NULL);
	debugfs_create_file("fail_read", 0200, folder, change_fail_read, &change_fops);
	debugfs_create_file("fail_write", 0200, folder, change_fail_write, &change_fops);
	debugfs_create_file("flip_read", 0200, folder, change_flip_read, &change_fops);
	debugfs_create_file("unlocatable", 0200, folder, change_unlocatable, &change_fops);
	debugfs_create_file("outside_token", 0200, folder, change_outside_token, &change_fops);
	debugfs_create_file("journal", 0400, folder, NULL, &journal_fops);
}

void sim_faults_exit(void)
{
	debugfs_remove_recursive(folder);
}
