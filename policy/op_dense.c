/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products of matrices: Gemm, MatMul. With known weights, as they are but in odd files, they are
 * layers of dense.h; else plain loops. */
#include <errno.h>
#include <stddef.h>

#include "policy/actor_private.h"
#include "policy/dense.h"

struct layer {
	struct dense dense;
	int rows;
	float room[];
};

static void run_layer(const struct step *s)
{
	const struct layer *own = s->own;
	const float *in = s->in[0]->real;
	float *out = s->out[0]->real;
	for (int i = 0; i < own->rows; i++) {
		dense_run(&own->dense, in, out);
		in += own->dense.inputs;
		out += own->dense.outputs;
	}
}

/* *out: a layer with all weights 0. */
static int make_layer(struct build *b, struct step *s, int rows, int inputs, int outputs,
		      struct layer **out)
{
	size_t floats = dense_size(inputs, outputs);
	int r = build_numbers(b, (int64_t)floats);
	struct layer *own = r < 0 ? NULL : build_own(s, sizeof(*own) + floats * sizeof(float));
	if (!own) {
		return r < 0 ? r : -ENOMEM;
	}
	own->rows = rows;
	dense_init(&own->dense, inputs, outputs, own->room);
	s->run = run_layer;
	*out = own;
	return 0;
}

/* Two matrices by their strides, many of them, and what is added. */
struct product {
	int rows, inner, columns;
	int row_step[2], column_step[2]; /* of input 0 and 1 */
	float alpha, beta;
	int batches;
	int index[]; /* batches of input 0, of input 1; then the third's, one for each output */
};

static void run_product(const struct step *s)
{
	const struct product *own = s->own;
	const float *added = s->inputs > 2 && s->in[2] ? s->in[2]->real : NULL;
	const int *added_at = own->index + (ptrdiff_t)2 * own->batches;
	float *out = s->out[0]->real;
	for (int n = 0; n < own->batches; n++) {
		const float *x = s->in[0]->real + own->index[n];
		const float *y = s->in[1]->real + own->index[own->batches + n];
		for (int i = 0; i < own->rows; i++) {
			for (int k = 0; k < own->columns; k++) {
				float sum = 0;
				for (int j = 0; j < own->inner; j++) {
					sum += x[i * own->row_step[0] + j * own->column_step[0]] *
					       y[j * own->row_step[1] + k * own->column_step[1]];
				}
				sum *= own->alpha;
				*out++ = added ? sum + own->beta * added[*added_at++] : sum;
			}
		}
	}
}

/* left and right are the stacks of matrices, which broadcast to stack. */
static int prepare_product(struct step *s, const struct product *like, const struct tensor *left,
			   const struct tensor *right, const struct tensor *stack)
{
	const struct tensor *out = s->out[0];
	size_t batches = (size_t)stack->count;
	struct product *own =
		build_own(s, sizeof(*own) + (2 * batches + (size_t)out->count) * sizeof(int));
	if (!own) {
		return -ENOMEM;
	}
	*own = *like;
	own->batches = stack->count;
	broadcast_index(left, stack->rank, stack->dim, own->index);
	broadcast_index(right, stack->rank, stack->dim, own->index + batches);
	for (size_t n = 0; n < batches; n++) {
		own->index[n] *= own->rows * own->inner;
		own->index[batches + n] *= own->inner * own->columns;
	}
	if (s->inputs > 2 && s->in[2]) {
		broadcast_index(s->in[2], out->rank, out->dim, own->index + 2 * batches);
	}
	s->run = run_product;
	return 0;
}

/* C must broadcast to the output alone. */
static int check_added(struct build *b, const struct step *s)
{
	char text[TEXT_MAX];
	if (s->inputs < 3 || !s->in[2]) {
		return 0;
	}
	const struct tensor *c = s->in[2], *out = s->out[0];
	int r = build_real(b, s, 2);
	bool fits = c->rank <= out->rank;
	for (int i = 0; fits && i < c->rank; i++) {
		fits = c->dim[i] == 1 || c->dim[i] == out->dim[i + out->rank - c->rank];
	}
	return r < 0  ? r
	       : fits ? 0
		      : refuse(b, "input 2 of shape %s is not to be added to what comes out",
			       tensor_text(c, text));
}

/* Y = alpha A' B' + beta C. */
int prepare_gemm(struct build *b, struct step *s)
{
	struct product p = { 0 };
	bool turned[2];
	int r = build_float(b, "alpha", 1, &p.alpha);
	r = r < 0 ? r : build_float(b, "beta", 1, &p.beta);
	r = r < 0 ? r : build_flag(b, "transA", false, &turned[0]);
	r = r < 0 ? r : build_flag(b, "transB", false, &turned[1]);
	r = r < 0 ? r : build_real(b, s, 0);
	r = r < 0 ? r : build_real(b, s, 1);
	if (r < 0) {
		return r;
	}
	const struct tensor *x = s->in[0], *y = s->in[1];
	char one[TEXT_MAX], other[TEXT_MAX];
	if (x->rank != 2 || y->rank != 2 || x->dim[!turned[0]] != y->dim[turned[1]]) {
		return refuse(b, "matrices of %s%s and %s%s do not fit each other",
			      tensor_text(x, one), turned[0] ? " turned" : "",
			      tensor_text(y, other), turned[1] ? " turned" : "");
	}
	for (int i = 0; i < 2; i++) {
		p.row_step[i] = turned[i] ? 1 : s->in[i]->dim[1];
		p.column_step[i] = turned[i] ? s->in[i]->dim[1] : 1;
	}
	p.rows = x->dim[turned[0]];
	p.inner = y->dim[turned[1]];
	p.columns = y->dim[!turned[1]];
	r = build_output(b, s, 0, x->type, 2, (int64_t[]){ p.rows, p.columns });
	r = r < 0 ? r : build_work(b, (int64_t)s->out[0]->count * p.inner);
	r = r < 0 ? r : check_added(b, s);
	if (r < 0) {
		return r;
	}
	const struct tensor *c = s->inputs > 2 ? s->in[2] : NULL;
	bool bias = !c || (c->known && (c->rank < 2 || c->dim[0] == 1));
	if (!y->known || turned[0] || !bias) {
		const struct tensor single = { .count = 1 };
		return prepare_product(s, &p, &single, &single, &single);
	}
	struct layer *own;
	r = make_layer(b, s, p.rows, p.inner, p.columns, &own);
	for (int k = 0; r == 0 && k < p.columns; k++) {
		for (int j = 0; j < p.inner; j++) {
			*dense_weight(&own->dense, j, k) =
				p.alpha * y->real[j * p.row_step[1] + k * p.column_step[1]];
		}
		own->dense.bias[k] = c ? p.beta * c->real[c->count > 1 ? k : 0] : 0;
	}
	return r;
}

/* Weights that are known: x is rows of inputs. */
static int matmul_layer(struct build *b, struct step *s, const struct product *p, int rows)
{
	const struct tensor *y = s->in[1];
	struct layer *own;
	int r = make_layer(b, s, rows, p->inner, p->columns, &own);
	for (int k = 0; r == 0 && k < p->columns; k++) {
		for (int j = 0; j < p->inner; j++) {
			*dense_weight(&own->dense, j, k) = y->real[j * p->columns + k];
		}
	}
	return r;
}

/* The leading dimensions of t as one of matrices: what is left without the last two. */
static struct tensor stack_of(const struct tensor *t, int count)
{
	struct tensor stack = *t;
	stack.rank = t->rank > count ? t->rank - count : 0;
	stack.count = 1;
	for (int i = 0; i < stack.rank; i++) {
		stack.count *= stack.dim[i];
	}
	return stack;
}

/* As numpy's matmul: a list is a row on the left and a column on the right; what stands before the
 * last two dimensions is broadcast. */
int prepare_matmul(struct build *b, struct step *s)
{
	const struct tensor *x = s->in[0], *y = s->in[1];
	int r = build_real(b, s, 0);
	r = r < 0 ? r : build_real(b, s, 1);
	if (r < 0) {
		return r;
	}
	char one[TEXT_MAX], other[TEXT_MAX];
	int inner = x->rank > 0 ? x->dim[x->rank - 1] : 0;
	bool fits = x->rank > 0 && y->rank > 0;
	if (!fits || inner != (y->rank == 1 ? y->dim[0] : y->dim[y->rank - 2])) {
		return refuse(b, "matrices of %s and %s do not fit each other", tensor_text(x, one),
			      tensor_text(y, other));
	}
	struct product p = {
		.rows = x->rank == 1 ? 1 : x->dim[x->rank - 2],
		.inner = inner,
		.columns = y->rank == 1 ? 1 : y->dim[y->rank - 1],
		.alpha = 1,
	};
	p.row_step[0] = inner;
	p.column_step[0] = p.column_step[1] = 1;
	p.row_step[1] = p.columns;
	struct tensor left = stack_of(x, 2), right = stack_of(y, 2), stack = { 0 };
	int64_t dim[TENSOR_RANK_MAX + 2];
	int rank;
	r = build_broadcast(b, &left, &right, &rank, dim);
	if (r < 0) {
		return r;
	}
	(void)tensor_shape(&stack, x->type, rank, dim); /* part of the output's, checked next */
	if (x->rank > 1) {
		dim[rank++] = p.rows;
	}
	if (y->rank > 1) {
		dim[rank++] = p.columns;
	}
	r = build_output(b, s, 0, x->type, rank, dim);
	r = r < 0 ? r : build_work(b, (int64_t)s->out[0]->count * inner);
	if (r < 0) {
		return r;
	}
	if (y->known && y->rank <= 2) {
		return matmul_layer(b, s, &p, s->out[0]->count / p.columns);
	}
	return prepare_product(s, &p, &left, &right, &stack);
}
