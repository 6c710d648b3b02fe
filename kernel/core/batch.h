/* SPDX-License-Identifier: GPL-2.0-only */
/* REG_BATCH: many operations, one system call, one event. */
#ifndef DSMIL_BATCH_H
#define DSMIL_BATCH_H

#include <linux/compiler_types.h>
#include <linux/dsmil.h>

long dsmil_batch_run(struct dsmil_reg_batch __user *arg);

#endif /* DSMIL_BATCH_H */
