// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

#include "audit.h"
#include "core.h"
#include "grants.h"
#include "netlink.h"
#include "status.h"

static int __init dsmil_init(void)
{
	int ret;

	ret = dsmil_info_init();
	if (ret)
		return ret;
	ret = dsmil_audit_init();
	if (ret)
		return ret;
	ret = dsmil_grants_init();
	if (ret)
		goto err_grants;
	ret = dsmil_status_init();
	if (ret)
		goto err_status;
	ret = dsmil_netlink_init();
	if (ret)
		goto err_netlink;
	/* Last: a file that somebody has open must not be left by what fails after it. */
	ret = dsmil_device_init();
	if (ret)
		goto err_device;
	return 0;

err_device:
	dsmil_netlink_exit();
err_netlink:
	dsmil_status_exit();
err_status:
	dsmil_grants_exit();
err_grants:
	dsmil_audit_exit();
	return ret;
}

static void __exit dsmil_exit(void)
{
	dsmil_device_exit();
	dsmil_netlink_exit();
	dsmil_status_exit();
	dsmil_grants_exit();
	dsmil_audit_exit();
}

module_init(dsmil_init);
module_exit(dsmil_exit);

MODULE_DESCRIPTION("Guarded access to the DSMIL firmware devices");
MODULE_AUTHOR("The dsmil authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(DSMIL_MODULE_VERSION);
