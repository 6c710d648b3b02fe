/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fresh load of the modules, for what lasts until they are unloaded. All files
 * of theirs must be closed. Bails out if it does not work.
 */
#ifndef DSMIL_KSELFTEST_RELOAD_H
#define DSMIL_KSELFTEST_RELOAD_H

void modules_reload(void);

#endif
