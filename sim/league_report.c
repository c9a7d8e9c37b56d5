/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/league_report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json_out.h"

enum { DOCUMENT_SIZE = 1 << 18 };
static const double micro = 1e6;

static const char *name_of(const struct league_result *r, int member)
{
	return r->conf->community[member].name;
}

static const char *time_of(const struct league_result *r, int step, char out[ISOTIME_SIZE])
{
	return isotime_format(r->conf->start_s + (int64_t)(step * r->conf->step_s), out);
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static void put_line_ends(struct json_out *o, const struct league_result *r)
{
	const struct league *l = &r->conf->league;
	json_open_array(o, "given_up");
	for (int k = 0; k < l->lines; k++) {
		for (int end = 0; end < 2; end++) {
			int why = r->lines->end[k][end];
			if (why == CONSENSUS_OPEN) {
				continue;
			}
			json_open_object(o, NULL);
			json_put_text(o, "line", r->conf->wire[k].name);
			json_put_text(o, "who", name_of(r, end ? l->line[k].a : l->line[k].b));
			json_put_text(o, "by", name_of(r, end ? l->line[k].b : l->line[k].a));
			json_put_text(o, "why", consensus_ends[why]);
			json_close(o);
		}
	}
	json_close(o);
	json_open_array(o, "unagreed");
	for (int k = 0; k < l->lines; k++) {
		if (!r->lines->settled.line[k].counts) {
			json_put_text(o, NULL, r->conf->wire[k].name);
		}
	}
	json_close(o);
}

static void put_member(struct json_out *o, const struct league_result *r, int i)
{
	const struct league_fate *f = &r->lines->member[i];
	const struct league_member_settled *s = &r->lines->settled.member[i];
	json_open_object(o, NULL);
	json_put_text(o, "name", name_of(r, i));
	json_put_number(o, "alone_cost", f->alone, 6);
	json_put_number(o, "cost", f->cost + (double)(s->paid + s->fees) / micro, 6);
	json_put_millionths(o, "net_kwh", s->net_mwh);
	json_put_millionths(o, "from_neighbours_kwh", s->taken_mwh);
	json_put_millionths(o, "from_utility_kwh", s->grid_mwh);
	json_put_millionths(o, "paid_neighbours", s->paid);
	json_put_millionths(o, "fees", s->fees);
	json_put_millionths(o, "paid_utility", s->grid);
	json_close(o);
}

static void put_lines(struct json_out *o, const struct league_result *r)
{
	const struct league_outcome *x = r->lines;
	int64_t traded = 0;
	for (int k = 0; k < r->conf->league.lines; k++) {
		traded += x->settled.line[k].traded_mwh;
	}
	json_put_flag(o, "converged", x->converged);
	json_put_integer(o, "rounds", x->rounds);
	json_put_number(o, "residual_w", x->residual_kw * 1000, 3);
	json_put_text(o, "residual_of", x->worst >= 0 ? name_of(r, x->worst) : NULL);
	json_put_millionths(o, "traded_kwh", traded);
	json_put_millionths(o, "fees", x->settled.fees);
	json_put_millionths(o, "paid_utility", x->settled.utility);
	json_put_flag(o, "balanced", league_is_balanced(&r->conf->league, &x->settled));
	put_line_ends(o, r);
	json_open_array(o, "communities");
	for (int i = 0; i < r->conf->communities; i++) {
		put_member(o, r, i);
	}
	json_close(o);
}

static void put_home(struct json_out *o, const struct league_result *r, int i)
{
	const struct peers_member *m = &r->peers->member[i];
	json_open_object(o, NULL);
	json_put_text(o, "name", name_of(r, i));
	json_put_number(o, "alone_cost", m->alone, 6);
	json_put_number(o, "cost", m->cost + (double)(m->paid - m->received) / micro, 6);
	json_put_millionths(o, "bought_kwh", m->bought_mwh);
	json_put_millionths(o, "sold_kwh", m->sold_mwh);
	json_put_millionths(o, "paid", m->paid);
	json_put_millionths(o, "received", m->received);
	json_put_number(o, "limit_w", r->conf->community[i].trade_limit_w, 3);
	json_put_number(o, "most_w", m->most_kw * 1000, 3);
	json_put_millionths(o, "cut_kwh", m->cut_mwh);
	json_close(o);
}

static void put_peers(struct json_out *o, const struct league_result *r)
{
	const struct peers_outcome *p = r->peers;
	json_put_number(o, "pool_cost", r->pool->cost, 6);
	json_put_number(o, "welfare", p->welfare, 6);
	json_put_number(o, "pool_welfare", r->pool->welfare, 6);
	json_put_integer(o, "trades", p->trades);
	json_put_millionths(o, "traded_kwh", p->traded_mwh);
	json_put_millionths(o, "pool_traded_kwh", r->pool->traded_mwh);
	json_put_millionths(o, "residue", p->residue);
	json_open_array(o, "homes");
	for (int i = 0; i < r->conf->communities; i++) {
		put_home(o, r, i);
	}
	json_close(o);
}

int league_report_json(FILE *to, const struct league_result *r)
{
	char *text = malloc(DOCUMENT_SIZE);
	struct json_out o;
	if (!text) {
		return -ENOMEM;
	}
	double cost = r->lines ? r->lines->cost : r->peers->cost;
	json_begin(&o, text, DOCUMENT_SIZE);
	json_open_object(&o, NULL);
	json_put_text(&o, "framework", frameworks[r->conf->framework]);
	json_put_text(&o, "currency", r->conf->tariff.currency);
	json_put_number(&o, "alone_cost", r->lines ? r->lines->alone : r->peers->alone, 6);
	json_put_number(&o, "cost", cost, 6);
	json_put_number(&o, "central_cost", r->central, 6);
	json_put_number(&o, "gap", (cost - r->central) / fmax(fabs(r->central), 1e-9), 6);
	(r->lines ? put_lines : put_peers)(&o, r);
	json_close(&o);
	int length = json_finish(&o);
	if (length > 0) {
		fprintf(to, "%s\n", text);
	}
	free(text);
	return length < 0 ? length : ferror(to) ? -EIO : 0;
}

/* --- CSV ----------------------------------------------------------------------------------------
 */

static void put_trade(FILE *to, const struct league_result *r, int step, int from, int by,
		      int64_t mwh, int64_t price)
{
	char at[ISOTIME_SIZE];
	fprintf(to, "%s,%s,%s,%lld.%06lld,%s%lld.%06lld\n", time_of(r, step, at), name_of(r, from),
		name_of(r, by), (long long)(mwh / 1000000), (long long)(mwh % 1000000),
		price < 0 ? "-" : "", llabs(price) / 1000000, llabs(price) % 1000000);
}

int league_report_trades(FILE *to, const struct league_result *r)
{
	const struct league *l = &r->conf->league;
	fputs("time,from,to,kwh,price\n", to);
	for (int t = 0; r->lines && t < l->steps; t++) {
		for (int k = 0; k < l->lines; k++) {
			const struct league_book *b = &r->lines->book[k].end[0];
			int64_t mwh = b->taken_mwh[t];
			if (!r->lines->settled.line[k].counts || mwh == 0) {
				continue;
			}
			put_trade(to, r, t, mwh > 0 ? l->line[k].b : l->line[k].a,
				  mwh > 0 ? l->line[k].a : l->line[k].b, llabs(mwh), b->price[t]);
		}
	}
	for (int n = 0; r->peers && n < r->peers->trades; n++) {
		const struct peers_deal *d = &r->peers->deal[n];
		put_trade(to, r, d->step, d->seller, d->buyer, d->mwh, d->price);
	}
	return ferror(to) ? -EIO : 0;
}

/* What is not known is an empty field. */
static void put_number(FILE *to, double value)
{
	if (isfinite(value)) {
		fprintf(to, "%.6f", value);
	}
}

int league_report_trace(FILE *to, const struct league_result *r)
{
	char at[ISOTIME_SIZE];
	fputs(r->lines ? "round,residual_w\n"
		       : "time,traded_kwh,price,pool_traded_kwh,pool_price\n",
	      to);
	for (int64_t n = 0; r->lines && n < r->lines->rounds; n++) {
		fprintf(to, "%lld,", (long long)n + 1);
		put_number(to, r->lines->residual[n] * 1000);
		fputc('\n', to);
	}
	for (int t = 0; r->peers && t < r->conf->league.steps; t++) {
		double hours = r->conf->league.hours;
		fprintf(to, "%s,%.6f,", time_of(r, t, at), r->peers->traded_kw[t] * hours);
		put_number(to, r->peers->price[t]);
		fprintf(to, ",%.6f,", r->pool->traded_kw[t] * hours);
		put_number(to, r->pool->price[t]);
		fputc('\n', to);
	}
	return ferror(to) ? -EIO : 0;
}
