/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family "dsmil"; include/uapi/linux/dsmil_netlink.h describes it. */
#ifndef DSMIL_NETLINK_CORE_H
#define DSMIL_NETLINK_CORE_H

#include <linux/dsmil.h>

int dsmil_netlink_init(void);
void dsmil_netlink_exit(void);

/*
 * Tells the group "events", and "security" what concerns it; what does not reach a
 * listener is still in the ring. May sleep.
 */
void dsmil_netlink_publish(const struct dsmil_event *event);

#endif /* DSMIL_NETLINK_CORE_H */
