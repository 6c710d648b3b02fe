/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and unloading, without modprobe's ideas of what else is needed. */
#ifndef DSMIL_KSELFTEST_MODULES_H
#define DSMIL_KSELFTEST_MODULES_H

#include <stdbool.h>

struct module {
	const char *name;
	char accepted[160]; /* the parameter of dsmil_dell that accepts this kernel, or empty */
	char path[512]; /* empty if there is none */
};

/* path, or the module's file in /lib/modules of the running kernel. */
void module_find(struct module *module, const char *path);

/* 0 or an errno (positive). */
int module_load(const struct module *module, const char *parameters);
int module_unload(const struct module *module);
bool module_is_loaded(const char *name);

#endif
