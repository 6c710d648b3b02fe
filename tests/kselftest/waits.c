/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A firmware that takes its time: who waits for it can be killed, holds nobody up that
 * does not ask it, and hears when it has gone. On the simulated board, which takes the
 * place of the loaded firmware meanwhile.
 */
#include "genl.h"
#include "knobs.h"
#include "modules.h"
#include "reload.h"
#include "support.h"

#include <fcntl.h>
#include <linux/dsmil_netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONFIG "0x8010" /* of the safe device */
#define LONG_BATCH 64

static struct module sim = { .name = "dsmil_sim" };
static int ctl, node, ring;
static struct genl genl;

/* --------------------------------------------------------------- waiting -- */

static void wait_by_info(void)
{
	info_get(ctl);
}

static void wait_by_read(void)
{
	uint32_t value;

	reg_read(node, DSMIL_REG_CONFIG, &value);
}

static void wait_by_batch(void)
{
	struct dsmil_batch_operation operation = { .fd = node, .operation = DSMIL_BATCH_READ };
	struct dsmil_reg_batch batch = { .size = sizeof(batch), .count = 1, .stride = sizeof(operation),
					 .operations = (uintptr_t)&operation };

	try_ioctl(ctl, DSMIL_IOC_REG_BATCH, &batch);
}

static void wait_by_device_get(void)
{
	const uint32_t number = SAFE_DEVICE;
	const struct genl_attribute attribute = { DSMIL_A_DEVICE_NUMBER, &number, sizeof(number) };

	genl_ask(&genl, DSMIL_CMD_DEVICE_GET, 0, &attribute, 1, NULL, NULL);
}

static void wait_by_register_get(void)
{
	const uint32_t token = DSMIL_TOKEN_BASE;
	const struct genl_attribute attribute = { DSMIL_A_REGISTER_TOKEN, &token, sizeof(token) };

	genl_ask(&genl, DSMIL_CMD_REGISTER_GET, 0, &attribute, 1, NULL, NULL);
}

static void wait_by_statistics_get(void)
{
	genl_ask(&genl, DSMIL_CMD_STATISTICS_GET, 0, NULL, 0, NULL, NULL);
}

static void wait_by_quarantine_get(void)
{
	const uint32_t id = DSMIL_DEVICE_ID_BASE;
	const struct genl_attribute attribute = { DSMIL_A_QUARANTINE_DEVICE_ID, &id, sizeof(id) };

	genl_ask(&genl, DSMIL_CMD_QUARANTINE_GET, 0, &attribute, 1, NULL, NULL);
}

static void wait_by_grant_key_get(void)
{
	genl_ask(&genl, DSMIL_CMD_GRANT_KEY_GET, NLM_F_DUMP, NULL, 0, NULL, NULL);
}

/* What is closed by these two stays closed: if it is not killed, tests behind this one fail. */
static void wait_by_quarantine_add(void)
{
	struct dsmil_quarantine_add request = { .size = sizeof(request), .device_id = 0x8000 + SAFE_DEVICE };

	try_ioctl(ctl, DSMIL_IOC_QUARANTINE_ADD, &request);
}

static void wait_by_seal(void)
{
	struct dsmil_grant_key_seal request = { .size = sizeof(request) };

	try_ioctl(ctl, DSMIL_IOC_GRANT_KEY_SEAL, &request);
}

/* The letter of a process's state. */
static char state_of(pid_t process)
{
	char path[64], line[256] = "", *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", process);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	end = strrchr(line, ')');
	return end ? end[2] : 0;
}

/* Until it waits and no signal but SIGKILL would end that, or has ended. */
static void await_sleep(pid_t process)
{
	char state;

	do {
		sched_yield();
		state = state_of(process);
	} while (state && state != 'D' && state != 'Z');
}

static pid_t start(void (*call)(void))
{
	pid_t process = fork();

	if (!process) {
		call();
		_exit(0);
	}
	await_sleep(process);
	return process;
}

static bool is_running(pid_t process)
{
	return waitpid(process, NULL, WNOHANG) == 0;
}

/* Somebody for whom the firmware takes five seconds. */
static pid_t start_slow(void)
{
	turn("delay_read", CONFIG " 5000000 1");
	return start(wait_by_read);
}

static void check_killed(void)
{
	static const struct {
		void (*call)(void);
		const char *name;
	} waits[] = {
		{ wait_by_info, "who waits for a slow firmware can be killed: INFO" },
		{ wait_by_read, "REG_READ" },
		{ wait_by_batch, "REG_BATCH" },
		{ wait_by_device_get, "netlink's device-get" },
		{ wait_by_register_get, "register-get" },
		{ wait_by_statistics_get, "statistics-get" },
		{ wait_by_quarantine_get, "quarantine-get" },
		{ wait_by_grant_key_get, "a dump of grant keys" },
		{ wait_by_quarantine_add, "QUARANTINE_ADD" },
		{ wait_by_seal, "GRANT_KEY_SEAL" },
	};
	pid_t slow = start_slow(), waiting;
	time_t since = time(NULL);
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		/* The rest of its time is for the next on a busy machine, too. */
		if (time(NULL) - since > 1) {
			waitpid(slow, &status, 0);
			slow = start_slow();
			since = time(NULL);
		}
		waiting = start(waits[i].call);
		kill(waiting, SIGKILL);
		tap_ok(waitpid(waiting, &status, 0) == waiting && WIFSIGNALED(status) && is_running(slow), waits[i].name);
	}
	waitpid(slow, &status, 0);
	tap_ok(!info_get(ctl).quarantine_added && !info_get(ctl).grant_keys_sealed, "and who was killed did nothing");
}

static void check_others(void)
{
	static struct genl other;
	pid_t slow, waiting;
	int error;

	slow = start_slow();
	waiting = start(wait_by_device_get);
	/* Asks another family, the one that knows all of them. */
	error = genl_open(&other);
	tap_ok(!error && state_of(waiting) == 'D' && state_of(slow) == 'D',
	       "a netlink request that waits for a slow firmware holds up no other family");
	genl_close(&other);
	waitpid(waiting, NULL, 0);
	waitpid(slow, NULL, 0);
}

/* --------------------------------------------------------------- leaving -- */

static struct dsmil_batch_operation operations[LONG_BATCH];

static void *run_batch(void *request)
{
	return (void *)(intptr_t)try_ioctl(ctl, DSMIL_IOC_REG_BATCH, request);
}

/* The next record of a type; the machine's end if it does not come. */
static struct dsmil_event next_event(unsigned type)
{
	struct dsmil_event event;

	do {
		if (read(ring, &event, sizeof(event)) != sizeof(event))
			tap_bail("a record does not come");
	} while (event.type != type);
	return event;
}

/* The board goes amid a batch, which lets others have the firmware after 10 ms. */
static void check_outlived(void)
{
	struct dsmil_reg_batch request = { .size = sizeof(request), .count = LONG_BATCH,
					   .stride = sizeof(operations[0]), .operations = (uintptr_t)operations };
	struct dsmil_event event;
	const long before = injected("delay_read");
	pthread_t thread;
	void *error;
	int failed;

	for (unsigned i = 0; i < LONG_BATCH; i++)
		operations[i] = (struct dsmil_batch_operation){ .fd = node, .operation = DSMIL_BATCH_READ };
	ring_drain(ctl, ring);
	turn("delay_read", "all 20000");
	pthread_create(&thread, NULL, run_batch, &request);
	while (injected("delay_read") < before + 2)
		sched_yield();
	failed = module_unload(&sim);
	pthread_join(thread, &error);
	tap_ok(!failed && !error, "a firmware goes amid a batch");
	tap_ok(!operations[0].result && operations[LONG_BATCH - 1].result == -ENODEV,
	       "what came before is done, and the rest says that it has gone");
	event = next_event(DSMIL_EVENT_BATCH);
	tap_is(event.firmware_kind, DSMIL_FIRMWARE_SIM, "the batch's record names the firmware that it asked");
	tap_is((long)event.value, request.failed, "and how many operations failed");
}

int main(int argc, char **argv)
{
	tap_start(argc, argv);
	module_find(&sim, option("sim"));
	ctl = open_node("ctl", O_RDONLY);
	ring = ctl < 0 ? -1 : ring_open(ctl);
	if (ring < 0 || genl_open(&genl) || firmware_leave() || module_load(&sim, ""))
		tap_bail("the simulated board does not load; run this as root with a firmware module loaded and no daemon");
	node = open_device(SAFE_DEVICE, O_RDONLY);
	check_killed();
	check_others();
	check_outlived();
	close(node);
	if (firmware_return())
		tap_bail("the firmware that was loaded before does not come back");
	return tap_finish();
}
