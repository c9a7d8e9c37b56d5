/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/standing.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"

/* A limit that promises to hold for longer, or was issued so far in the future, is a mistake. */
static const int64_t ahead_max_s = 7 * 86400;
static const double power_max_w = 1e9;

struct standing_limit standing_at(const struct standing *s, int64_t wall_s)
{
	if (!s->heard) {
		return (struct standing_limit){ INFINITY, INFINITY };
	}
	return wall_s < s->until_s ? s->now : s->then;
}

/* A limit that is left out is none. */
static int read_limit(struct json_in *in, const char *key, double *out)
{
	*out = INFINITY;
	return json_has(in->root, key) ? json_get_number(in, in->root, key, 0, power_max_w, out)
				       : 0;
}

static int read_time(struct json_in *in, const char *key, int64_t wall_s, int64_t *out)
{
	char text[ISOTIME_SIZE];
	int64_t at_s;
	int r = json_get_text(in, in->root, key, text, sizeof(text));
	if (r < 0) {
		return r;
	}
	if (isotime_parse(text, &at_s) < 0 || at_s > wall_s + ahead_max_s) {
		snprintf(in->why, sizeof(in->why), "%s: expected a UTC time, at most a week ahead",
			 key);
		return -ERANGE;
	}
	*out = at_s;
	return 0;
}

static int read_all(struct json_in *in, const char *ours, int64_t wall_s, struct standing *out)
{
	int64_t version;
	char home[32];
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "home", home, sizeof(home));
	if (r == 0 && strcmp(home, ours) != 0) {
		snprintf(in->why, sizeof(in->why), "home: expected \"%s\"", ours);
		return -EPERM;
	}
	r = r < 0 ? r : read_time(in, "issued", wall_s, &out->issued_s);
	r = r < 0 ? r : read_time(in, "until", wall_s, &out->until_s);
	r = r < 0 ? r : read_limit(in, "import_limit_w", &out->now.import_w);
	r = r < 0 ? r : read_limit(in, "export_limit_w", &out->now.export_w);
	r = r < 0 ? r : read_limit(in, "then_import_limit_w", &out->then.import_w);
	return r < 0 ? r : read_limit(in, "then_export_limit_w", &out->then.export_w);
}

int standing_take(struct standing *s, const char *ours, int64_t wall_s, const char *payload,
		  size_t length, char *why, size_t size)
{
	struct standing new = { .heard = true };
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_all(&in, ours, wall_s, &new);
	if (r == 0 && s->heard && new.issued_s < s->issued_s && s->issued_s <= wall_s) {
		snprintf(in.why, sizeof(in.why), "issued: expected one after the limit that holds");
		r = -ESTALE;
	}
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else {
		*s = new;
	}
	json_free(&in);
	return r;
}
