/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The running lecd's documents as pages for people. Any document will do: what is missing or of
 * another type is told as unknown. */
#ifndef LECD_HOME_LECCTL_SHOW_H
#define LECD_HOME_LECCTL_SHOW_H

#include <stdbool.h>

#include "daemon/base/json.h"
#include "daemon/home/lecctl_text.h"

/* A measured number, with the word for why it is not known. */
struct figure {
	bool known;
	double value;
	const char *quality; /* never NULL */
};

/* object's member, its quality in the member `quality_key` of `qualities` (either may be NULL). */
struct figure figure_of(const struct json_value *object, const char *key,
			const struct json_value *qualities, const char *quality_key);

/* "unknown (stale)" */
void show_unknown(struct page *p, const struct figure *f);
/* "importing 345 W": the word for a power above 0, for one below, and for none. */
void show_flow(struct page *p, const struct figure *f, const char *above, const char *below,
	       const char *none);

/* Text and number of a member; "" and fallback where there is none. */
const char *show_text(const struct json_value *object, const char *key);
double show_number(const struct json_value *object, const char *key, double fallback);

void show_status(struct page *p, const struct json_value *status);
void show_explain(struct page *p, const struct json_value *explain);
void show_devices(struct page *p, const struct json_value *devices);
void show_plan(struct page *p, const struct json_value *plan);
void show_probe(struct page *p, const struct json_value *probe);

#endif
