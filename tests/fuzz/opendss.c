/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a script of OpenDSS: refused with a word, or a circuit whose flow, where there is
 * one, keeps its power balance. Slashes are taken out, as a script may read what it names. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/grid/opendss.h"
#include "daemon/grid/three_phase.h"
#include "fuzz.h"

enum { BUSES_SOLVED = 64 };

static void solve(const struct circuit *c)
{
	struct three_phase s;
	assert(three_phase_init(&s, c) == 0);
	for (int step = -1; step < c->steps && step < 2; step++) {
		double p, q, most = 1;
		three_phase_loads(&s, c, step, 1);
		three_phase_start(&s);
		if (three_phase_solve(&s, 1e-10) < 0) {
			continue;
		}
		for (int i = 0; i < s.loads; i++) {
			three_phase_taken(&s, i, &p, &q);
			most += hypot(p, q);
		}
		three_phase_source(&s, &p, &q);
		most += hypot(p, q);
		assert(!isfinite(most) || three_phase_mismatch(&s) <= 1e-6 * most);
	}
	three_phase_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char folder[] = "/tmp/lecd-fuzz-XXXXXX", path[64];
	static FILE *nowhere;
	if (!nowhere) {
		nowhere = fopen("/dev/null", "w");
		assert(nowhere && mkdtemp(folder));
		snprintf(path, sizeof(path), "%s/script.dss", folder);
	}
	FILE *file = fopen(path, "w");
	assert(file);
	for (size_t i = 0; i < size; i++) {
		fputc(data[i] == '/' || data[i] == '\\' ? '_' : data[i], file);
	}
	assert(fclose(file) == 0);
	struct diag d = { .to = nowhere };
	struct circuit c;
	int r = opendss_read(path, &c, &d);
	assert((r == 0) == (d.errors == 0));
	if (r == 0 && c.feeder.buses <= BUSES_SOLVED) {
		solve(&c);
	}
	circuit_free(&c);
	assert(unlink(path) == 0);
	return 0;
}
