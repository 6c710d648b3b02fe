/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status page and the poller that keeps it fresh.
 *
 *   --firmware FILE, --core FILE, --parameters P   as in unload.c
 */
#include "modules.h"
#include "sha256.h"
#include "support.h"

#include <fcntl.h>
#include <linux/wmi.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define PAGES ((sizeof(struct dsmil_status_page) + PAGE - 1) / PAGE)
#define INTERVAL "/sys/module/dsmil/parameters/poll_interval_s"
#define WITH_DATA "/sys/module/dsmil/parameters/poll_data"

static struct module core = { .name = "dsmil" };
static struct module firmware;
static int ctl, safe, quarantined;
static const struct dsmil_status_page *page;

/* ------------------------------------------------------------------ reading -- */

static uint32_t sequence(void)
{
	return __atomic_load_n(&page->sequence, __ATOMIC_ACQUIRE);
}

static struct dsmil_status_page snapshot(void)
{
	struct dsmil_status_page copy;
	uint32_t before;

	do {
		before = sequence();
		copy = *page;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (before & 1 || before != sequence());
	return copy;
}

static struct dsmil_status_register state_of(unsigned token)
{
	struct dsmil_status_page copy = snapshot();

	return copy.devices[(token - DSMIL_TOKEN_BASE) / 3].registers[(token - DSMIL_TOKEN_BASE) % 3];
}

/* ----------------------------------------------------------------- mapping -- */

static int try_mmap(int fd, size_t length, int protection, int flags, size_t first)
{
	void *at = mmap(NULL, length, protection, flags, fd, (off_t)(first * PAGE));

	if (at == MAP_FAILED)
		return errno;
	munmap(at, length);
	return 0;
}

static int open_ctl(void *context)
{
	(void)context;
	return open_node("ctl", O_RDONLY) == -EACCES ? 0 : 1;
}

static void check_mapping(void)
{
	int writable = open_node("ctl", O_RDWR);

	tap_is(try_mmap(writable, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EPERM, "the page is not mapped writable");
	tap_is(try_mmap(writable, PAGE, PROT_WRITE, MAP_SHARED, 0), EPERM, "nor for writing alone");
	tap_is(try_mmap(writable, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0), EPERM, "nor as a private copy");
	tap_is(try_mmap(writable, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, 0), EPERM, "nor to be executed");
	tap_is(try_mmap(ctl, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0), EACCES,
	       "a descriptor that was opened for reading maps nothing writable");
	tap_is(try_mmap(ctl, (PAGES + 1) * PAGE, PROT_READ, MAP_SHARED, 0), EINVAL, "a mapping that is too long is refused");
	tap_is(try_mmap(ctl, PAGE, PROT_READ, MAP_SHARED, PAGES), EINVAL, "so is one behind the end");
	tap_is(try_mmap(ctl, PAGE, PROT_READ, MAP_SHARED, (size_t)1 << 50), EINVAL, "so is one far away");
	tap_is(try_mmap(safe, PAGE, PROT_READ, MAP_SHARED, 0), ENODEV, "a device's node maps nothing");
	tap_is(as_nobody(open_ctl, NULL), 0, "who may not read ctl has no page to map");
	tap_is(mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE) ? errno : 0, EACCES,
	       "a mapping does not become writable later");
	tap_ok(mremap((void *)page, PAGES * PAGE, (PAGES + 1) * PAGE, MREMAP_MAYMOVE) == MAP_FAILED,
	       "nor does it grow");
	close(writable);
}

/* ----------------------------------------------------------------- content -- */

static void check_header(void)
{
	struct dsmil_status_page copy = snapshot();
	struct dsmil_info info = info_get(ctl);
	int wrong = 0;

	tap_ok(copy.version == DSMIL_STATUS_VERSION && copy.bytes == sizeof(copy) &&
	       copy.device_bytes == sizeof(copy.devices[0]), "the page says its layout");
	tap_ok(!memcmp(copy.load_id, info.load_id, 16) && copy.firmware_kind == info.firmware_kind && !copy.flags,
	       "and of which load and firmware it is");
	for (unsigned i = 0; i < DSMIL_DEVICE_COUNT; i++) {
		const struct dsmil_status_device *device = &copy.devices[i];

		wrong += device->id != DSMIL_DEVICE_ID_BASE + i || device->risk != device_facts[i].risk ||
			 device->present != expect_present(DSMIL_TOKEN_BASE + 3 * i);
	}
	tap_is(wrong, 0, "it has all 108 devices, as the catalogue and the board have them");
}

static void check_accesses(void)
{
	struct dsmil_status_register state;
	struct dsmil_reg_read request = { .size = sizeof(request), .reg = DSMIL_REG_CONFIG };
	struct dsmil_status_page before, after;
	uint32_t refused_value;
	int wrong = 0;

	try_ioctl(safe, DSMIL_IOC_REG_READ, &request);
	state = state_of(0x8010);
	tap_ok(state.value == request.value && state.time_ns == request.time_ns && !state.result,
	       "a read is in the page, with its value and time");
	reg_write(safe, DSMIL_REG_CONFIG, request.value ^ 1, NULL);
	tap_is(state_of(0x8010).value, request.value ^ 1, "so is a write");
	tap_ok(state_of(0x8010).time_ns > state.time_ns, "with a later time");
	reg_write(safe, DSMIL_REG_CONFIG, request.value, NULL);

	reg_read(quarantined, DSMIL_REG_DATA, &refused_value);
	before = snapshot();
	reg_write(quarantined, DSMIL_REG_DATA, ~refused_value, NULL);
	after = snapshot();
	tap_ok(!memcmp(&before, &after, sizeof(before)), "a refused write is not: the firmware was not asked");

	for (unsigned token = DSMIL_TOKEN_BASE; token < DSMIL_TOKEN_BASE + DSMIL_TOKEN_COUNT; token++) {
		int device = open_device((token - DSMIL_TOKEN_BASE) / 3, O_RDONLY);
		uint32_t value;
		int error = reg_read(device, (token - DSMIL_TOKEN_BASE) % 3, &value);

		close(device);
		state = state_of(token);
		wrong += error == ENODEV ? state.time_ns != 0 : state.result != -error || (!error && state.value != value);
	}
	tap_is(wrong, 0, "every register's last access is there, with its result");
}

static bool writer_done;

static void *write_numbers(void *context)
{
	for (uint32_t i = 1; i <= 500; i++)
		reg_write(safe, DSMIL_REG_CONFIG, i, NULL);
	__atomic_store_n(&writer_done, true, __ATOMIC_RELEASE);
	return context;
}

static void check_consistency(void)
{
	struct dsmil_status_register last, state;
	pthread_t writer;
	bool torn = false;

	reg_write(safe, DSMIL_REG_CONFIG, 0, NULL);
	last = state_of(0x8010);
	pthread_create(&writer, NULL, write_numbers, NULL);
	while (!__atomic_load_n(&writer_done, __ATOMIC_ACQUIRE)) {
		state = state_of(0x8010);
		torn |= state.value < last.value || state.time_ns < last.time_ns ||
			(state.value != last.value) != (state.time_ns != last.time_ns);
		last = state;
	}
	pthread_join(writer, NULL);
	tap_ok(!torn, "a reader beside a writer sees each value with its time");
	tap_ok(!(sequence() & 1), "the sequence is even when nobody writes");
}

/* ------------------------------------------------------------------ poller -- */

static struct dsmil_ring_page *taken;
static const struct dsmil_ring_page *kernels;
static int observer;

static void open_observer(void)
{
	struct dsmil_event_ring ring = { .size = sizeof(ring), .kind = DSMIL_RING_OBSERVE };
	char *rest;

	if (try_ioctl(ctl, DSMIL_IOC_EVENT_RING, &ring))
		tap_bail("no observation ring opens");
	observer = ring.fd;
	taken = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, observer, 0);
	rest = mmap(NULL, PAGE + 2UL * DSMIL_OBSERVE_BYTES_DEFAULT, PROT_READ, MAP_SHARED, observer, PAGE);
	if (taken == MAP_FAILED || rest == MAP_FAILED)
		tap_bail("the observation ring does not map");
	kernels = (const void *)rest;
}

/* The next event of the type; anything but CHANGED before it is counted in *others. */
static struct dsmil_event await_event(unsigned type, unsigned *changed)
{
	struct pollfd poll_fd = { .fd = observer, .events = POLLIN };
	struct dsmil_event event;

	for (;;) {
		while (taken->taken == __atomic_load_n(&kernels->put, __ATOMIC_ACQUIRE))
			if (poll(&poll_fd, 1, 60000) != 1)
				tap_bail("the poller's event does not come");
		memcpy(&event, (const char *)kernels + PAGE + taken->taken % DSMIL_OBSERVE_BYTES_DEFAULT, sizeof(event));
		__atomic_store_n(&taken->taken, taken->taken + sizeof(event), __ATOMIC_RELEASE);
		if (event.type == type)
			return event;
		*changed += event.type == DSMIL_EVENT_CHANGED;
	}
}

static int set_parameter(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = write(fd, value, strlen(value)) < 0 ? errno : 0;

	close(fd);
	return error;
}

/* One whole sweep, and then none; how many registers changed. */
static struct dsmil_event sweep_once(unsigned *changed)
{
	struct dsmil_event event;

	taken->taken = __atomic_load_n(&kernels->put, __ATOMIC_ACQUIRE);
	*changed = 0;
	if (set_parameter(INTERVAL, "86400"))
		tap_bail("the poller does not start");
	event = await_event(DSMIL_EVENT_SWEEP, changed);
	set_parameter(INTERVAL, "0");
	return event;
}

static void put_le(uint8_t *to, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

/* What a sweep without DATA must say of the page as it is. */
static void expect_sweep(uint32_t *count, uint32_t *errors, uint8_t digest[32])
{
	static uint8_t answers[DSMIL_TOKEN_COUNT * 10];
	struct dsmil_status_page copy = snapshot();

	*count = *errors = 0;
	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		const struct dsmil_status_register *state = &copy.devices[i / 3].registers[i % 3];
		int error = expect_read(DSMIL_TOKEN_BASE + i);

		if (error == ENODEV || i % 3 == DSMIL_REG_DATA)
			continue;
		put_le(&answers[*count * 10], DSMIL_TOKEN_BASE + i, 2);
		put_le(&answers[*count * 10 + 2], error ? 0 : state->value, 4);
		put_le(&answers[*count * 10 + 6], (uint32_t)state->result, 4);
		(*count)++;
		*errors += error != 0;
	}
	sha256(answers, *count * 10, digest);
}

static void check_parameters(void)
{
	static const char *const wrong[] = { "4", "86401", "-1", "5s", "", "4294967301" };
	int accepted = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		accepted += *wrong[i] && set_parameter(INTERVAL, wrong[i]) == 0;
	tap_is(accepted, 0, "the poller takes no interval but 0 and 5 to 86400 seconds");
}

static void check_sweep(void)
{
	struct dsmil_info before = info_get(ctl), after;
	uint32_t count, errors;
	uint64_t sweeps = snapshot().sweeps;
	uint8_t digest[32];
	unsigned changed;
	struct dsmil_event event = sweep_once(&changed);

	expect_sweep(&count, &errors, digest);
	tap_is((long)event.count, count, "a sweep reads STATUS and CONFIG of every device that there is");
	tap_is(event.value, errors, "it counts what cannot be read");
	tap_ok(!memcmp(event.detail.digest, digest, 32), "its digest is over every answer");
	tap_ok(event.device_id == DSMIL_NO_DEVICE && event.uid == 0, "it is about no device and nobody's doing");
	tap_is(changed, 0, "where nothing changed it is the only event");
	after = info_get(ctl);
	tap_is((long)(after.reads - before.reads), count, "INFO counts its reads");
	tap_ok(snapshot().sweeps == sweeps + 1 && snapshot().sweep_ns, "the page counts the sweep");

	set_parameter(WITH_DATA, "1");
	event = sweep_once(&changed);
	tap_is((long)event.count, count / 2 * 3, "DATA is read only where that is asked for");
	set_parameter(WITH_DATA, "0");
}

/* The register's value changes, and not by us: the location's own on the emulated machine. */
static void turn_over(unsigned token, uint32_t value, uint32_t mask)
{
	struct dell_wmi_smbios_buffer *buffer = calloc(1, 1 << 16);
	const char *knob = "/sys/kernel/debug/dsmil_sim/flip_read";
	char line[32];
	int fd;

	snprintf(line, sizeof(line), "0x%04x 0x%x", token, mask);
	if (access(knob, F_OK) == 0) {
		if (set_parameter(knob, line))
			tap_bail("the simulated board does not change a register");
	} else {
		fd = open("/dev/wmi/dell-smbios", O_RDONLY | O_CLOEXEC);
		if (read(fd, &buffer->length, sizeof(buffer->length)) != sizeof(buffer->length))
			tap_bail("the in-tree driver's node does not open");
		buffer->std.cmd_class = 1;
		buffer->std.input[0] = register_facts[token - DSMIL_TOKEN_BASE].location;
		buffer->std.input[1] = value ^ mask;
		if (try_ioctl(fd, DELL_WMI_SMBIOS_CMD, buffer) || buffer->std.output[0])
			tap_bail("the in-tree driver does not write");
		close(fd);
	}
	free(buffer);
}

static void check_change(void)
{
	struct dsmil_event event;
	unsigned changed = 0;
	uint32_t before, changes;

	reg_read(safe, DSMIL_REG_CONFIG, &before);
	changes = snapshot().devices[SAFE_DEVICE].changes;
	turn_over(0x8010, before, 0x10);
	taken->taken = __atomic_load_n(&kernels->put, __ATOMIC_ACQUIRE);
	set_parameter(INTERVAL, "86400");
	event = await_event(DSMIL_EVENT_CHANGED, &changed);
	tap_ok(event.token == 0x8010 && event.device_id == 0x8005 && event.reg == DSMIL_REG_CONFIG &&
	       event.value == (before ^ 0x10) && event.detail.changed.before == before && !event.first_ns,
	       "a register that changed by itself is an event with both values");
	await_event(DSMIL_EVENT_SWEEP, &changed);
	set_parameter(INTERVAL, "0");
	tap_is(changed, 0, "the others are not");
	tap_is((long)(snapshot().devices[SAFE_DEVICE].changes - changes), 1, "the page counts the change");
	turn_over(0x8010, before, 0);
	sweep_once(&changed);
	tap_is(changed, 1, "so is its change back");
	sweep_once(&changed);
	tap_is(changed, 0, "the next sweep finds nothing new");
}

static void *read_often(void *context)
{
	uint32_t value;

	while (!__atomic_load_n(&writer_done, __ATOMIC_ACQUIRE)) {
		reg_read(safe, DSMIL_REG_STATUS, &value);
		(*(uint64_t *)context)++;
	}
	return NULL;
}

/* So many reads that a ring would lose the sweep's event: the page counts it too. */
static void check_others_go_on(void)
{
	uint64_t reads = 0, sweeps = snapshot().sweeps;
	uint32_t count, errors;
	uint8_t digest[32];
	pthread_t reader;

	expect_sweep(&count, &errors, digest);
	writer_done = false;
	pthread_create(&reader, NULL, read_often, &reads);
	set_parameter(INTERVAL, "86400");
	while (snapshot().sweeps == sweeps)
		sched_yield();
	set_parameter(INTERVAL, "0");
	__atomic_store_n(&writer_done, true, __ATOMIC_RELEASE);
	pthread_join(reader, NULL);
	tap_ok(reads >= count, "beside a sweep, another caller gets at least as many turns");
}

/* ---------------------------------------------------------------- unloading -- */

static const char *parameters(void)
{
	const char *given = option("parameters");

	if (given)
		return given;
	return board_is_odd() && !strcmp(firmware.name, "dsmil_sim") ? "absent=107" : "";
}

static void check_unloading(void)
{
	struct dsmil_status_page before, after;

	before = snapshot();
	set_parameter(INTERVAL, "86400");
	tap_is(module_unload(&firmware), 0, "the firmware's module unloads amid a sweep, and from under the page");
	set_parameter(INTERVAL, "0");
	after = snapshot();
	tap_is(after.flags, DSMIL_STATUS_STALE, "the page is then stale");
	tap_is(after.devices[SAFE_DEVICE].registers[DSMIL_REG_DATA].value,
	       before.devices[SAFE_DEVICE].registers[DSMIL_REG_DATA].value, "and keeps what was known");
	close(observer);
	munmap(taken, PAGE);
	munmap((void *)kernels, PAGE + 2UL * DSMIL_OBSERVE_BYTES_DEFAULT);
	close(safe);
	close(quarantined);
	close(ctl);
	tap_is(module_unload(&core), EWOULDBLOCK, "the core stays while its page is mapped, though no file is open");
	tap_is(module_load(&firmware, parameters()), 0, "the firmware comes back");
	after = snapshot();
	tap_is(after.flags, 0, "the page is no longer stale");
	tap_is((long)after.devices[SAFE_DEVICE].registers[DSMIL_REG_DATA].time_ns, 0, "and forgot what another firmware said");
	munmap((void *)page, PAGES * PAGE);
}

int main(int argc, char **argv)
{
	uint32_t config;

	tap_start(argc, argv);
	firmware.name = module_is_loaded("dsmil_sim") ? "dsmil_sim" : "dsmil_dell";
	module_find(&core, option("core"));
	module_find(&firmware, option("firmware"));
	ctl = open_node("ctl", O_RDONLY);
	safe = open_device(SAFE_DEVICE, O_RDWR);
	quarantined = open_device(QUARANTINED_DEVICE, O_RDWR);
	if (ctl < 0 || safe < 0 || quarantined < 0)
		tap_bail("the nodes do not open; run this as root with a firmware module loaded and no daemon");
	page = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, ctl, 0);
	if (page == MAP_FAILED)
		tap_bail("the status page does not map");
	reg_read(safe, DSMIL_REG_CONFIG, &config);
	set_parameter(INTERVAL, "0");
	set_parameter(WITH_DATA, "0");
	open_observer();

	check_mapping();
	check_header();
	check_accesses();
	check_consistency();
	reg_write(safe, DSMIL_REG_CONFIG, config, NULL);
	check_parameters();
	check_sweep();
	check_change();
	check_others_go_on();
	check_unloading();
	return tap_finish();
}
