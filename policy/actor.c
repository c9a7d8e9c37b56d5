/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/actor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/hash.h"
#include "policy/actor_private.h"

enum { NODES_MAX = 4096 };

struct actor_inside {
	int tensors;
	struct tensor *tensor; /* one for each value of the file */
	int steps;
	struct step *step; /* in order */
};

/* What loading needs, and gives back. */
struct load {
	struct build build;
	struct onnx_model *model;
	struct actor *actor;
	int needed;
	int *order; /* of the nodes that are needed */
};

static void free_step(struct step *s)
{
	free(s->in);
	free(s->own);
	*s = (struct step){ 0 };
}

void actor_free(struct actor *a)
{
	if (!a) {
		return;
	}
	for (int i = 0; a->inside && i < a->inside->steps; i++) {
		free_step(&a->inside->step[i]);
	}
	for (int i = 0; a->inside && i < a->inside->tensors; i++) {
		tensor_free(&a->inside->tensor[i]);
	}
	if (a->inside) {
		free(a->inside->step);
		free(a->inside->tensor);
	}
	free(a->inside);
	free(a->input);
	free(a->output);
	free(a->operator);
	free(a);
}

void actor_run(const struct actor *a)
{
	const struct actor_inside *in = a->inside;
	for (int i = 0; i < in->steps; i++) {
		in->step[i].run(&in->step[i]);
	}
}

int actor_port(const struct actor_port *port, int ports, const char *name)
{
	for (int i = 0; i < ports; i++) {
		if (strcmp(port[i].name, name) == 0) {
			return i;
		}
	}
	return -1;
}

/* --- which nodes are needed, and in which order -------------------------------------------------
 */

/* The next node that node i reads from, from input *at on; -1: no more. */
static int next_source(const struct onnx_model *m, int i, int *at)
{
	const struct onnx_node *n = &m->node[i];
	while (*at < n->inputs) {
		int value = n->input[(*at)++];
		if (value >= 0 && m->value[value].node >= 0) {
			return m->value[value].node;
		}
	}
	return -1;
}

/* Depth first from node i, without recursion: what a node reads from comes before it. */
static int visit(struct load *l, int i, int *stack, int *at, char *state)
{
	enum { NEW, OPEN, DONE };
	int depth = 0;
	if (state[i] == DONE) {
		return 0;
	}
	state[i] = OPEN;
	stack[depth++] = i;
	while (depth > 0) {
		int here = stack[depth - 1];
		int source = next_source(l->model, here, &at[here]);
		if (source < 0) {
			state[here] = DONE;
			l->order[l->needed++] = here;
			depth--;
		} else if (state[source] == OPEN) {
			return onnx_refuse(l->model, &l->model->node[source], l->build.diag,
					   "needs what it makes itself: a circle");
		} else if (state[source] == NEW) {
			state[source] = OPEN;
			stack[depth++] = source;
		}
	}
	return 0;
}

static int sort(struct load *l, const int *wanted, int count)
{
	struct onnx_model *m = l->model;
	size_t nodes = (size_t)m->nodes + 1;
	if (m->nodes > NODES_MAX) {
		return diag_error(l->build.diag, m->path, 0, "has %d nodes, expected at most %d",
				  m->nodes, NODES_MAX);
	}
	l->order = calloc(nodes, sizeof(*l->order));
	int *stack = calloc(nodes, sizeof(*stack));
	int *at = calloc(nodes, sizeof(*at));
	char *state = calloc(nodes, 1);
	int r = l->order && stack && at && state ? 0 : -ENOMEM;
	for (int i = 0; r == 0 && i < count; i++) {
		int node = m->value[wanted[i]].node;
		r = node < 0 ? 0 : visit(l, node, stack, at, state);
	}
	free(stack);
	free(at);
	free(state);
	return r;
}

/* --- what they are ------------------------------------------------------------------------------
 */

static int check_links(struct load *l, const struct onnx_node *n)
{
	const struct onnx_model *m = l->model;
	char text[ONNX_TEXT_MAX];
	int r = 0;
	for (int i = 0; i < n->inputs; i++) {
		const struct onnx_value *v = n->input[i] < 0 ? NULL : &m->value[n->input[i]];
		if (v && v->node < 0 && !v->given && !v->message) {
			r = onnx_refuse(m, n, l->build.diag,
					"its input %s is made by no node, expected one",
					onnx_printable(v->name, text));
		}
	}
	return r;
}

static int check_node(struct load *l, const struct onnx_node *n)
{
	const struct onnx_model *m = l->model;
	struct diag *d = l->build.diag;
	char text[ONNX_TEXT_MAX];
	const struct operator* op = * n->domain ? NULL : operator_find(n->op);
	if (!op) {
		return onnx_refuse(m, n, d, "an operator%s%s that is not known, see lecctl(1)",
				   *n->domain ? " of domain " : "",
				   onnx_printable(n->domain, text));
	}
	if (m->opset < op->since) {
		return onnx_refuse(m, n, d, "expected since operator set %d, the file is of %d",
				   op->since, m->opset);
	}
	int outputs = n->outputs;
	while (outputs > 0 && n->output[outputs - 1] < 0) {
		outputs--;
	}
	if (n->inputs < op->inputs_min || n->inputs > op->inputs_max || outputs > op->outputs_max) {
		return onnx_refuse(m, n, d, "%d inputs and %d outputs, expected %d to %d and %d",
				   n->inputs, outputs, op->inputs_min, op->inputs_max,
				   op->outputs_max);
	}
	for (int i = 0; i < op->inputs_min; i++) {
		if (n->input[i] < 0) {
			return onnx_refuse(m, n, d, "input %d is left out", i);
		}
	}
	for (int i = 0; onnx_attribute(n, i); i++) {
		char word[ONNX_TEXT_MAX + 2];
		(void)snprintf(word, sizeof(word), " %s ",
			       onnx_printable(onnx_attribute(n, i), text));
		if (!strstr(op->attributes, word)) {
			return onnx_refuse(m, n, d, "attribute %s is not known, expected%s", text,
					   *op->attributes ? op->attributes : " none");
		}
	}
	return check_links(l, n);
}

/* All at once: what cannot be run. */
static int check_nodes(struct load *l)
{
	int r = 0;
	for (int i = 0; i < l->needed; i++) {
		int one = check_node(l, &l->model->node[l->order[i]]);
		r = one < 0 ? one : r;
	}
	return r;
}

/* --- laying out ---------------------------------------------------------------------------------
 */

static int take_initialiser(struct load *l, int value)
{
	const struct onnx_model *m = l->model;
	struct tensor *t = &l->actor->inside->tensor[value];
	char text[ONNX_TEXT_MAX];
	if (t->type != ELEMENT_NONE) {
		return 0;
	}
	int r = onnx_initialiser(m, value, t, l->build.diag);
	for (int i = 0; r == 0 && t->real && i < t->count; i++) {
		if (isnan(t->real[i])) {
			r = diag_error(l->build.diag, m->path, 0,
				       "initialiser %s holds what is no number",
				       onnx_printable(m->value[value].name, text));
		}
	}
	l->actor->parameters += r < 0 ? 0 : t->count;
	return r < 0 ? r : build_numbers(&l->build, t->count);
}

/* A step's inputs and outputs; true in *known where all inputs are. */
static int link_step(struct load *l, const struct onnx_node *n, struct step *s, bool *known)
{
	struct tensor *tensor = l->actor->inside->tensor;
	s->inputs = n->inputs;
	s->in = calloc((size_t)n->inputs + 1, sizeof(const struct tensor *));
	if (!s->in) {
		return -ENOMEM;
	}
	*known = true;
	for (int i = 0; i < n->inputs; i++) {
		if (n->input[i] < 0) {
			continue;
		}
		int r = l->model->value[n->input[i]].given ? take_initialiser(l, n->input[i]) : 0;
		if (r < 0) {
			return r;
		}
		s->in[i] = &tensor[n->input[i]];
		*known = *known && s->in[i]->known;
		if (s->in[i]->type == ELEMENT_NONE) {
			return onnx_refuse(l->model, n, l->build.diag,
					   "input %d is an output its node does not give", i);
		}
		if (tensor_is_real(s->in[i]) && s->in[i]->count == 0) {
			return onnx_refuse(l->model, n, l->build.diag, "input %d is empty", i);
		}
	}
	for (int i = 0; i < n->outputs && i < STEP_OUTPUTS_MAX; i++) {
		s->out[i] = n->output[i] < 0 ? NULL : &tensor[n->output[i]];
	}
	return 0;
}

/* What is known at load is computed there; what else there is to do becomes a step of a run. */
static int lay_out_node(struct load *l, const struct onnx_node *n)
{
	struct actor_inside *in = l->actor->inside;
	struct step *s = &in->step[in->steps++];
	int64_t before = l->build.work;
	bool known;
	int r = link_step(l, n, s, &known);
	if (r < 0) {
		return r;
	}
	l->build.node = n;
	r = operator_find(n->op)->prepare(&l->build, s);
	if (r < 0) {
		return r;
	}
	if (s->run && !known) {
		l->actor->work += l->build.work - before;
		return 0;
	}
	if (s->run) {
		s->run(s);
		for (int i = 0; i < STEP_OUTPUTS_MAX; i++) {
			if (s->out[i]) {
				s->out[i]->known = true;
			}
		}
	}
	free_step(s);
	in->steps--;
	return 0;
}

static int compare_operators(const void *a, const void *b)
{
	return strcmp(((const struct actor_operator *)a)->name,
		      ((const struct actor_operator *)b)->name);
}

static void count_operators(struct load *l)
{
	struct actor *a = l->actor;
	for (int i = 0; i < l->needed; i++) {
		const char *name = operator_find(l->model->node[l->order[i]].op)->name;
		int k = 0;
		while (k < a->operators && strcmp(a->operator[k].name, name) != 0) {
			k++;
		}
		a->operators += k == a->operators;
		a->operator[k].name = name;
		a->operator[k].nodes++;
	}
	qsort(a->operator,(size_t) a->operators, sizeof(*a->operator), compare_operators);
}

static void name_port(struct load *l, struct actor_port *port, int value)
{
	char text[ONNX_TEXT_MAX];
	(void)snprintf(port->name, sizeof(port->name), "%.63s",
		       onnx_printable(l->model->value[value].name, text));
	port->tensor = &l->actor->inside->tensor[value];
}

/* What is known by now is the same for every run: weights, also those beside the file. */
static void take_digest(struct load *l)
{
	struct actor *a = l->actor;
	a->digest = l->model->digest;
	for (int i = 0; i < a->inside->tensors; i++) {
		const struct tensor *t = &a->inside->tensor[i];
		size_t count = t->known ? (size_t)t->count : 0;
		if (t->real) {
			a->digest =
				hash_on(a->digest, (const char *)t->real, count * sizeof(*t->real));
		} else {
			a->digest = hash_on(a->digest, (const char *)t->whole,
					    count * sizeof(*t->whole));
		}
	}
}

/* All that the file names, needed or not: they are what a caller counts on. */
static int take_inputs(struct load *l)
{
	struct actor *a = l->actor;
	const struct onnx_model *m = l->model;
	for (int i = 0; i < m->inputs; i++) {
		struct tensor *t = &a->inside->tensor[m->input[i]];
		int r = onnx_input(m, m->input[i], t, l->build.diag);
		r = r < 0 ? r : tensor_alloc(t);
		if (r < 0) {
			return r;
		}
		l->build.numbers += t->count;
		name_port(l, &a->input[a->inputs++], m->input[i]);
	}
	return l->build.numbers <= ACTOR_NUMBERS_MAX
		       ? 0
		       : diag_error(l->build.diag, m->path, 0,
				    "its inputs hold more than %d numbers", ACTOR_NUMBERS_MAX);
}

static int make_room(struct load *l, int wanted)
{
	struct actor *a = l->actor;
	const struct onnx_model *m = l->model;
	a->inside = calloc(1, sizeof(*a->inside));
	a->input = calloc((size_t)m->inputs + 1, sizeof(*a->input));
	a->output = calloc((size_t)wanted + 1, sizeof(*a->output));
	a->operator= calloc((size_t)l->needed + 1, sizeof(*a->operator));
	if (!a->inside || !a->input || !a->output || !a->operator) {
		return -ENOMEM;
	}
	a->inside->step = calloc((size_t)l->needed + 1, sizeof(*a->inside->step));
	a->inside->tensor = calloc((size_t)m->values + 1, sizeof(*a->inside->tensor));
	a->inside->tensors = a->inside->tensor ? m->values : 0;
	return a->inside->step && a->inside->tensor ? 0 : -ENOMEM;
}

static int lay_out(struct load *l, const int *wanted, int count)
{
	struct actor *a = l->actor;
	int r = make_room(l, count);
	r = r < 0 ? r : take_inputs(l);
	for (int i = 0; r == 0 && i < l->needed; i++) {
		r = lay_out_node(l, &l->model->node[l->order[i]]);
	}
	for (int i = 0; r == 0 && i < count; i++) {
		r = l->model->value[wanted[i]].given ? take_initialiser(l, wanted[i]) : 0;
		name_port(l, &a->output[a->outputs++], wanted[i]);
	}
	if (r < 0) {
		return r;
	}
	take_digest(l);
	a->ir = l->model->ir;
	a->opset = l->model->opset;
	memcpy(a->producer, l->model->producer, sizeof(a->producer));
	a->nodes = l->model->nodes;
	a->needed = l->needed;
	a->steps = a->inside->steps;
	count_operators(l);
	return 0;
}

/* --- the whole ----------------------------------------------------------------------------------
 */

/* The values of the outputs of those names (NULL: all). *out is to be freed. */
static int find_wanted(struct load *l, const char *const *names, int **out, int *count)
{
	const struct onnx_model *m = l->model;
	int *wanted = calloc((size_t)m->outputs + 1, sizeof(*wanted));
	int r = wanted ? 0 : -ENOMEM;
	*count = 0;
	for (int i = 0; r == 0 && !names && i < m->outputs; i++) {
		wanted[(*count)++] = m->output[i];
	}
	for (int k = 0; r == 0 && names && names[k]; k++) {
		int i = 0;
		while (i < m->outputs && strcmp(m->value[m->output[i]].name, names[k]) != 0) {
			i++;
		}
		if (i == m->outputs || *count == m->outputs) {
			r = diag_error(l->build.diag, m->path, 0, "has no output %s", names[k]);
		} else {
			wanted[(*count)++] = m->output[i];
		}
	}
	*out = wanted;
	return r;
}

/* Takes the model over. */
static int take_up(struct onnx_model *m, const char *const *outputs, struct actor **out,
		   struct diag *d)
{
	struct load l = { .model = m, .build = { .model = m, .diag = d } };
	int *wanted = NULL, count = 0;
	l.actor = calloc(1, sizeof(*l.actor));
	int r = l.actor ? find_wanted(&l, outputs, &wanted, &count) : -ENOMEM;
	r = r < 0 ? r : sort(&l, wanted, count);
	r = r < 0 ? r : check_nodes(&l);
	r = r < 0 ? r : lay_out(&l, wanted, count);
	free(wanted);
	free(l.order);
	onnx_free(m);
	if (r < 0) {
		actor_free(l.actor);
		return r;
	}
	*out = l.actor;
	return 0;
}

int actor_load(const char *path, const char *const *outputs, struct actor **out, struct diag *d)
{
	struct onnx_model *m;
	int r = onnx_read(path, &m, d);
	return r < 0 ? r : take_up(m, outputs, out, d);
}

int actor_parse(const void *bytes, size_t size, const char *path, const char *const *outputs,
		struct actor **out, struct diag *d)
{
	struct onnx_model *m;
	int r = onnx_parse(bytes, size, path, &m, d);
	return r < 0 ? r : take_up(m, outputs, out, d);
}
