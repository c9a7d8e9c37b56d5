/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an evaluation found, as a page. */
#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "sim/evaluation_charts.h"

static const char style[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n<title>lec-train "
	"evaluate</title>\n"
	"<style>\nbody{font:15px/1.45 sans-serif;color:#222;max-width:1200px;margin:24px auto;"
	"padding:0 16px}\nh1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:34px 0 6px}\n"
	"p{margin:4px 0 10px;max-width:860px}svg{width:100%;height:auto}\n"
	"table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}\n"
	"th,td{padding:4px 6px;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}\n"
	"th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid #999}\n"
	"small{color:#777}i{display:inline-block;width:10px;height:10px;margin-right:7px}\n"
	"tr.learned td{background:#fdf3ea}\n</style>\n";

static void put_text(FILE *f, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '<' || *c == '>' || *c == '&') {
			fprintf(f, "&#%d;", *c);
		} else {
			fputc(*c, f);
		}
	}
}

/* --- the table ----------------------------------------------------------------------------------
 */

static void put_cell(FILE *f, const struct evaluation_column *c, const struct spread *s)
{
	fputs("<td>", f);
	if (isfinite(s->mean)) {
		fprintf(f, "%.*f", c->decimals, s->mean * c->factor);
	}
	if (c->deviates && isfinite(s->deviation)) {
		fprintf(f, " <small>&plusmn;&#8239;%.*f</small>", c->decimals,
			s->deviation * c->factor);
	}
	fputs("</td>", f);
}

static void put_bound_row(FILE *f, const struct evaluation *v, const char *name, size_t field)
{
	double mean = evaluation_bound(v, field);
	if (isfinite(mean)) {
		fprintf(f, "<tr><td><i style=\"background:#222\"></i>%s</td><td>%.2f</td>", name,
			mean);
		for (int k = 1; k < EVALUATION_COLUMNS; k++) {
			fputs(evaluation_columns[k].head ? "<td></td>" : "", f);
		}
		fputs("</tr>\n", f);
	}
}

static void put_table(FILE *f, const struct evaluation *v)
{
	fputs("<div style=\"overflow-x:auto\"><table>\n<thead><tr><th>who decides</th>", f);
	for (int k = 0; k < EVALUATION_COLUMNS; k++) {
		const struct evaluation_column *c = &evaluation_columns[k];
		if (c->head) {
			fprintf(f, "<th>%s%s%s</th>", c->head, c->field ? "" : ", ",
				c->field ? "" : v->conf.tariff.currency);
		}
	}
	fputs("</tr></thead>\n", f);
	for (int i = 0; i < v->groups; i++) {
		fprintf(f, "<tr%s><td><i style=\"background:%s\"></i>",
			i >= ROW_LEARNED ? " class=\"learned\"" : "", evaluation_colour(i));
		put_text(f, v->group[i].name);
		fputs("</td>", f);
		for (int k = 0; k < EVALUATION_COLUMNS; k++) {
			const struct evaluation_column *c = &evaluation_columns[k];
			struct spread s = evaluation_spread(v, &v->group[i], c->field);
			if (c->head) {
				put_cell(f, c, &s);
			}
		}
		fputs("</tr>\n", f);
	}
	put_bound_row(f, v, "foresight, each home alone", offsetof(struct trial, alone));
	put_bound_row(f, v, "foresight, the community as one", offsetof(struct trial, optimum));
	fputs("</table></div>\n", f);
}

/* --- the page -----------------------------------------------------------------------------------
 */

static void put_duels(FILE *f, const struct evaluation *v)
{
	for (int i = ROW_LEARNED; i < v->groups; i++) {
		fputs("<p><b>", f);
		put_text(f, v->group[i].name);
		fputs("</b> costs less than ", f);
		for (int k = 0, told = 0; k < v->groups; k++) {
			struct duel d = evaluation_duel(v, &v->group[i], &v->group[k]);
			if (k != i) {
				fprintf(f, "%s%s in %d of %d", told++ ? ", " : "", v->group[k].name,
					d.won, d.of);
			}
		}
		fputs(".", f);
		enum gain gain = evaluation_gain(v, &v->group[i]);
		if (gain != GAIN_SHOWN) {
			fputs(" ", f);
			put_text(f, v->group[i].name);
			fputs(evaluation_gain_words[gain], f);
		}
		fputs("</p>\n", f);
	}
}

static int put_page(FILE *f, const struct evaluation *v)
{
	fputs(style, f);
	fputs("<h1>Who decides, and what it costs</h1>\n<p>", f);
	put_text(f, v->conf.path);
	fprintf(f,
		": %d homes, %lld days held out, %d %s%s. Figures are means, &plusmn; the "
		"deviation "
		"over trainings.</p>\n",
		v->trial[0].homes, (long long)v->conf.test_days, v->trials,
		v->trials == 1 ? "community" : "communities",
		v->trials == 1 ? ""
			       : ", the first of the homes learned with, the others never seen");
	put_table(f, v);
	put_duels(f, v);
	fprintf(f, "<p>Limits broken: %lld.</p>\n<h2>Cost</h2>\n",
		(long long)evaluation_violations(v));
	evaluation_put_costs(f, v);
	fputs("<h2>A day on the market</h2>\n", f);
	evaluation_put_day(f, v);
	fputs("<h2>Who buys, sells and refrains</h2>\n<p>"
	      "<i style=\"background:#0072B2\"></i>bids to buy &ensp; "
	      "<i style=\"background:#E69F00\"></i>bids to sell &ensp; "
	      "<i style=\"background:#ddd\"></i>refrains</p>\n",
	      f);
	evaluation_put_shares(f, v);
	int r = evaluation_put_curves(f, v);
	fputs("</html>\n", f);
	return r;
}

int evaluation_page(const struct evaluation *v, const char *path)
{
	FILE *f = fopen(path, "w");
	if (!f) {
		return -errno;
	}
	int r = put_page(f, v);
	r = ferror(f) && r == 0 ? -EIO : r;
	return fclose(f) != 0 && r == 0 ? -EIO : r;
}
