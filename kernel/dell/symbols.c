// SPDX-License-Identifier: GPL-2.0-only
/*
 * dell-smbios keeps its header to itself, so nothing tells the compiler when its
 * functions change. Their symbol versions do: the kernel refuses a module whose
 * versions are not its own, and those of this build are compared here with the ones
 * that were tested. Without CONFIG_MODVERSIONS the kernel takes a module for its
 * very release only, and the release is compared.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <generated/utsrelease.h>
#include <linux/module.h>
#include <linux/string.h>

#include "dell.h"

/* Names versions, not "yes": what the next kernel brings is asked about again. */
static char *accept = "";
module_param(accept, charp, 0444);
MODULE_PARM_DESC(accept, "symbol versions (or the kernel's release) to trust though they were not tested, as the log names them");

#define WORD_BYTES 80

/* Whether the administrator's list, separated by commas, has the word. */
static bool is_accepted(const char *word)
{
	size_t length = strlen(word);
	const char *at = accept;

	while (*at) {
		size_t end = strcspn(at, ",");

		if (end == length && !strncmp(at, word, length))
			return true;
		at += end + (at[end] == ',');
	}
	return false;
}

#ifdef CONFIG_MODVERSIONS

struct version {
	const char *symbol;
	u32 version; /* 0: the kernel's Module.symvers did not say */
};

static const struct version borrowed[] = {
#define DSMIL_BORROWED(symbol, version) { #symbol, version },
#include "dsmil_symbols.def"
};

static bool is_known(const struct version *asked)
{
	static const struct version known[] = {
#define DSMIL_KNOWN(symbol, version) { #symbol, version },
#include "dsmil_symbols.def"
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].version == asked->version && !strcmp(known[i].symbol, asked->symbol))
			return true;
	return false;
}

bool dell_symbols_trusted(void)
{
	char wanted[ARRAY_SIZE(borrowed) * WORD_BYTES] = "", word[WORD_BYTES];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(borrowed); i++) {
		if (!borrowed[i].version) {
			pr_warn("read-only: the version of %s was not to be had when this module was built; install linux-headers-%s and build it again\n",
				borrowed[i].symbol, UTS_RELEASE);
			return false;
		}
		snprintf(word, sizeof(word), "%s:0x%08x", borrowed[i].symbol, borrowed[i].version);
		if (is_known(&borrowed[i]) || is_accepted(word))
			continue;
		if (*wanted)
			strlcat(wanted, ",", sizeof(wanted));
		strlcat(wanted, word, sizeof(wanted));
	}
	if (!*wanted)
		return true;
	pr_warn("read-only: this driver was not tested with this kernel's dell-smbios; to write all the same, put \"options dsmil_dell accept=%s\" in /etc/modprobe.d/dsmil.conf and load it again\n",
		wanted);
	return false;
}

#else

bool dell_symbols_trusted(void)
{
	static const char *const known[] = {
#define DSMIL_KNOWN_KERNEL(release) release,
#include "dsmil_symbols.def"
		NULL /* the list may be empty */
	};
	const char *const *release;

	for (release = known; *release; release++)
		if (!strcmp(*release, UTS_RELEASE))
			return true;
	if (is_accepted(UTS_RELEASE))
		return true;
	pr_warn("read-only: this driver was not tested with kernel %s, which gives symbols no versions; to write all the same, put \"options dsmil_dell accept=%s\" in /etc/modprobe.d/dsmil.conf and load it again\n",
		UTS_RELEASE, UTS_RELEASE);
	return false;
}

#endif /* CONFIG_MODVERSIONS */
