/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sums and means over axes: ReduceSum, ReduceMean. */
#include <errno.h>
#include <stddef.h>

#include "policy/actor_private.h"

struct reduce {
	bool mean;
	int kept, summed; /* out of kept numbers, each of summed ones */
	int offset[];     /* kept bases, then summed offsets from each */
};

/* The sum in double, so that its order does not show. */
static void run_reduce(const struct step *s)
{
	const struct reduce *own = s->own;
	const float *in = s->in[0]->real;
	for (int i = 0; i < own->kept; i++) {
		const float *base = in + own->offset[i];
		double sum = 0;
		for (int k = 0; k < own->summed; k++) {
			sum += (double)base[own->offset[own->kept + k]];
		}
		s->out[0]->real[i] = (float)(own->mean ? sum / own->summed : sum);
	}
}

/* Those dimensions and strides of t that are among (or not). Returns their product. */
static int select_axes(const struct tensor *t, const bool *among, bool which, int *rank, int *dim,
		       int *stride)
{
	int all[TENSOR_RANK_MAX];
	int product = 1;
	tensor_strides(t, all);
	*rank = 0;
	for (int i = 0; i < t->rank; i++) {
		if (among[i] == which) {
			dim[*rank] = t->dim[i];
			stride[(*rank)++] = all[i];
			product *= t->dim[i];
		}
	}
	return product;
}

/* The axes are an attribute, and an input for sums since 13, for means since 18. None: all, unless
 * that is switched off. */
static int prepare(struct build *b, struct step *s, int input_since, bool mean)
{
	const struct tensor *in = s->in[0];
	bool among[TENSOR_RANK_MAX], keep, noop;
	int axes;
	int r = build_real(b, s, 0);
	if (r == 0 && s->inputs > 1 && b->model->opset < input_since) {
		r = refuse(b, "axes as an input, expected since operator set %d only", input_since);
	}
	r = r < 0 ? r : build_axes(b, s, 1, in->rank, among, &axes);
	r = r < 0 ? r : build_flag(b, "keepdims", true, &keep);
	r = r < 0 ? r : build_flag(b, "noop_with_empty_axes", false, &noop);
	if (r < 0) {
		return r;
	}
	int64_t shape[TENSOR_RANK_MAX];
	int rank = 0;
	for (int i = 0; i < in->rank; i++) {
		among[i] = among[i] || (axes <= 0 && !noop);
		if (!among[i] || keep) {
			shape[rank++] = among[i] ? 1 : in->dim[i];
		}
	}
	r = build_output(b, s, 0, in->type, rank, shape);
	r = r < 0 ? r : build_work(b, in->count);
	if (r < 0) {
		return r;
	}
	int dim[2][TENSOR_RANK_MAX], stride[2][TENSOR_RANK_MAX], ranks[2];
	int kept = select_axes(in, among, false, &ranks[0], dim[0], stride[0]);
	int summed = select_axes(in, among, true, &ranks[1], dim[1], stride[1]);
	struct reduce *own =
		build_own(s, sizeof(*own) + ((size_t)kept + (size_t)summed) * sizeof(*own->offset));
	if (!own) {
		return -ENOMEM;
	}
	own->mean = mean;
	own->kept = kept;
	own->summed = summed;
	offsets(ranks[0], dim[0], stride[0], own->offset);
	offsets(ranks[1], dim[1], stride[1], own->offset + kept);
	s->run = run_reduce;
	return 0;
}

int prepare_reduce_mean(struct build *b, struct step *s)
{
	return prepare(b, s, 18, true);
}

int prepare_reduce_sum(struct build *b, struct step *s)
{
	return prepare(b, s, 13, false);
}
