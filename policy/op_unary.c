/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Operators that change each number by itself. */
#include <errno.h>
#include <math.h>

#include "policy/actor_private.h"
#include "policy/vector_math.h"

/* Comparisons are written so that NaN comes out as NaN. */
struct unary {
	float alpha;
	float low, high;
};

#define UNARY(NAME, EXPRESSION)                                                                    \
	static void NAME(const struct step *s)                                                     \
	{                                                                                          \
		const struct unary *own = s->own;                                                  \
		const float *in = s->in[0]->real;                                                  \
		float *out = s->out[0]->real;                                                      \
		(void)own;                                                                         \
		for (int i = 0; i < s->out[0]->count; i++) {                                       \
			float x = in[i];                                                           \
			out[i] = EXPRESSION;                                                       \
		}                                                                                  \
	}

UNARY(run_leaky_relu, x < 0 ? own->alpha * x : x)
UNARY(run_elu, x < 0 ? own->alpha * expm1f(x) : x)
UNARY(run_log, logf(x))
UNARY(run_sqrt, sqrtf(x))
UNARY(run_neg, -x)
UNARY(run_erf, erff(x))
UNARY(run_clip, x<own->low ? own->low : x> own->high ? own->high : x)

static void run_relu(const struct step *s)
{
	vector_relu(s->out[0]->real, s->in[0]->real, s->out[0]->count);
}

static void run_exp(const struct step *s)
{
	vector_exp(s->out[0]->real, s->in[0]->real, s->out[0]->count);
}

static void run_tanh(const struct step *s)
{
	vector_tanh(s->out[0]->real, s->in[0]->real, s->out[0]->count);
}

static void run_sigmoid(const struct step *s)
{
	vector_sigmoid(s->out[0]->real, s->in[0]->real, s->out[0]->count);
}

static int prepare(struct build *b, struct step *s, void (*run)(const struct step *))
{
	int r = build_real(b, s, 0);
	s->run = run;
	return r < 0 ? r : build_like(b, s, 0, s->in[0]);
}

static int prepare_alpha(struct build *b, struct step *s, float fallback,
			 void (*run)(const struct step *))
{
	struct unary *own = build_own(s, sizeof(*own));
	if (!own) {
		return -ENOMEM;
	}
	int r = build_float(b, "alpha", fallback, &own->alpha);
	return r < 0 ? r : prepare(b, s, run);
}

int prepare_relu(struct build *b, struct step *s)
{
	return prepare(b, s, run_relu);
}

int prepare_leaky_relu(struct build *b, struct step *s)
{
	return prepare_alpha(b, s, 0.01f, run_leaky_relu);
}

int prepare_elu(struct build *b, struct step *s)
{
	return prepare_alpha(b, s, 1.0f, run_elu);
}

int prepare_tanh(struct build *b, struct step *s)
{
	return prepare(b, s, run_tanh);
}

int prepare_sigmoid(struct build *b, struct step *s)
{
	return prepare(b, s, run_sigmoid);
}

int prepare_exp(struct build *b, struct step *s)
{
	return prepare(b, s, run_exp);
}

int prepare_log(struct build *b, struct step *s)
{
	return prepare(b, s, run_log);
}

int prepare_sqrt(struct build *b, struct step *s)
{
	return prepare(b, s, run_sqrt);
}

int prepare_neg(struct build *b, struct step *s)
{
	return prepare(b, s, run_neg);
}

int prepare_erf(struct build *b, struct step *s)
{
	return prepare(b, s, run_erf);
}

/* A bound as an input, which may be left out. */
static int take_bound(struct build *b, const struct step *s, int i, float *out)
{
	if (i >= s->inputs || !s->in[i]) {
		return 0;
	}
	const struct tensor *t = s->in[i];
	if (!tensor_is_real(t) || !t->known || t->count != 1 || isnan(t->real[0])) {
		return refuse(b, "bound %d is no single float known at load", i);
	}
	*out = t->real[0];
	return 0;
}

/* The bounds are attributes until operator set 10, inputs since. */
int prepare_clip(struct build *b, struct step *s)
{
	struct unary *own = build_own(s, sizeof(*own));
	if (!own) {
		return -ENOMEM;
	}
	own->low = -INFINITY;
	own->high = INFINITY;
	int r;
	if (b->model->opset < 11) {
		r = build_float(b, "min", -INFINITY, &own->low);
		r = r < 0 ? r : build_float(b, "max", INFINITY, &own->high);
	} else {
		r = take_bound(b, s, 1, &own->low);
		r = r < 0 ? r : take_bound(b, s, 2, &own->high);
	}
	if (r == 0 && !(own->low <= own->high)) {
		r = refuse(b, "its lower bound %g lies above its upper bound %g", (double)own->low,
			   (double)own->high);
	}
	return r < 0 ? r : prepare(b, s, run_clip);
}
