/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* inih cuts longer lines, sections (50) and keys (50) silently: we refuse them before it does. */
enum { LINE_LENGTH_MAX = 190, SECTIONS_MAX = 256, ENTRIES_MAX = 4096 };
enum { FILE_BYTES_MAX = 4 << 20 }; /* what cannot end, as a device, is no file of ours */

/* --- reading ------------------------------------------------------------------------------------
 */

/* What is carried through inih: its reader counts the lines, its handler stores the values. */
struct reader {
	struct config *config;
	struct diag *diag;
	FILE *file;
	int line, bytes;
	bool lost; /* behind a header that was refused: what its section holds is skipped */
};

static char *trim(char *s)
{
	while (isspace((unsigned char)*s)) {
		s++;
	}
	char *end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1])) {
		*--end = '\0';
	}
	return s;
}

static void *grow(void *array, int count, size_t size)
{
	/* Double at each power of two. */
	if ((count & (count - 1)) != 0) {
		return array;
	}
	return realloc(array, (size_t)(count ? count * 2 : 1) * size);
}

static void open_section(struct reader *r, char *header)
{
	struct config *c = r->config;
	r->lost = true;
	char *end = strchr(header, ']');
	if (!end || strchr(" \t;#", end[1]) == NULL) {
		diag_error(r->diag, c->path, r->line,
			   "a section header is not closed, expected "
			   "[section] alone on the line");
		return;
	}
	*end = '\0';
	char *kind = trim(header + 1);
	char *name = kind + strcspn(kind, " \t");
	if (*name) {
		*name++ = '\0';
	}
	name = trim(name);
	if (strlen(kind) >= sizeof(c->section->kind) || strlen(name) >= sizeof(c->section->name) ||
	    !*kind) {
		diag_error(r->diag, c->path, r->line,
			   "a section name is empty or too long, expected at most %zu characters",
			   sizeof(c->section->name) - 1);
		return;
	}
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("-_", *p)) {
			diag_error(r->diag, c->path, r->line,
				   "section name \"%s\", expected letters, digits, - and _ only",
				   name);
			break;
		}
	}
	int first_line = r->line;
	for (int i = c->sections - 1; i >= 0; i--) {
		if (strcmp(c->section[i].kind, kind) == 0 &&
		    strcmp(c->section[i].name, name) == 0) {
			first_line = c->section[i].first_line;
		}
	}
	struct config_section *grown = grow(c->section, c->sections, sizeof(*c->section));
	if (!grown || c->sections >= SECTIONS_MAX) {
		diag_error(r->diag, c->path, r->line, "too many sections, expected at most %d",
			   SECTIONS_MAX);
		c->section = grown ? grown : c->section;
		return;
	}
	c->section = grown;
	struct config_section *s = &c->section[c->sections++];
	*s = (struct config_section){ .line = r->line, .first_line = first_line };
	memcpy(s->kind, kind, strlen(kind) + 1);
	memcpy(s->name, name, strlen(name) + 1);
	r->lost = false;
}

/* The next character, or EOF where the file ends or has been longer than any of ours. */
static int next_char(struct reader *r)
{
	if (r->bytes == FILE_BYTES_MAX) {
		diag_error(r->diag, r->config->path, r->line,
			   "more than %d bytes, expected a shorter file", FILE_BYTES_MAX);
	}
	return r->bytes++ < FILE_BYTES_MAX ? fgetc(r->file) : EOF;
}

/* Read one line, its end left out; what is beyond size is dropped. NUL bytes, which would hide the
 * rest of the line, are reported. Returns false at the end of the file. */
static bool read_line(struct reader *r, char *out, size_t size)
{
	size_t length = 0;
	bool nul = false;
	int ch = next_char(r);
	if (ch == EOF) {
		return false;
	}
	r->line++;
	for (; ch != '\n' && ch != EOF; ch = next_char(r)) {
		nul = nul || ch == '\0';
		if (length < size - 1) {
			out[length++] = (char)ch;
		}
	}
	out[nul ? 0 : length] = '\0';
	if (nul) {
		diag_error(r->diag, r->config->path, r->line,
			   "a NUL byte in the line, expected plain text");
	}
	return true;
}

/* Hand one line to inih: lines it would misread are reported and replaced by an empty one. */
static char *next_line(char *buffer, int size, void *stream)
{
	struct reader *r = stream;
	char raw[1024] = "";
	if (!read_line(r, raw, sizeof(raw))) {
		return NULL;
	}
	char *line = trim(r->line == 1 && strncmp(raw, "\xef\xbb\xbf", 3) == 0 ? raw + 3 : raw);
	const char *give = line;
	if (*line == ';' || *line == '#') {
		give = "";
	} else if (strlen(line) > LINE_LENGTH_MAX || (int)strlen(line) + 2 > size) {
		diag_error(r->diag, r->config->path, r->line,
			   "line of more than %d characters, expected a shorter one",
			   LINE_LENGTH_MAX);
		give = "";
	} else if (*line == '[') {
		open_section(r, line);
		give = "";
	} else if (*line && (!strchr(line, '=') || *line == '=')) {
		diag_error(r->diag, r->config->path, r->line,
			   "\"%.40s\" is neither, expected `key = value` or `[section]`", line);
		give = "";
	}
	size_t length = strlen(give);
	memmove(buffer, give, length);
	memcpy(buffer + length, "\n", 2);
	return buffer;
}

static int store_entry(void *user, const char *section, const char *key, const char *value)
{
	(void)section; /* ours are kept by open_section, inih's would be cut */
	struct reader *r = user;
	struct config *c = r->config;
	if (r->lost) {
		return 1;
	}
	if (c->sections == 0) {
		diag_error(r->diag, c->path, r->line,
			   "\"%s\" stands before any section, expected "
			   "a [section] first",
			   key);
		return 1;
	}
	struct config_entry *grown = grow(c->entry, c->entries, sizeof(*c->entry));
	if (!grown || c->entries >= ENTRIES_MAX || strlen(key) >= sizeof(grown->key)) {
		c->entry = grown ? grown : c->entry;
		diag_error(r->diag, c->path, r->line, "key \"%.60s\" is too long, or one too many",
			   key);
		return 1;
	}
	c->entry = grown;
	struct config_entry *e = &c->entry[c->entries++];
	*e = (struct config_entry){ .section = c->sections - 1, .line = r->line };
	memcpy(e->key, key, strlen(key) + 1);
	memcpy(e->value, value, strlen(value) + 1); /* fits: the line does */
	return 1;
}

int config_read(struct config *c, const char *path, struct diag *d)
{
	*c = (struct config){ .manual = "lecd.conf(5)" };
	if (strlen(path) >= sizeof(c->path)) {
		diag_error(d, path, 0, "path is too long");
		return -ENAMETOOLONG;
	}
	memcpy(c->path, path, strlen(path) + 1);
	struct reader r = { .config = c, .diag = d, .file = fopen(path, "re") };
	if (!r.file) {
		int error = errno;
		diag_error(d, path, 0, "cannot be read: %s", strerror(error));
		return -error;
	}
	(void)ini_parse_stream(next_line, &r, store_entry, &r);
	int failed = ferror(r.file) ? -EIO : 0;
	if (failed) {
		diag_error(d, path, r.line, "cannot be read further (is it a directory?)");
	}
	fclose(r.file);
	return failed;
}

void config_free(struct config *c)
{
	free(c->section);
	free(c->entry);
	*c = (struct config){ 0 };
}

/* --- applying a table ---------------------------------------------------------------------------
 */

static void describe_range(const struct option *o, char *out, size_t size)
{
	static const struct {
		double factor;
		const char *unit;
	} shown[DIMENSION_COUNT] = {
		[DIMENSION_NUMBER] = { 1, "" },
		[DIMENSION_POWER] = { 1, " W" },
		[DIMENSION_ENERGY] = { 1, " Wh" },
		[DIMENSION_TIME] = { 1, " s" },
		[DIMENSION_FRACTION] = { 100, " %" },
		[DIMENSION_PER_KWH] = { 1, " per kWh" },
		[DIMENSION_PER_KW] = { 1, " per kW" },
		[DIMENSION_ANGLE] = { 1, " deg" },
		[DIMENSION_VOLUME] = { 1, " l" },
		[DIMENSION_CELSIUS] = { 1, " degC" },
		[DIMENSION_KELVIN] = { 1, " K" },
		[DIMENSION_HEAT_CAPACITY] = { 1, " Wh/K" },
		[DIMENSION_HEAT_LOSS] = { 1, " W/K" },
		[DIMENSION_PER_KELVIN_HOUR] = { 1, " per K and h" },
		[DIMENSION_MONEY] = { 1, "" },
	};
	double f = shown[o->dimension].factor;
	snprintf(out, size, "%g to %g%s", o->min * f, o->max * f, shown[o->dimension].unit);
}

static const char *apply_quantity(const struct option *o, const char *text, double *field,
				  char *currency, char *why, size_t size)
{
	char money[4] = "";
	double value;
	if (units_parse(text, o->dimension, &value, money) < 0) {
		return units_expected(o->dimension);
	}
	if (value < o->min || value > o->max) {
		describe_range(o, why, size);
		return why;
	}
	if (*money && currency) {
		if (*currency && strcmp(currency, money) != 0) {
			snprintf(why, size, "one currency in the whole file, %s so far", currency);
			return why;
		}
		memcpy(currency, money, sizeof(money));
	}
	*field = value;
	return NULL;
}

static const char *apply_choice(const struct option *o, const char *text, int *field, char *why,
				size_t size)
{
	size_t used = (size_t)snprintf(why, size, "one of");
	for (int i = 0; o->choices[i]; i++) {
		if (strcmp(text, o->choices[i]) == 0) {
			*field = i;
			return NULL;
		}
		if (used < size) {
			used += (size_t)snprintf(why + used, size - used, "%s %s", i ? "," : "",
						 o->choices[i]);
		}
	}
	return why;
}

static const char *apply_integer(const struct option *o, const char *text, int64_t *field,
				 char *why, size_t size)
{
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (end == text || *end || errno || (double)value < o->min || (double)value > o->max) {
		snprintf(why, size, "a whole number from %.0f to %.0f", o->min, o->max);
		return why;
	}
	*field = value;
	return NULL;
}

static const char *apply_text(const struct option *o, const char *text, char *field, char *why,
			      size_t size)
{
	if (strlen(text) >= (size_t)o->max || !*text) {
		snprintf(why, size, "a text of 1 to %.0f characters", o->max - 1);
		return why;
	}
	memcpy(field, text, strlen(text) + 1);
	return NULL;
}

static const char *apply_bool(const char *text, bool *field)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
		return "yes or no";
	}
	*field = strcmp(text, "yes") == 0;
	return NULL;
}

/* Set one field from text. Return NULL, or what is expected (maybe in why). */
static const char *apply_value(const struct option *o, const char *text, void *target,
			       char *currency, char *why, size_t size)
{
	void *field = (char *)target + o->offset;
	switch (o->type) {
	case OPTION_TEXT:
		return apply_text(o, text, field, why, size);
	case OPTION_BOOL:
		return apply_bool(text, field);
	case OPTION_CHOICE:
		return apply_choice(o, text, field, why, size);
	case OPTION_QUANTITY:
		return apply_quantity(o, text, field, currency, why, size);
	case OPTION_INTEGER:
		return apply_integer(o, text, field, why, size);
	case OPTION_CUSTOM:
	case OPTION_REPEATED:
		return o->parse(text, field);
	}
	return "a known type";
}

static const struct option *find_option(const struct option *table, int options, const char *key)
{
	for (int i = 0; i < options; i++) {
		if (strcmp(table[i].key, key) == 0) {
			return &table[i];
		}
	}
	return NULL;
}

static void section_title(const struct config_section *s, char *out, size_t size)
{
	snprintf(out, size, "[%s%s%s]", s->kind, *s->name ? " " : "", s->name);
}

static void apply_entry(struct config *c, const struct config_entry *e, const struct option *table,
			int options, void *target, char *currency, struct diag *d)
{
	char title[80], why[256];
	section_title(&c->section[e->section], title, sizeof(title));
	const struct option *o = find_option(table, options, e->key);
	if (!o) {
		diag_error(d, c->path, e->line, "unknown key \"%s\" in %s, see %s", e->key, title,
			   c->manual);
		return;
	}
	if (o->type != OPTION_REPEATED && config_line(c, e->section, e->key) != e->line) {
		diag_error(d, c->path, e->line, "%s stands already at line %d, expected once",
			   e->key, config_line(c, e->section, e->key));
		return;
	}
	const char *expect = apply_value(o, e->value, target, currency, why, sizeof(why));
	if (expect) {
		diag_error(d, c->path, e->line, "%s = \"%s\", expected %s", e->key, e->value,
			   expect);
	}
}

void config_apply(struct config *c, int s, const struct option *table, int options, void *target,
		  char *currency, struct diag *d)
{
	c->section[s].known = true;
	char title[80], why[256];
	section_title(&c->section[s], title, sizeof(title));
	for (int i = 0; i < options; i++) {
		const struct option *o = &table[i];
		if (o->fallback && *o->fallback) {
			const char *wrong =
				apply_value(o, o->fallback, target, NULL, why, sizeof(why));
			assert(!wrong);
		} else if (!o->fallback && !config_has(c, s, o->key)) {
			diag_error(d, c->path, c->section[s].line, "%s has no %s, expected one",
				   title, o->key);
		}
	}
	for (int i = 0; i < c->entries; i++) {
		if (c->entry[i].section == s) {
			apply_entry(c, &c->entry[i], table, options, target, currency, d);
		}
	}
}

void config_apply_defaults(const struct option *table, int options, void *target)
{
	struct config_section section = { .kind = "defaults" };
	struct config none = { .sections = 1, .section = &section };
	struct diag ignore = { 0 }; /* required keys of an absent section are not missed */
	config_apply(&none, 0, table, options, target, NULL, &ignore);
}

/* Whether a section of this kind stands among those names as one without a name: [kind]. */
static bool names_plainly(const char *names, const char *kind)
{
	char plain[sizeof(((struct config_section *)0)->kind) + 2];
	snprintf(plain, sizeof(plain), "[%s]", kind);
	return strstr(names, plain) != NULL;
}

void config_refuse_unknown(const struct config *c, const char *names, struct diag *d)
{
	for (int i = 0; i < c->sections; i++) {
		const struct config_section *s = &c->section[i];
		char title[80];
		section_title(s, title, sizeof(title));
		if (s->first_line != s->line && !s->repeats) {
			diag_error(d, c->path, s->line,
				   "section %s stands already at line %d, expected once", title,
				   s->first_line);
		} else if (!s->known) {
			diag_error(d, c->path, s->line, "unknown section %s, expected %s", title,
				   names);
		} else if (*s->name && names_plainly(names, s->kind)) {
			diag_error(d, c->path, s->line, "section %s has a name, expected [%s]",
				   title, s->kind);
		}
	}
}

int config_line(const struct config *c, int s, const char *key)
{
	for (int i = 0; i < c->entries; i++) {
		if (c->entry[i].section == s && strcmp(c->entry[i].key, key) == 0) {
			return c->entry[i].line;
		}
	}
	return c->section[s].line;
}

bool config_has(const struct config *c, int s, const char *key)
{
	for (int i = 0; i < c->entries; i++) {
		if (c->entry[i].section == s && strcmp(c->entry[i].key, key) == 0) {
			return true;
		}
	}
	return false;
}

int config_find(const struct config *c, const char *kind)
{
	for (int i = 0; i < c->sections; i++) {
		if (strcmp(c->section[i].kind, kind) == 0) {
			return i;
		}
	}
	return -1;
}

const char *config_parse_name(const char *text, char *field, size_t size)
{
	size_t length = strlen(text);
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("-_", *p)) {
			length = 0;
		}
	}
	if (length == 0 || length >= size) {
		return "1 to 31 letters, digits, - and _";
	}
	memcpy(field, text, length + 1);
	return NULL;
}
