/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long an actor takes. Usage: actor NAME ACTOR.onnx [NAME ACTOR.onnx]... */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "policy/actor.h"

enum { BATCH = 2000, BATCHES = 201 };

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The median of batches, us a run; the inputs change from run to run. */
static double measure(const struct actor *a)
{
	static double took_us[BATCHES];
	for (int i = 0; i < BATCHES; i++) {
		int64_t start_us = clock_real_us();
		for (int k = 0; k < BATCH; k++) {
			a->input[0].tensor->real[0] = (float)k / BATCH;
			actor_run(a);
		}
		took_us[i] = (double)(clock_real_us() - start_us) / BATCH;
	}
	qsort(took_us, BATCHES, sizeof(*took_us), compare);
	return took_us[BATCHES / 2];
}

int main(int argc, char **argv)
{
	struct diag d = { .to = stderr };
	for (int i = 1; i + 1 < argc; i += 2) {
		struct actor *a = NULL;
		int64_t start_us = clock_real_us();
		if (actor_load(argv[i + 1], NULL, &a, &d) < 0) {
			return 1;
		}
		double load_us = (double)(clock_real_us() - start_us);
		printf("%s_us %.3f us\n%s_load_us %.0f us\n", argv[i], measure(a), argv[i],
		       load_us);
		actor_free(a);
	}
	return 0;
}
