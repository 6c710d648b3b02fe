/* SPDX-License-Identifier: Apache-2.0 */
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static struct module *wanted; /* nftw() hands nothing through */

static int match(const char *path, const struct stat *status, int type, struct FTW *place)
{
	char file[64];

	(void)status;
	snprintf(file, sizeof(file), "%s.ko", wanted->name);
	if (type != FTW_F || strcmp(path + place->base, file))
		return 0;
	snprintf(wanted->path, sizeof(wanted->path), "%s", path);
	return 1;
}

/* A kernel that its owner accepted stays accepted when the module is loaded again. */
static void keep_accepted(struct module *module)
{
	char path[96], words[sizeof(module->accepted) - sizeof("accept=")] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/accept", module->name);
	file = fopen(path, "r");
	if (!file)
		return;
	if (fgets(words, sizeof(words), file) && strcspn(words, "\n")) {
		words[strcspn(words, "\n")] = '\0';
		snprintf(module->accepted, sizeof(module->accepted), "accept=%s", words);
	}
	fclose(file);
}

void module_find(struct module *module, const char *path)
{
	char directory[128];
	struct utsname machine;

	keep_accepted(module);
	module->path[0] = '\0';
	if (path) {
		snprintf(module->path, sizeof(module->path), "%s", path);
		return;
	}
	uname(&machine);
	snprintf(directory, sizeof(directory), "/lib/modules/%s/", machine.release);
	wanted = module;
	nftw(directory, match, 16, 0);
}

int module_load(const struct module *module, const char *parameters)
{
	char line[sizeof(module->accepted) + 64];
	int fd = open(module->path, O_RDONLY | O_CLOEXEC);
	int error;

	if (fd < 0)
		return errno;
	snprintf(line, sizeof(line), "%s %s", module->accepted, parameters);
	error = syscall(SYS_finit_module, fd, line, 0) ? errno : 0;
	close(fd);
	return error;
}

int module_unload(const struct module *module)
{
	return syscall(SYS_delete_module, module->name, O_NONBLOCK) ? errno : 0;
}

bool module_is_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return access(path, F_OK) == 0;
}
