/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated board's files. All give 0 or an errno (positive). */
#ifndef DSMIL_KSELFTEST_KNOBS_H
#define DSMIL_KSELFTEST_KNOBS_H

#define KNOBS "/sys/kernel/debug/dsmil_sim/"
#define BOARDS "/sys/bus/dsmil_sim/"

int write_line(const char *path, const char *line);
/* A line to a fault's file in KNOBS. */
int turn(const char *knob, const char *line);
/* How often a fault struck; -1 if the file does not say. */
long injected(const char *knob);

#endif
