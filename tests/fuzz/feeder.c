/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a feeder, as rows of our own and as a MATPOWER case: refused with a word, or one
 * tree whose power flow is solved or said to collapse. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/grid/feeder_private.h"
#include "daemon/grid/sensitivity.h"
#include "fuzz.h"

static void solve(const struct feeder *f)
{
	struct network k;
	struct flow s;
	struct sensitivity a;
	size_t n = (size_t)f->buses;
	double *p = calloc(3 * n, sizeof(*p)), *q = p + n, *dp = q + n;
	assert(p && network_init(&k, f) == 0 && flow_init(&s, &k) == 0);
	assert(sensitivity_init(&a, &k) == 0);
	for (int node = 1; node < k.nodes; node++) {
		assert(k.parent[node] >= 0 && k.parent[node] < node);
	}
	network_loads(&k, f, 1, p, q);
	flow_start(&s, f->source_v);
	if (flow_solve(&s, &k, p, q, 1e-6) == 0) {
		sensitivity_at(&a, &s, p, q);
		assert(isfinite(flow_voltage(&s, &k, k.nodes - 1)));
		if (sensitivity_loss(&a, &s, &k, dp, NULL) == 0) {
			assert(isfinite(dp[k.nodes - 1]));
		}
	} else {
		int where = flow_collapse(&s);
		assert(where >= 0 && where < k.nodes);
	}
	sensitivity_free(&a);
	flow_free(&s);
	network_free(&k);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	static FILE *nowhere;
	static int (*const readers[])(const char *, struct feeder *,
				      struct diag *) = { feeder_read_csv, feeder_read_matpower };
	if (fd < 0) {
		fd = memfd_create("feeder", MFD_CLOEXEC);
		nowhere = fopen("/dev/null", "w");
		assert(fd >= 0 && nowhere);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	assert(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	for (int i = 0; i < 2; i++) {
		struct diag d = { .to = nowhere };
		struct feeder f;
		feeder_init(&f, path);
		int r = readers[i](path, &f, &d);
		assert((r == 0) == (d.errors == 0));
		if (r == 0 && feeder_check(&f, &d) == 0) {
			solve(&f);
		}
		feeder_free(&f);
	}
	return 0;
}
