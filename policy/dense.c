/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/dense.h"

#include <assert.h>
#include <string.h>

typedef float quad __attribute__((vector_size(16)));

/* The sums of a panel, by name: compilers keep these in registers. */
struct panel {
	quad a, b, c, d;
};
static_assert(sizeof(struct panel) == DENSE_PANEL * sizeof(float), "a panel is its columns");

static int panels_of(int outputs)
{
	return (outputs + DENSE_PANEL - 1) / DENSE_PANEL;
}

size_t dense_size(int inputs, int outputs)
{
	return (size_t)panels_of(outputs) * DENSE_PANEL * ((size_t)inputs + 1);
}

void dense_init(struct dense *d, int inputs, int outputs, float *room)
{
	*d = (struct dense){
		.inputs = inputs, .outputs = outputs, .panels = panels_of(outputs), .bias = room
	};
	d->weight = room + (size_t)d->panels * DENSE_PANEL;
}

float *dense_weight(const struct dense *d, int input, int output)
{
	size_t row = (size_t)(output / DENSE_PANEL) * (size_t)d->inputs + (size_t)input;
	return d->weight + row * DENSE_PANEL + output % DENSE_PANEL;
}

static inline struct panel load(const float *at)
{
	struct panel p;
	memcpy(&p, at, sizeof(p));
	return p;
}

/* p + w x. */
static inline struct panel add(struct panel p, struct panel w, float x)
{
	return (struct panel){ p.a + w.a * x, p.b + w.b * x, p.c + w.c * x, p.d + w.d * x };
}

/* Two sums for each output, of the even and of the odd inputs: additions then need not wait for
 * each other. */
static inline void run_panel(const float *weight, const float *bias, const float *in, int inputs,
			     float *out)
{
	struct panel even = load(bias), odd = { 0 };
	int k = 0;
	for (; k + 1 < inputs; k += 2) {
		even = add(even, load(weight), in[k]);
		odd = add(odd, load(weight + DENSE_PANEL), in[k + 1]);
		weight += (ptrdiff_t)2 * DENSE_PANEL;
	}
	if (k < inputs) {
		even = add(even, load(weight), in[k]);
	}
	even = add(even, odd, 1);
	memcpy(out, &even, sizeof(even));
}

void dense_run(const struct dense *d, const float *in, float *out)
{
	size_t step = (size_t)d->inputs * DENSE_PANEL;
	const float *weight = d->weight, *bias = d->bias;
	int left = d->outputs;
	for (; left >= DENSE_PANEL; left -= DENSE_PANEL) {
		run_panel(weight, bias, in, d->inputs, out);
		weight += step;
		bias += DENSE_PANEL;
		out += DENSE_PANEL;
	}
	if (left > 0) {
		float last[DENSE_PANEL];
		run_panel(weight, bias, in, d->inputs, last);
		memcpy(out, last, (size_t)left * sizeof(*out));
	}
}
