/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/onnx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/hash.h"
#include "policy/onnx_private.h"

/* Names to numbers of values: open addressing, at least twice as many slots as names. */
struct names {
	size_t slots; /* a power of two */
	int *slot;    /* value + 1; 0: empty */
};

const char *onnx_printable(const char *text, char out[ONNX_TEXT_MAX])
{
	int n = 0;
	for (; text && text[n] && n < ONNX_TEXT_MAX - 1; n++) {
		out[n] = (char)(text[n] < ' ' || text[n] > '~' ? '?' : text[n]);
	}
	out[n] = '\0';
	return out;
}

int onnx_refuse(const struct onnx_model *m, const struct onnx_node *n, struct diag *d,
		const char *format, ...)
{
	char what[512], name[ONNX_TEXT_MAX], op[ONNX_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	return diag_error(d, m->path, 0, "node %s (%s): %s", onnx_printable(n->name, name),
			  onnx_printable(n->op, op), what);
}

/* The number of a name, which is made where it is new. */
static int find_value(struct onnx_model *m, struct names *names, const char *name)
{
	size_t at = hash_bytes(name, strlen(name)) & (names->slots - 1);
	while (names->slot[at] > 0) {
		if (strcmp(m->value[names->slot[at] - 1].name, name) == 0) {
			return names->slot[at] - 1;
		}
		at = (at + 1) & (names->slots - 1);
	}
	m->value[m->values] = (struct onnx_value){ .name = name, .node = -1 };
	names->slot[at] = ++m->values;
	return m->values - 1;
}

/* The default operator set's version; 0: none. */
static int64_t find_opset(const Onnx__ModelProto *p)
{
	for (size_t i = 0; i < p->n_opset_import; i++) {
		const char *domain = p->opset_import[i]->domain;
		if (!domain || !*domain || strcmp(domain, "ai.onnx") == 0) {
			return p->opset_import[i]->version;
		}
	}
	return 0;
}

/* Links as numbers: those of one node's inputs or outputs. */
static int *link_names(struct onnx_model *m, struct names *names, size_t count, char **text)
{
	int *number = calloc(count + 1, sizeof(*number));
	for (size_t i = 0; number && i < count; i++) {
		number[i] = *text[i] ? find_value(m, names, text[i]) : -1;
	}
	return number;
}

static int link_node(struct onnx_model *m, struct names *names, const Onnx__NodeProto *p,
		     struct diag *d)
{
	struct onnx_node *n = &m->node[m->nodes++];
	*n = (struct onnx_node){
		.name = p->name && *p->name ? p->name
			: p->n_output > 0   ? p->output[0]
					    : "",
		.op = p->op_type ? p->op_type : "",
		.domain = p->domain && strcmp(p->domain, "ai.onnx") != 0 ? p->domain : "",
		.message = p,
	};
	if (p->n_input > ONNX_LINKS_MAX || p->n_output > ONNX_LINKS_MAX) {
		return onnx_refuse(m, n, d, "has more than %d inputs or outputs", ONNX_LINKS_MAX);
	}
	n->inputs = (int)p->n_input;
	n->outputs = (int)p->n_output;
	n->input = link_names(m, names, p->n_input, p->input);
	n->output = link_names(m, names, p->n_output, p->output);
	if (!n->input || !n->output) {
		return -ENOMEM;
	}
	for (int i = 0; i < n->outputs; i++) {
		char name[ONNX_TEXT_MAX];
		struct onnx_value *v = n->output[i] >= 0 ? &m->value[n->output[i]] : NULL;
		if (v && (v->node >= 0 || v->given || v->message)) {
			return onnx_refuse(m, n, d, "makes %s, which is made already",
					   onnx_printable(v->name, name));
		}
		if (v) {
			v->node = m->nodes - 1;
		}
	}
	return 0;
}

static int link_graph(struct onnx_model *m, struct names *names, const Onnx__GraphProto *g,
		      struct diag *d)
{
	char name[ONNX_TEXT_MAX];
	for (size_t i = 0; i < g->n_initializer; i++) {
		const char *text = g->initializer[i]->name ? g->initializer[i]->name : "";
		struct onnx_value *v = &m->value[find_value(m, names, text)];
		if (v->given) {
			return diag_error(d, m->path, 0, "initialiser %s stands twice",
					  onnx_printable(text, name));
		}
		v->given = g->initializer[i];
	}
	for (size_t i = 0; i < g->n_input; i++) {
		const char *text = g->input[i]->name ? g->input[i]->name : "";
		int number = find_value(m, names, text);
		if (m->value[number].message) {
			return diag_error(d, m->path, 0, "input %s stands twice",
					  onnx_printable(text, name));
		}
		m->value[number].message = g->input[i];
		/* Until version 4 of the format each initialiser was an input, too. */
		if (!m->value[number].given) {
			m->input[m->inputs++] = number;
		}
	}
	for (size_t i = 0; i < g->n_node; i++) {
		int r = link_node(m, names, g->node[i], d);
		if (r < 0) {
			return r;
		}
	}
	for (size_t i = 0; i < g->n_output; i++) {
		const char *text = g->output[i]->name ? g->output[i]->name : "";
		int number = find_value(m, names, text);
		const struct onnx_value *v = &m->value[number];
		if (v->node < 0 && !v->given && !v->message) {
			return diag_error(d, m->path, 0, "output %s is made by no node",
					  onnx_printable(text, name));
		}
		m->output[m->outputs++] = number;
	}
	return m->outputs > 0 ? 0 : diag_error(d, m->path, 0, "has no output, expected one");
}

/* Room for all that a graph can name. */
static int make_room(struct onnx_model *m, struct names *names, const Onnx__GraphProto *g)
{
	size_t all = g->n_initializer + g->n_input + g->n_output + 1;
	for (size_t i = 0; i < g->n_node; i++) {
		all += g->node[i]->n_input + g->node[i]->n_output;
	}
	for (names->slots = 4; names->slots < 2 * all;) {
		names->slots *= 2;
	}
	names->slot = calloc(names->slots, sizeof(*names->slot));
	m->value = calloc(all, sizeof(*m->value));
	m->node = calloc(g->n_node + 1, sizeof(*m->node));
	m->input = calloc(g->n_input + 1, sizeof(*m->input));
	m->output = calloc(g->n_output + 1, sizeof(*m->output));
	return names->slot && m->value && m->node && m->input && m->output ? 0 : -ENOMEM;
}

static int take_up(struct onnx_model *m, struct diag *d)
{
	const Onnx__ModelProto *p = m->message;
	if (!p->graph) {
		return diag_error(d, m->path, 0, "has no graph: no ONNX file");
	}
	int64_t opset = find_opset(p);
	if (opset < ONNX_OPSET_MIN || opset > ONNX_OPSET_MAX) {
		return diag_error(d, m->path, 0, "is of operator set %lld, expected %d to %d",
				  (long long)opset, ONNX_OPSET_MIN, ONNX_OPSET_MAX);
	}
	char producer[ONNX_TEXT_MAX];
	m->opset = (int)opset;
	m->ir = p->ir_version;
	(void)snprintf(m->producer, sizeof(m->producer), "%.63s",
		       onnx_printable(p->producer_name, producer));
	struct names names = { 0 };
	int r = make_room(m, &names, p->graph);
	if (r == 0) {
		r = link_graph(m, &names, p->graph, d);
	}
	free(names.slot);
	return r;
}

int onnx_parse(const void *bytes, size_t size, const char *path, struct onnx_model **out,
	       struct diag *d)
{
	const char *wrong = size == 0 ? "is empty" : onnx_wire_check(bytes, size);
	if (wrong) {
		return diag_error(d, path, 0, "%s, expected an ONNX file", wrong);
	}
	struct onnx_model *m = calloc(1, sizeof(*m));
	if (!m) {
		return -ENOMEM;
	}
	(void)snprintf(m->path, sizeof(m->path), "%s", path);
	m->digest = hash_bytes(bytes, size);
	m->message = onnx__model_proto__unpack(NULL, size, bytes);
	int r = m->message ? take_up(m, d)
			   : diag_error(d, path, 0, "is damaged, expected an ONNX file");
	if (r < 0) {
		onnx_free(m);
		return r;
	}
	*out = m;
	return 0;
}

int onnx_read(const char *path, struct onnx_model **out, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe would never answer */
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
	uint8_t *bytes = NULL;
	struct stat found = { 0 };
	int r = 0;
	if (!file || fstat(fd, &found) < 0) {
		r = -errno;
		(void)diag_error(d, path, 0, "cannot be read: %s", strerror(errno));
	} else if (!S_ISREG(found.st_mode)) {
		r = diag_error(d, path, 0, "is no file, expected an ONNX file");
	} else if (found.st_size > ONNX_FILE_MAX) {
		r = diag_error(d, path, 0, "has %lld bytes, expected at most %d",
			       (long long)found.st_size, ONNX_FILE_MAX);
	} else if (!(bytes = malloc((size_t)found.st_size + 1))) {
		r = -ENOMEM;
	} else if (fread(bytes, 1, (size_t)found.st_size, file) != (size_t)found.st_size) {
		r = diag_error(d, path, 0, "cannot be read whole");
	}
	if (r == 0) {
		r = onnx_parse(bytes, (size_t)found.st_size, path, out, d);
	}
	free(bytes);
	if (file) {
		(void)fclose(file);
	} else if (fd >= 0) {
		(void)close(fd);
	}
	return r;
}

void onnx_free(struct onnx_model *m)
{
	if (!m) {
		return;
	}
	for (int i = 0; i < m->nodes; i++) {
		free(m->node[i].input);
		free(m->node[i].output);
	}
	free(m->node);
	free(m->value);
	free(m->input);
	free(m->output);
	if (m->message) {
		onnx__model_proto__free_unpacked(m->message, NULL);
	}
	free(m);
}
