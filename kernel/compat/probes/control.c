// SPDX-License-Identifier: GPL-2.0-only
/* True of every kernel: if this does not compile, no probe says anything. */
#include <linux/module.h>
