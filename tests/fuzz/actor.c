/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an ONNX file: refused with a reason, or an actor that runs on anything. */
#include <math.h>

#include "fuzz.h"
#include "policy/actor.h"

enum { WORK_WORTH = 1000000 };

static void fill(const struct tensor *t, int turn)
{
	static const float odd[] = { 0.5f, -3.0f, NAN, INFINITY, 1e30f, -1e-30f, 0.0f };
	for (int i = 0; i < t->count; i++) {
		if (t->real) {
			t->real[i] = odd[(i + turn) % 7];
		} else {
			t->whole[i] = turn == 0 ? i : i % 2 ? INT64_MAX : INT64_MIN;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag d = { 0 };
	struct actor *a = NULL;
	int r = actor_parse(data, size, "/none/actor.onnx", NULL, &a, &d);
	assert((r == 0) == (d.errors == 0));
	assert((r == 0) == (a != NULL));
	for (int turn = 0; a && a->work < WORK_WORTH && turn < 2; turn++) {
		for (int i = 0; i < a->inputs; i++) {
			fill(a->input[i].tensor, turn);
		}
		actor_run(a);
	}
	for (int i = 0; a && i < a->outputs; i++) {
		assert(a->output[i].tensor->real || a->output[i].tensor->whole);
	}
	actor_free(a);
	return 0;
}
