/* SPDX-License-Identifier: Apache-2.0 */
#include "reload.h"

#include "modules.h"
#include "support.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct module core = { .name = "dsmil" }, firmware;

/* Which they are is known as long as they are loaded. */
static void find_modules(void)
{
	if (firmware.name)
		return;
	firmware.name = module_is_loaded("dsmil_sim") ? "dsmil_sim" : "dsmil_dell";
	module_find(&core, option("core"));
	module_find(&firmware, option("firmware"));
}

int firmware_leave(void)
{
	find_modules();
	return module_unload(&firmware);
}

int firmware_return(void)
{
	return module_load(&firmware, board_is_odd() && !strcmp(firmware.name, "dsmil_sim") ? "absent=107" : "");
}

void modules_reload(void)
{
	struct stat node;

	if (stat("/dev/dsmil/ctl", &node))
		tap_bail("there is no ctl");
	if (firmware_leave() || module_unload(&core) || module_load(&core, "") || firmware_return() ||
	    chown("/dev/dsmil/ctl", node.st_uid, node.st_gid))
		tap_bail("the modules do not unload and load again");
}
