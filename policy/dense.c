/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/dense.h"

#include <stdint.h>
#include <string.h>

/* Twice as wide where the processor is. */
#if defined(__x86_64__)
#define WIDE    __attribute__((target("avx2")))
#define IS_WIDE (__builtin_cpu_supports("avx2") != 0)
#else
#define WIDE
#define IS_WIDE false
#endif

typedef float quad __attribute__((vector_size(16)));
typedef float oct __attribute__((vector_size(32)));

/* Eight sums, of a part of the panel's columns and of each so many-th input: additions then need
 * not wait for each other. They have names, for compilers keep these in registers. */
#define EIGHT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)

#define START(I) vector sum##I = { 0 };
#define ADD(I)                                                                                     \
	memcpy(&w, weight + (ptrdiff_t)(I)*lanes, sizeof(w));                                      \
	sum##I += w * in[k + (I) / parts];
#define ADD_ONE(I)                                                                                 \
	if ((I) < parts) {                                                                         \
		ADD(I)                                                                             \
	}
#define FINISH(I)                                                                                  \
	if ((I) < parts) {                                                                         \
		memcpy(&w, bias + (ptrdiff_t)(I)*lanes, sizeof(w));                                \
		sum##I += w;                                                                       \
		memcpy(out + (ptrdiff_t)(I)*lanes, &sum##I, sizeof(vector));                       \
	}

#define PANEL(NAME, VECTOR)                                                                        \
	static void NAME(const float *weight, const float *bias, const float *in, int inputs,      \
			 float *out)                                                               \
	{                                                                                          \
		typedef VECTOR vector;                                                             \
		enum { lanes = sizeof(vector) / sizeof(float), parts = DENSE_PANEL / lanes };      \
		enum { ways = 8 / parts };                                                         \
		vector w;                                                                          \
		int k = 0;                                                                         \
		EIGHT(START)                                                                       \
		for (; k + ways <= inputs; k += ways) {                                            \
			EIGHT(ADD)                                                                 \
			weight += (ptrdiff_t)ways * DENSE_PANEL;                                   \
		}                                                                                  \
		for (; k < inputs; k++) {                                                          \
			EIGHT(ADD_ONE)                                                             \
			weight += DENSE_PANEL;                                                     \
		}                                                                                  \
		sum0 += sum4;                                                                      \
		sum1 += sum5;                                                                      \
		sum2 += sum6;                                                                      \
		sum3 += sum7;                                                                      \
		if (parts == 2) {                                                                  \
			sum0 += sum2;                                                              \
			sum1 += sum3;                                                              \
		}                                                                                  \
		EIGHT(FINISH)                                                                      \
	}

PANEL(run_panel, quad)
WIDE PANEL(run_wide_panel, oct)

	static int panels_of(int outputs)
{
	return (outputs + DENSE_PANEL - 1) / DENSE_PANEL;
}

size_t dense_size(int inputs, int outputs)
{
	return (size_t)panels_of(outputs) * DENSE_PANEL * ((size_t)inputs + 1) + DENSE_PANEL;
}

void dense_init(struct dense *d, int inputs, int outputs, float *room)
{
	/* A row of a panel is a line of the cache. */
	enum { LINE = DENSE_PANEL * sizeof(float) };
	room += (LINE - (uintptr_t)room % LINE) % LINE / sizeof(float);
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

/* All panels; the last may be wider than what is left. */
void dense_run(const struct dense *d, const float *in, float *out)
{
	const float *weight = d->weight, *bias = d->bias;
	float last[DENSE_PANEL] = { 0 };
	for (int left = d->outputs; left > 0; left -= DENSE_PANEL) {
		float *to = left >= DENSE_PANEL ? out : last;
		(d->wide ? run_wide_panel : run_panel)(weight, bias, in, d->inputs, to);
		if (to == last) {
			memcpy(out, last, (size_t)left * sizeof(*out));
		}
		weight += (size_t)d->inputs * DENSE_PANEL;
		bias += DENSE_PANEL;
		out += DENSE_PANEL;
	}
}
