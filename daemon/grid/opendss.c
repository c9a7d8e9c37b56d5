/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commands of a script, run line by line. */
#include "daemon/grid/opendss.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/csv.h"
#include "daemon/grid/opendss_objects.h"

enum { DEPTH_MAX = 8, ERRORS_MAX = 50 };

struct reader {
	struct circuit *c;
	struct dss_objects all;
	struct diag *d;
	int errors_before;
	int depth;
	const char *file; /* that is being read */
	int line;
	int class, object; /* the last one made or edited; class -1: none, or one without effect */
	bool idle;         /* the last one is of a class without effect */
	char *value;       /* of a word */
};

struct command {
	const char *word;
	int (*run)(struct reader *r, struct opendss_words *w);
};

static int run_file(struct reader *r, const char *path);

static int wrong(struct reader *r, const char *what, const char *expected)
{
	return diag_error(r->d, r->file, r->line, "\"%.40s\", expected %s", what, expected);
}

/* The properties that stand in the rest of a line. */
static int take_properties(struct reader *r, struct opendss_words *w, enum dss_class_id class,
			   int first, int count)
{
	int got, result = 0;
	while ((got = opendss_words_next(w)) > 0) {
		if (w->name[0] == '\0') {
			result = wrong(r, w->value, "property=value");
			continue;
		}
		for (int i = 0; i < count && result != -ENOMEM; i++) {
			int one = dss_set(class, dss_at(&r->all, class, first + i), w->name,
					  w->value, r->file, r->line, r->d);
			result = one < 0 ? one : result;
		}
	}
	return got < 0 ? wrong(r, w->at, "property=value, closed where it is opened") : result;
}

/* Classes that measure and change nothing. */
static bool only_measures(const char *class)
{
	return strcmp(class, "monitor") == 0 || strcmp(class, "energymeter") == 0;
}

/* Split "Class.Name" of the next word into the reader's buffer. Returns the name, or NULL having
 * said what is wrong; *class points before it. */
static char *take_name(struct reader *r, struct opendss_words *w, char **class)
{
	static const char what[] = "Class.Name behind the command";
	if (opendss_words_next(w) <= 0 || w->name[0] != '\0') {
		wrong(r, w->name, what);
		return NULL;
	}
	opendss_lower(w->value);
	char *dot = strchr(w->value, '.');
	if (!dot || dot[1] == '\0' || strlen(dot + 1) >= OPENDSS_NAME_SIZE) {
		wrong(r, w->value, what);
		return NULL;
	}
	*dot = '\0';
	*class = w->value;
	return dot + 1;
}

static int unknown_class(struct reader *r, const char *class)
{
	return wrong(r, class,
		     "circuit, vsource, linecode, line, transformer, load, loadshape, "
		     "monitor or energymeter");
}

static int run_new(struct reader *r, struct opendss_words *w)
{
	char *class_name, *name = take_name(r, w, &class_name);
	if (!name) {
		return -EINVAL;
	}
	r->idle = only_measures(class_name);
	r->class = -1;
	if (r->idle) {
		return 0;
	}
	bool circuit = strcmp(class_name, "circuit") == 0;
	int class = circuit ? DSS_SOURCE : dss_class_named(class_name);
	if (class < 0) {
		return unknown_class(r, class_name);
	}
	if (class == DSS_SOURCE && (!circuit || r->all.list[class].count > 0)) {
		return wrong(r, name, "one circuit with one source");
	}
	if (class != DSS_SOURCE && r->all.list[DSS_SOURCE].count == 0) {
		return wrong(r, name, "New Circuit before all else");
	}
	const struct dss_object *same =
		dss_find(&r->all, (enum dss_class_id) class, circuit ? "source" : name);
	if (same) {
		return diag_error(r->d, r->file, r->line,
				  "%s.%s is there twice, first in %s:%d: expected each once",
				  class_name, name, same->file, same->line);
	}
	if (!dss_add(&r->all, (enum dss_class_id) class, circuit ? "source" : name, r->file,
		     r->line)) {
		return -ENOMEM;
	}
	r->class = class;
	r->object = r->all.list[class].count - 1;
	return take_properties(r, w, (enum dss_class_id) class, r->object, 1);
}

static int run_edit(struct reader *r, struct opendss_words *w)
{
	char *class_name, *name = take_name(r, w, &class_name);
	if (!name) {
		return -EINVAL;
	}
	r->idle = only_measures(class_name);
	r->class = -1;
	if (r->idle) {
		return 0;
	}
	int class = strcmp(class_name, "circuit") == 0 ? DSS_SOURCE : dss_class_named(class_name);
	if (class < 0) {
		return unknown_class(r, class_name);
	}
	const char *object = dss_find(&r->all, (enum dss_class_id) class, name);
	if (!object) {
		return wrong(r, name, "the name of an object above");
	}
	r->class = class;
	r->object = (int)((size_t)(object - r->all.list[class].item) / dss_classes[class].size);
	return take_properties(r, w, (enum dss_class_id) class, r->object, 1);
}

static int run_more(struct reader *r, struct opendss_words *w)
{
	if (r->class < 0) {
		return r->idle ? 0 : wrong(r, "~", "an object above that it goes on with");
	}
	return take_properties(r, w, (enum dss_class_id)r->class, r->object, 1);
}

static int run_batch(struct reader *r, struct opendss_words *w)
{
	char *class_name, *name = take_name(r, w, &class_name);
	if (!name) {
		return -EINVAL;
	}
	int class = dss_class_named(class_name);
	if (class < 0) {
		return unknown_class(r, class_name);
	}
	if (strcmp(name, ".*") != 0) {
		return wrong(r, name, "all objects of a class, Class..*");
	}
	return take_properties(r, w, (enum dss_class_id) class, 0, r->all.list[class].count);
}

static int run_redirect(struct reader *r, struct opendss_words *w)
{
	char path[4096];
	const char *file = r->file;
	int line = r->line;
	if (opendss_words_next(w) <= 0) {
		return wrong(r, "", "a file behind redirect");
	}
	if (r->depth == DEPTH_MAX) {
		return wrong(r, w->value, "files that redirect at most 8 deep");
	}
	dss_path(file, w->value, path, sizeof(path));
	int result = run_file(r, path);
	r->file = file;
	r->line = line;
	if (result < 0 && result != -EINVAL) {
		return diag_error(r->d, file, line, "%s cannot be read: %s", path,
				  strerror(-result));
	}
	return result;
}

static int set_frequency(struct reader *r, const char *value)
{
	double hertz;
	if (csv_number(value, &hertz) < 0 || hertz < 1 || hertz > 1000) {
		return wrong(r, value, "a frequency from 1 to 1000 Hz");
	}
	r->all.frequency = hertz;
	return 0;
}

static int set_bases(struct reader *r, const char *value)
{
	enum { MOST = sizeof(r->all.voltage_base) / sizeof(*r->all.voltage_base) };
	double kv[MOST];
	int n = dss_numbers(value, kv, MOST);
	for (int i = 0; i < n; i++) {
		n = kv[i] > 0 ? n : -EINVAL;
	}
	if (n < 1) {
		return wrong(r, value, "1 to 8 voltages in kV, line to line");
	}
	memcpy(r->all.voltage_base, kv, sizeof(kv));
	r->all.voltage_bases = n;
	return 0;
}

static int set_nothing(struct reader *r, const char *value)
{
	(void)r;
	(void)value;
	return 0;
}

static int run_set(struct reader *r, struct opendss_words *w)
{
	static const struct {
		const char *name;
		int (*set)(struct reader *r, const char *value);
	} options[] = {
		{ "defaultbasefrequency", set_frequency },
		{ "voltagebases", set_bases },
		{ "mode", set_nothing }, /* how the script would solve: ours is told otherwise */
		{ "number", set_nothing },
		{ "stepsize", set_nothing },
	};
	enum { OPTIONS = sizeof(options) / sizeof(*options) };
	int got, result = 0;
	while ((got = opendss_words_next(w)) > 0) {
		int i = 0;
		while (i < OPTIONS && strcmp(options[i].name, w->name) != 0) {
			i++;
		}
		int one = i < OPTIONS ? options[i].set(r, w->value)
				      : wrong(r, w->name[0] ? w->name : w->value,
					      "DefaultBaseFrequency, VoltageBases, Mode, Number or "
					      "StepSize = value");
		result = one < 0 ? one : result;
	}
	return got < 0 ? wrong(r, w->at, "option=value") : result;
}

static int run_clear(struct reader *r, struct opendss_words *w)
{
	(void)w;
	return r->all.list[DSS_SOURCE].count ? wrong(r, "clear", "it before the circuit only") : 0;
}

static int run_nothing(struct reader *r, struct opendss_words *w)
{
	(void)r;
	(void)w;
	return 0;
}

static const struct command commands[] = {
	{ "new", run_new },
	{ "edit", run_edit },
	{ "~", run_more },
	{ "more", run_more },
	{ "batchedit", run_batch },
	{ "redirect", run_redirect },
	{ "compile", run_redirect },
	{ "set", run_set },
	{ "clear", run_clear },
	{ "calcvoltagebases", run_nothing }, /* done in any case */
	{ "buscoords", run_nothing },        /* where buses lie is nothing to a power flow */
	{ "solve", run_nothing },
	{ "show", run_nothing },
	{ "plot", run_nothing },
	{ "export", run_nothing },
	{ "closedi", run_nothing },
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static int run_line(struct reader *r, const char *text)
{
	struct opendss_words w;
	opendss_words_begin(&w, text, r->value);
	int got = opendss_words_next(&w);
	if (got == 0) {
		return 0;
	}
	for (int i = 0; got > 0 && w.name[0] == '\0' && i < COMMANDS; i++) {
		if (strcasecmp(commands[i].word, w.value) == 0) {
			return commands[i].run(r, &w);
		}
	}
	return wrong(r, got > 0 ? w.value : text, "a command: New, Edit, Redirect, Set...");
}

/* Lines until the end of a file, or too many errors. */
static int run_lines(struct reader *r, FILE *file, char *text)
{
	bool comment = false; /* between lines that begin with / and * */
	int result = 0;
	while (result != -ENOMEM && r->d->errors - r->errors_before < ERRORS_MAX &&
	       fgets(text, OPENDSS_LINE_SIZE, file)) {
		r->line++;
		if (!strchr(text, '\n') && !feof(file)) {
			return diag_error(r->d, r->file, r->line,
					  "the line is too long or holds a NUL, expected text of "
					  "less than %d letters a line",
					  OPENDSS_LINE_SIZE);
		}
		const char *begin = text + strspn(text, " \t");
		comment = comment || strncmp(begin, "/*", 2) == 0;
		if (comment) {
			comment = !strstr(text, "*/");
			continue;
		}
		int one = run_line(r, text);
		result = one < 0 ? one : result;
	}
	return ferror(file) ? -EIO : result;
}

static int run_file(struct reader *r, const char *path)
{
	const char *name = circuit_keep_file(r->c, path);
	char *text = malloc(OPENDSS_LINE_SIZE);
	FILE *file = name && text ? fopen(path, "re") : NULL;
	int result = name && text ? -errno : -ENOMEM;
	if (file) {
		r->file = name;
		r->line = 0;
		r->depth++;
		result = run_lines(r, file, text);
		r->depth--;
		(void)fclose(file);
	}
	free(text);
	return result;
}

int opendss_read(const char *path, struct circuit *out, struct diag *d)
{
	struct reader r = { .c = out, .d = d, .errors_before = d->errors, .class = -1 };
	circuit_init(out);
	dss_objects_init(&r.all);
	r.value = malloc(OPENDSS_LINE_SIZE);
	int result = r.value ? run_file(&r, path) : -ENOMEM;
	if (result < 0 && result != -EINVAL && result != -ENOMEM) {
		diag_error(d, path, 0, "cannot be read: %s", strerror(-result));
	}
	if (result == 0) {
		result = opendss_circuit(&r.all, out, d);
	}
	free(r.value);
	dss_objects_free(&r.all);
	return result;
}
