/* SPDX-License-Identifier: Apache-2.0 */
#include "reload.h"

#include "modules.h"
#include "support.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void modules_reload(void)
{
	static struct module core = { .name = "dsmil" }, firmware;
	const char *parameters = "";
	struct stat node;

	if (!firmware.name) {
		firmware.name = module_is_loaded("dsmil_sim") ? "dsmil_sim" : "dsmil_dell";
		module_find(&core, option("core"));
		module_find(&firmware, option("firmware"));
	}
	if (board_is_odd() && !strcmp(firmware.name, "dsmil_sim"))
		parameters = "absent=107";
	if (stat("/dev/dsmil/ctl", &node))
		tap_bail("there is no ctl");
	if (module_unload(&firmware) || module_unload(&core) || module_load(&core, "") ||
	    module_load(&firmware, parameters) || chown("/dev/dsmil/ctl", node.st_uid, node.st_gid))
		tap_bail("the modules do not unload and load again");
}
