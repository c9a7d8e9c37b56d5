/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A member's account as a row of the ledger. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "daemon/base/json.h"
#include "daemon/home/manager_private.h"

/* What a row holds of an account, beside the interval. */
static const struct {
	const char *key;
	size_t at;
	int decimals;
} columns[] = {
	{ "alone", offsetof(struct sharing_account, alone), 6 },
	{ "paid", offsetof(struct sharing_account, paid), 6 },
	{ "saved", offsetof(struct sharing_account, saved), 6 },
	{ "burden_wh", offsetof(struct sharing_account, burden_wh), 3 },
	{ "asked_wh", offsetof(struct sharing_account, asked_wh), 3 },
	{ "delivered_wh", offsetof(struct sharing_account, delivered_wh), 3 },
	{ "off_wh", offsetof(struct sharing_account, off_wh), 3 },
	{ "intervals", offsetof(struct sharing_account, intervals), 0 },
};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

int manager_row_json(const struct manager *m, int i, char *out, size_t size)
{
	const struct manager_member *member = &m->member[i];
	const struct manager_interval *at = manager_known_interval(m, i, m->settled_s);
	struct json_out o;
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_text(&o, "member", m->site->member[i].id);
	if (at && at->metered) {
		double hours = m->site->interval_s / 3600;
		json_put_number(&o, "net_wh", at->net_wh, 3);
		json_put_number(&o, "planned_wh", at->counted ? at->planned_w * hours : NAN, 3);
		json_put_number(&o, "target_wh", at->counted ? at->target_w * hours : NAN, 3);
	}
	for (int c = 0; c < COLUMNS; c++) {
		const char *field = (const char *)&member->account + columns[c].at;
		json_put_number(&o, columns[c].key, *(const double *)(const void *)field,
				columns[c].decimals);
	}
	json_put_number(&o, "fund", m->fund, 6);
	json_put_number(&o, "rest_w", m->rest_known ? m->rest_w : NAN, 1);
	json_close(&o);
	return json_finish(&o);
}

static int read_row(struct json_in *in, struct manager *m, int64_t interval_s)
{
	enum { LARGE = 1000000000 };
	char home[32];
	double fund, rest_w = NAN;
	struct sharing_account account = { 0 };
	int r = json_get_text(in, in->root, "member", home, sizeof(home));
	int i = r < 0 ? -1 : manager_find(m, home);
	for (int c = 0; i >= 0 && r == 0 && c < COLUMNS; c++) {
		char *field = (char *)&account + columns[c].at;
		r = json_get_number(in, in->root, columns[c].key, -LARGE, LARGE,
				    (double *)(void *)field);
	}
	r = r < 0 ? r : json_get_number(in, in->root, "fund", -LARGE, LARGE, &fund);
	if (r == 0 && json_given(in->root, "rest_w")) {
		r = json_get_number(in, in->root, "rest_w", -LARGE, LARGE, &rest_w);
	}
	if (i < 0 || r < 0) {
		return -EINVAL;
	}
	m->member[i].account = account;
	if (interval_s >= m->settled_s) {
		m->settled_s = interval_s;
		m->fund = fund;
		m->rest_known = !isnan(rest_w);
		m->rest_w = m->rest_known ? rest_w : 0;
	}
	return 0;
}

int manager_recall(struct manager *m, int64_t interval_s, const char *text)
{
	struct json_in in;
	int r = json_parse(&in, text, strlen(text));
	r = r < 0 ? r : read_row(&in, m, interval_s);
	json_free(&in);
	return r;
}
