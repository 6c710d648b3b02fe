/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The devices that user space added to the quarantine: a ratchet, until the module
 * is unloaded. Everything but the ioctl wants the firmware lock held.
 */
#ifndef DSMIL_QUARANTINE_H
#define DSMIL_QUARANTINE_H

#include <linux/dsmil.h>
#include <linux/types.h>

struct dsmil_quarantine;

long dsmil_quarantine_ioctl(struct dsmil_quarantine_add __user *arg);

const struct dsmil_quarantine *dsmil_quarantine_list(void);

/* A device's risk: the catalogue's, or quarantined if it was added. */
u8 dsmil_quarantine_risk(u16 number);
u32 dsmil_quarantine_risk_count(u8 risk);

/* Devices that were added, those that the catalogue quarantines anyway not counted. */
u32 dsmil_quarantine_added_count(void);

#endif /* DSMIL_QUARANTINE_H */
