/* SPDX-License-Identifier: Apache-2.0 */
/* The modules that were loaded when a test began, which go and come back as they were. */
#ifndef DSMIL_KSELFTEST_RELOAD_H
#define DSMIL_KSELFTEST_RELOAD_H

/*
 * A fresh load of the modules, for what lasts until they are unloaded. All files
 * of theirs must be closed. Bails out if it does not work.
 */
void modules_reload(void);

/* The firmware alone, which makes room for another meanwhile: 0 or an errno. */
int firmware_leave(void);
int firmware_return(void);

#endif
