/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/steer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/sensors.h"

enum { WORDS_MAX = 4 };

/* Switch a fault on and note it. */
static const char *switch_on(struct house *h, struct journal *j, const char *name, const char *kind)
{
	struct house_device *dev = house_device(h, name);
	if (!dev || !dev->served) {
		return "the name of a device that listens";
	}
	const char *expected = house_fault(h, dev, kind);
	if (!expected) {
		journal_event(j, &h->plant, name, "fault", kind, 1);
	}
	return expected;
}

const char *steer_fault(struct house *h, struct journal *j, const char *text)
{
	char name[32];
	size_t length = strcspn(text, ":");
	if (text[length] != ':' || length >= sizeof(name)) {
		return "NAME:KIND[=VALUE]";
	}
	memcpy(name, text, length);
	name[length] = '\0';
	return switch_on(h, j, name, text + length + 1);
}

static const char *do_fault(struct house *h, struct journal *j, char *word[], double *out)
{
	(void)out;
	return switch_on(h, j, word[1], word[2]);
}

static const char *do_heal(struct house *h, struct journal *j, char *word[], double *out)
{
	struct house_device *dev = house_device(h, word[1]);
	(void)out;
	if (!dev) {
		return "the name of a device";
	}
	house_heal(dev);
	journal_event(j, &h->plant, dev->name, "heal", "all", 1);
	return NULL;
}

static const char *do_read(struct house *h, struct journal *j, char *word[], double *out)
{
	(void)j;
	if (strcmp(word[1], "house") == 0 && strcmp(word[2], "load_w") == 0) {
		*out = h->plant.load_w;
		return NULL;
	}
	struct house_device *dev = house_device(h, word[1]);
	int q = quantity_by_name(word[2]);
	if (!dev || q < 0 ||
	    sensors_measure(&h->plant, dev->kind, dev->index, (enum quantity)q, out) < 0) {
		return "a device and a quantity it measures";
	}
	return NULL;
}

/* What nobody's community exceeds. */
static const double load_max_w = 1e9;

static const char *do_load(struct house *h, struct journal *j, char *word[], double *out)
{
	char *end;
	double w = strtod(word[1], &end);
	(void)out;
	if (end == word[1] || *end || !(fabs(w) <= load_max_w)) {
		return "a power in W";
	}
	plant_tell_load(&h->plant, w);
	journal_event(j, &h->plant, "house", "told", "load_w", w);
	return NULL;
}

static const struct {
	const char *verb;
	int words;
	bool tells; /* answers with a number */
	const char *(*run)(struct house *h, struct journal *j, char *word[], double *out);
	const char *usage;
} verbs[] = {
	{ "fault", 3, false, do_fault, "fault NAME KIND[=VALUE]" },
	{ "heal", 2, false, do_heal, "heal NAME" },
	{ "read", 3, true, do_read, "read NAME QUANTITY" },
	{ "load", 2, false, do_load, "load W" },
};

static int split(char *line, char *word[WORDS_MAX])
{
	int words = 0;
	char *rest = NULL;
	for (char *w = strtok_r(line, " \t\r", &rest); w; w = strtok_r(NULL, " \t\r", &rest)) {
		if (words == WORDS_MAX) {
			return WORDS_MAX + 1;
		}
		word[words++] = w;
	}
	return words;
}

bool steer(struct house *h, struct journal *j, char *line, char *answer, size_t size)
{
	char *word[WORDS_MAX] = { NULL };
	int words = split(line, word);
	snprintf(answer, size, "error: expected fault, heal, load, read or quit");
	if (words == 1 && strcmp(word[0], "quit") == 0) {
		snprintf(answer, size, "ok quit");
		return true;
	}
	for (size_t i = 0; words > 0 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(word[0], verbs[i].verb) != 0) {
			continue;
		}
		double value = 0;
		const char *expected =
			words == verbs[i].words ? verbs[i].run(h, j, word, &value) : verbs[i].usage;
		if (expected) {
			snprintf(answer, size, "error: expected %s", expected);
		} else if (verbs[i].tells) {
			snprintf(answer, size, "ok %.10g", value);
		} else {
			snprintf(answer, size, "ok %s %s", verbs[i].verb, word[1]);
		}
	}
	return false;
}

int steer_receive(struct steer_input *in, int fd)
{
	if (in->length == sizeof(in->text)) {
		in->length = 0;
		in->overlong = true;
	}
	ssize_t n = read(fd, in->text + in->length, sizeof(in->text) - in->length);
	if (n < 0) {
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : 0;
	}
	in->length += (size_t)n;
	return n > 0;
}

bool steer_next(struct steer_input *in, char *line)
{
	char *end = memchr(in->text, '\n', in->length);
	if (!end) {
		return false;
	}
	size_t length = (size_t)(end - in->text);
	memcpy(line, in->text, length);
	line[in->overlong ? 0 : length] = '\0';
	in->overlong = false;
	in->length -= length + 1;
	memmove(in->text, end + 1, in->length);
	return true;
}
