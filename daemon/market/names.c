/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int names_add(struct name_text *t, const char *name, uint32_t *place)
{
	size_t size = strlen(name) + 1;
	if (t->length + size > t->room) {
		size_t room = 2 * (t->length + size) + 4096;
		char *wider = room < UINT32_MAX ? realloc(t->text, room) : NULL;
		if (!wider) {
			return -ENOMEM;
		}
		t->text = wider;
		t->room = room;
	}
	memcpy(t->text + t->length, name, size);
	*place = (uint32_t)t->length;
	t->length += size;
	return 0;
}

static size_t digits(const char *name)
{
	size_t n = strspn(name, "0123456789");
	return name[n] ? 0 : n;
}

int names_compare(const char *a, const char *b)
{
	size_t of_a = digits(a), of_b = digits(b);
	if (of_a && of_b) {
		size_t zeros_a = strspn(a, "0"), zeros_b = strspn(b, "0");
		size_t long_a = of_a - zeros_a, long_b = of_b - zeros_b;
		int by_value = long_a != long_b ? (long_a < long_b ? -1 : 1)
						: strcmp(a + zeros_a, b + zeros_b);
		return by_value ? by_value : strcmp(a, b);
	}
	if (!of_a != !of_b) {
		return of_a ? -1 : 1;
	}
	return strcmp(a, b);
}

struct sorting {
	const char *text;
	const char *place;
	size_t stride;
};

static const char *name_of(const struct sorting *s, int32_t i)
{
	uint32_t place;
	memcpy(&place, s->place + s->stride * (size_t)i, sizeof(place));
	return s->text + place;
}

static int compare(const void *a, const void *b, void *sorting)
{
	int32_t i, j;
	memcpy(&i, a, sizeof(i));
	memcpy(&j, b, sizeof(j));
	int by_name = names_compare(name_of(sorting, i), name_of(sorting, j));
	return by_name ? by_name : (i > j) - (i < j);
}

int names_rank(const char *text, const uint32_t *place, size_t stride, int n, int32_t *rank,
	       const char **names, int32_t *sorted)
{
	struct sorting s = { text, (const char *)place, stride };
	int count = 0;
	for (int i = 0; i < n; i++) {
		sorted[i] = i;
	}
	qsort_r(sorted, (size_t)n, sizeof(*sorted), compare, &s);
	for (int i = 0; i < n; i++) {
		const char *name = name_of(&s, sorted[i]);
		if (count == 0 || strcmp(names[count - 1], name) != 0) {
			names[count++] = name;
		}
		rank[sorted[i]] = count - 1;
	}
	return count;
}
