// SPDX-License-Identifier: Apache-2.0
// The guard's decision, compiled for user space: nanoseconds of one over all
// registers of the emulated board, with a grant that holds for its register. The
// median of BATCHES, in processor time, so that a busy machine changes little.
//   guard_decision ROUNDS     (in a batch)
#include <linux/dsmil.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "guard.h"

#define BATCHES 51

static const struct dsmil_location map[] = {
#define DSMIL_EMULATED_REGISTER(token, location, value) {token, location},
#include "dsmil_catalog.def"
};

static struct dsmil_guard_table table;
static struct dsmil_guard_request requests[DSMIL_TOKEN_COUNT];
static struct dsmil_guard_grant grants[DSMIL_TOKEN_COUNT];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void prepare(void)
{
	for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++) {
		struct dsmil_guard_request *request = &requests[map[i].token - DSMIL_TOKEN_BASE];
		struct dsmil_guard_grant *grant = &grants[map[i].token - DSMIL_TOKEN_BASE];

		request->operation = DSMIL_OPERATION_WRITE;
		request->token = map[i].token;
		request->location_known = true;
		request->location = map[i].location;
		request->grant = grant;
		grant->is_well_formed = grant->is_supported = grant->has_room = true;
		grant->signer_count = 2;
		for (unsigned s = 0; s < 2; s++)
			grant->signers[s] = (struct dsmil_guard_signer){true, true, (__u8)s, (__u8)s};
		grant->expires_ns = 1;
		grant->device_id = (__u16)(DSMIL_DEVICE_ID_BASE + dsmil_token_device(map[i].token));
		grant->reg = (__u8)((map[i].token - DSMIL_TOKEN_BASE) % DSMIL_REGISTER_COUNT);
	}
}

int main(int argc, char **argv)
{
	static const struct dsmil_quarantine nothing;
	const unsigned long rounds = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long allowed = 0;
	uint64_t spent[BATCHES];

	if (!rounds) {
		fprintf(stderr, "usage: guard_decision ROUNDS\n");
		return 2;
	}
	dsmil_guard_make_table(&table, map, sizeof(map) / sizeof(map[0]), &nothing);
	prepare();
	for (unsigned batch = 0; batch < BATCHES; batch++) {
		const uint64_t start = now_ns();

		for (unsigned long round = 0; round < rounds; round++)
			for (unsigned i = 0; i < DSMIL_TOKEN_COUNT; i++)
				allowed += dsmil_guard_decide(&table, &requests[i]).allowed;
		spent[batch] = now_ns() - start;
	}
	qsort(spent, BATCHES, sizeof(spent[0]), compare);

	/* But the registers of 8 devices, 6 more that read as the id of one, and one alias. */
	if (allowed != BATCHES * rounds * (DSMIL_TOKEN_COUNT - 3 * 8 - 6 - 1)) {
		fprintf(stderr, "guard_decision: %lu of a round were allowed\n", allowed / BATCHES / rounds);
		return 1;
	}
	printf("%.1f\n", (double)spent[BATCHES / 2] / (double)(rounds * DSMIL_TOKEN_COUNT));
	return 0;
}
