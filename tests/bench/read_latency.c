// SPDX-License-Identifier: Apache-2.0
// The cost of a register read through our device node, against the same
// firmware call through the in-tree driver's own node (/dev/wmi/dell-smbios),
// interleaved, in one process. Prints the medians in microseconds.
//   read_latency ROUNDS LOCATION      (LOCATION of token 0x8000, hexadecimal)
#include <errno.h>
#include <fcntl.h>
#include <linux/dsmil.h>
#include <linux/wmi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "read_latency: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t read_ours(int fd)
{
	struct dsmil_reg_read request = {.size = sizeof(request), .reg = DSMIL_REG_STATUS};

	if (ioctl(fd, DSMIL_IOC_REG_READ, &request))
		die("DSMIL_IOC_REG_READ");
	return request.value;
}

static uint32_t read_peer(int fd, struct dell_wmi_smbios_buffer *buffer, uint64_t length, uint32_t location)
{
	memset(buffer, 0, length);
	buffer->length = length;
	buffer->std.cmd_class = 0;
	buffer->std.input[0] = location;
	if (ioctl(fd, DELL_WMI_SMBIOS_CMD, buffer) || buffer->std.output[0])
		die("DELL_WMI_SMBIOS_CMD");
	return buffer->std.output[1];
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: read_latency ROUNDS LOCATION\n");
		return 2;
	}
	const size_t rounds = strtoul(argv[1], NULL, 10);
	const uint32_t location = (uint32_t)strtoul(argv[2], NULL, 16);
	const int ours = open("/dev/dsmil/8000", O_RDONLY | O_CLOEXEC);
	const int peer = open("/dev/wmi/dell-smbios", O_RDONLY | O_CLOEXEC);
	uint64_t length = 0;

	if (ours < 0 || peer < 0 || read(peer, &length, sizeof(length)) != sizeof(length))
		die("open");
	struct dell_wmi_smbios_buffer *buffer = malloc(length);
	uint64_t *ours_ns = calloc(rounds, sizeof(*ours_ns));
	uint64_t *peer_ns = calloc(rounds, sizeof(*peer_ns));

	if (!rounds || !buffer || !ours_ns || !peer_ns)
		die("memory");
	for (size_t i = 0; i < rounds; i++) {
		const uint64_t start = now_ns();
		const uint32_t value = read_ours(ours);
		const uint64_t middle = now_ns();

		if (value != read_peer(peer, buffer, length, location)) {
			fprintf(stderr, "read_latency: the two nodes read different values\n");
			return 1;
		}
		ours_ns[i] = middle - start;
		peer_ns[i] = now_ns() - middle;
	}
	qsort(ours_ns, rounds, sizeof(*ours_ns), compare);
	qsort(peer_ns, rounds, sizeof(*peer_ns), compare);
	printf("%.1f %.1f\n", (double)ours_ns[rounds / 2] / 1000, (double)peer_ns[rounds / 2] / 1000);
	return 0;
}
