/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the self tests share: TAP on stdout, the nodes, and what the catalogue
 * says a board must answer. The lines are the same over every firmware.
 *
 * Arguments of every program (the environment's DSMIL_BOARD is the default):
 *   --board full|odd   odd: device 107 is absent, reading token 0x80FC fails
 *                      (EIO) and 0x80FF is unsupported (ENXIO)
 * Exit: 0 all held, 1 one did not, 4 everything was skipped.
 */
#ifndef DSMIL_KSELFTEST_SUPPORT_H
#define DSMIL_KSELFTEST_SUPPORT_H

#include <errno.h>
#include <linux/dsmil.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* ----------------------------------------------------------------- TAP -- */

void tap_start(int argc, char **argv);
bool tap_ok(bool passed, const char *name);
/* got == wanted, both an errno or a number; a difference is shown. */
bool tap_is(long got, long wanted, const char *name);
void tap_skip(const char *name, const char *why);
void tap_diag(const char *format, ...) __attribute__((format(printf, 1, 2)));
int tap_finish(void);
/* The machine is not as the tests need it: nothing more can be said. */
void tap_bail(const char *why) __attribute__((noreturn));

bool board_is_odd(void);
/* The value of --NAME, or NULL. */
const char *option(const char *name);

/* ------------------------------------------------------- kernel's doors -- */

/* All give 0 or an errno (positive), a descriptor or -errno. */
int open_node(const char *name, int flags);
int open_device(unsigned number, int flags);
int try_ioctl(int fd, unsigned long command, void *argument);
int reg_read(int fd, unsigned reg, uint32_t *value);
int reg_write(int fd, unsigned reg, uint32_t value, struct dsmil_reg_write *answer);
struct dsmil_info info_get(int ctl);
int ring_open(int ctl);
int ring_advance(int ring, uint64_t up_to);
/* Reads and acknowledges everything; the ring does not wait from then on. */
void ring_drain(int ctl, int ring);

/*
 * Whether the kernel is user-mode Linux: no 32-bit system calls, no Dell firmware.
 * What only it lacks is skipped there, and a failure everywhere else.
 */
bool on_user_mode_linux(void);

/* In a child without capabilities, of uid 1000: its answer, 0..255. */
int as_nobody(int (*test)(void *context), void *context);

/* ------------------------------------------------------------ catalogue -- */

struct device_facts {
	uint16_t number;
	uint16_t id;
	uint8_t risk;
	const char *name;
};

extern const struct device_facts device_facts[DSMIL_DEVICE_COUNT];

struct register_facts {
	uint16_t token;
	uint16_t location;
	uint32_t value; /* at power-on */
};

extern const struct register_facts register_facts[DSMIL_TOKEN_COUNT];

#define SAFE_DEVICE 5	       /* "Performance Monitor": its three registers may be written */
#define QUARANTINED_DEVICE 9   /* "Data Destruction" */
#define MONITORED_DEVICE 100
#define ABSENT_DEVICE 107      /* on the odd board */

/*
 * The odd board's faults, on the simulated firmware: it takes them from debugfs.
 * The lab's emulated firmware has them built in.
 */
void make_odd_board(void);

/* Whether this board has the register; if so, the errno that reading gives. */
bool expect_present(unsigned token);
int expect_read(unsigned token);
int expect_write(unsigned token); /* of a write that the guard allows */
/* What the guard must answer a caller with CAP_SYS_RAWIO (enum dsmil_reason). */
uint32_t expect_reason(unsigned token);

#endif
