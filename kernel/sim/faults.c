// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fault injection, in debugfs below dsmil_sim/. No file here can open a write
 * that the guard refuses: they make the board worse, never better.
 *
 * A line is "TOKEN ARGUMENT [TIMES]"; TOKEN may be "all". Without TIMES a fault
 * strikes until it is taken away (ARGUMENT none or 0); with it, so many times.
 *
 *   fail_read, fail_write    EIO, ENXIO or none: the firmware fails, nothing is done
 *   delay_read, delay_write  microseconds, at most 5,000,000
 *   short_read, short_write  1: the answer breaks off (EIO); a write has been done
 *   flip_read, flip_write    a mask: these bits are turned over on the way
 *   unlocatable              1: the firmware names no location; without TIMES
 *   vanish                   1: the token leaves the board; without TIMES
 *   outside_token            "TOKEN LOCATION" adds a token outside our range, for good
 *   injected                 (read) "NAME COUNT": how often each struck
 *   journal                  (read) the writes that reached the board, the newest
 *                            1024: "TOKEN LOCATION VALUE RESULT"
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "sim.h"

#define DELAY_MAX_US 5000000
#define TIMES_MAX 1000000

static struct dentry *folder;

/* ------------------------------------------------------------ arguments -- */

static int parse_error(const char *text, u32 *error)
{
	static const struct {
		const char *name;
		u32 error;
	} names[] = { { "EIO", EIO }, { "ENXIO", ENXIO }, { "none", 0 } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(text, names[i].name)) {
			*error = names[i].error;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_delay(const char *text, u32 *delay_us)
{
	return kstrtou32(text, 0, delay_us) ?: *delay_us > DELAY_MAX_US ? -ERANGE : 0;
}

static int parse_mask(const char *text, u32 *mask)
{
	return kstrtou32(text, 0, mask);
}

static int parse_switch(const char *text, u32 *on)
{
	bool value;
	int ret = kstrtobool(text, &value);

	*on = ret ? 0 : value;
	return ret;
}

static const struct knob {
	const char *name;
	int (*parse)(const char *text, u32 *argument); /* 0 takes the fault away */
	bool is_state; /* of the token, not of one operation: has no TIMES */
} knobs[SIM_FAULT_KINDS] = {
	[SIM_FAIL_READ] = { "fail_read", parse_error },
	[SIM_FAIL_WRITE] = { "fail_write", parse_error },
	[SIM_DELAY_READ] = { "delay_read", parse_delay },
	[SIM_DELAY_WRITE] = { "delay_write", parse_delay },
	[SIM_SHORT_READ] = { "short_read", parse_switch },
	[SIM_SHORT_WRITE] = { "short_write", parse_switch },
	[SIM_FLIP_READ] = { "flip_read", parse_mask },
	[SIM_FLIP_WRITE] = { "flip_write", parse_mask },
	[SIM_UNLOCATABLE] = { "unlocatable", parse_switch, true },
	[SIM_VANISHED] = { "vanish", parse_switch, true },
};

/* ----------------------------------------------------------------- lines -- */

/* The words of a line that was written; -EINVAL if it is longer than any may be. */
static int split_line(char *line, size_t room, const char __user *from, size_t size, char *words[3])
{
	size_t i;

	if (size >= room)
		return -EINVAL;
	if (copy_from_user(line, from, size))
		return -EFAULT;
	line[size] = '\0';
	line = strim(line);
	for (i = 0; i < 3; i++)
		words[i] = strsep(&line, " ");
	return line || !words[1] ? -EINVAL : 0;
}

static int parse_fault(const struct knob *knob, char *words[3], struct sim_fault *fault)
{
	int ret = knob->parse(words[1], &fault->argument);

	if (ret)
		return ret;
	fault->left = fault->argument ? SIM_ALWAYS : 0;
	if (!words[2])
		return 0;
	if (knob->is_state || !fault->argument)
		return -EINVAL;
	ret = kstrtou32(words[2], 0, &fault->left);
	return ret ?: !fault->left || fault->left > TIMES_MAX ? -ERANGE : 0;
}

static int set_fault(const struct knob *knob, const char *which, const struct sim_fault *fault)
{
	size_t kind = knob - knobs, i;
	struct sim_cell *cell;
	u16 token;
	int ret;

	if (!strcmp(which, "all")) {
		for (i = 0; i < sim_board->cell_count; i++)
			sim_board->cells[i].faults[kind] = *fault;
	} else {
		ret = kstrtou16(which, 0, &token);
		if (ret)
			return ret;
		cell = sim_find_cell(token);
		if (!cell)
			return -ENOENT;
		cell->faults[kind] = *fault;
	}
	if (kind == SIM_VANISHED)
		sim_list_map(sim_board);
	return 0;
}

static ssize_t knob_write(struct file *file, const char __user *from, size_t size, loff_t *offset)
{
	const struct knob *knob = file->private_data;
	struct sim_fault fault;
	char line[48], *words[3];
	int ret;

	ret = split_line(line, sizeof(line), from, size, words) ?: parse_fault(knob, words, &fault);
	if (ret)
		return ret;
	dsmil_board_change_begin();
	ret = set_fault(knob, words[0], &fault);
	dsmil_board_change_end();
	return ret ?: size;
}

static const struct file_operations knob_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = knob_write,
};

static ssize_t outside_write(struct file *file, const char __user *from, size_t size,
			     loff_t *offset)
{
	char line[48], *words[3];
	u16 token, location;
	int ret;

	ret = split_line(line, sizeof(line), from, size, words);
	if (ret)
		return ret;
	ret = words[2] ? -EINVAL : kstrtou16(words[0], 0, &token) ?:
				   kstrtou16(words[1], 0, &location);
	if (ret)
		return ret;
	dsmil_board_change_begin();
	ret = sim_add_outside(token, location);
	dsmil_board_change_end();
	return ret ?: size;
}

static const struct file_operations outside_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = outside_write,
};

/* --------------------------------------------------------------- reports -- */

static int injected_show(struct seq_file *file, void *data)
{
	size_t kind;

	dsmil_board_change_begin(); /* for the lock */
	for (kind = 0; kind < SIM_FAULT_KINDS; kind++)
		seq_printf(file, "%s %llu\n", knobs[kind].name, sim_board->injected[kind]);
	dsmil_board_change_end();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(injected);

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
	size_t kind;

	/* Without debugfs there are no faults, and no errors to handle. */
	folder = debugfs_create_dir("dsmil_sim", NULL);
	for (kind = 0; kind < SIM_FAULT_KINDS; kind++)
		debugfs_create_file(knobs[kind].name, 0200, folder, (void *)&knobs[kind],
				    &knob_fops);
	debugfs_create_file("outside_token", 0200, folder, NULL, &outside_fops);
	debugfs_create_file("injected", 0400, folder, NULL, &injected_fops);
	debugfs_create_file("journal", 0400, folder, NULL, &journal_fops);
}

void sim_faults_exit(void)
{
	/* Waits for reads and writes of these files that are under way. */
	debugfs_remove_recursive(folder);
}
