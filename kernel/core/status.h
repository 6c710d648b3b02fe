/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The status page (struct dsmil_status_page): what is known of every register, for
 * readers who map it. Written under the firmware lock alone.
 */
#ifndef DSMIL_STATUS_H
#define DSMIL_STATUS_H

#include <linux/types.h>

struct dsmil_register_operation;
struct dsmil_status_register;
struct file;
struct vm_area_struct;

int dsmil_status_init(void);
void dsmil_status_exit(void);

/* The mmap() of ctl. */
int dsmil_status_mmap(struct file *file, struct vm_area_struct *vma);

/* Under the firmware lock. Attaching forgets what another firmware said. */
void dsmil_status_attach(u8 firmware_kind);
void dsmil_status_detach(void);
/* Which devices there are and how they are protected may have changed. */
void dsmil_status_refresh(void);
/* The firmware was asked; what it answered. */
void dsmil_status_note(const struct dsmil_register_operation *operation);
/* The value of the last good answer; false if there is none yet. */
bool dsmil_status_value(u16 token, u32 *value);
/* What is known of a register; false if no access to it has succeeded yet. */
bool dsmil_status_register(u16 token, struct dsmil_status_register *state);
/* A sweep of the poller has ended. */
void dsmil_status_swept(void);

#endif /* DSMIL_STATUS_H */
