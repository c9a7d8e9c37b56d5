/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "daemon/base/json_out.h"

enum { HEAD_SIZE = 4096, PIECE_SIZE = 2048 }; /* names may be all escapes */

static void put_price(struct json_out *o, const struct result *r)
{
	if (r->two_priced) {
		json_put_millionths(o, "buy_price", r->buy_price);
		json_put_millionths(o, "sell_price", r->sell_price);
	} else if (r->priced) {
		json_put_millionths(o, "price", r->price);
		json_put_millionths(o, "price_low", r->low);
		json_put_millionths(o, "price_high", r->high);
	} else {
		json_put_null(o, "price");
	}
}

static void put_pieces(struct json_out *o, const struct orders_file *f, const struct result *r)
{
	json_open_array(o, "prices");
	for (int i = 0; i < r->pieces; i++) {
		const struct piece *p = &r->piece[i];
		json_open_object(o, NULL);
		if (f->intervals.count > 1) {
			json_put_text(o, "interval", f->intervals.name[p->interval]);
		}
		if (p->zone >= 0) {
			json_put_text(o, "zone", f->zones.name[p->zone]);
		}
		if (p->owner >= 0) {
			json_put_text(o, "owner", f->owners.name[p->owner]);
		}
		if (p->owner >= 0 || p->zone >= 0) {
			json_put_text(o, "side", p->side == SIDE_BUY ? "buy" : "sell");
		}
		json_put_millionths(o, "price", p->price);
		json_put_millionths(o, "price_low", p->low);
		json_put_millionths(o, "price_high", p->high);
		json_put_millionths(o, "quantity", p->quantity);
		json_close(o);
	}
	json_close(o);
}

static void put_pool(struct json_out *o, const struct result *r)
{
	json_put_millionths(o, "import", r->imported);
	json_put_millionths(o, "export", r->exported);
	if (r->fairness) {
		json_put_number(o, "quality_of_service", r->quality_of_service, 6);
		json_put_number(o, "quality_of_experience", r->quality_of_experience, 6);
		json_put_number(o, "min_max", r->min_max, 6);
	}
}

/* Of a pool: the members that trade with it, each once. */
static int count_trades(const struct result *r)
{
	int n = 0;
	for (int i = 0; i < r->members; i++) {
		n += r->member[i].net != 0 || r->member[i].amount != 0;
	}
	return r->members ? n : r->trades;
}

int report_json(FILE *to, const struct mechanism *m, const struct orders_file *f,
		const struct result *r)
{
	size_t size = HEAD_SIZE + PIECE_SIZE * (size_t)r->pieces;
	char *buffer = malloc(size);
	struct json_out o;
	if (!buffer) {
		return -ENOMEM;
	}
	json_begin(&o, buffer, size);
	json_open_object(&o, NULL);
	json_put_text(&o, "mechanism", m->name);
	put_price(&o, r);
	json_put_millionths(&o, "quantity", r->quantity);
	/* Exact in 1e-12; a double has 15 digits of it. */
	json_put_number(&o, "welfare", (double)r->welfare / 1e12, 9);
	json_put_integer(&o, "trades", count_trades(r));
	if (r->pieces > 0) {
		put_pieces(&o, f, r);
	}
	if (r->members > 0) {
		json_put_integer(&o, "members", r->members);
	}
	json_put_millionths(&o, "fees", r->fees);
	json_put_millionths(&o, "budget", r->budget);
	json_put_millionths(&o, "residue", r->residue);
	if (m->utility) {
		put_pool(&o, r);
	}
	if (m->events) {
		json_put_millionths(&o, "resting", r->resting);
	}
	if (f->book.blocks > 0) {
		json_put_millionths(&o, "uplift", r->uplift);
		json_put_flag(&o, "proven", r->settled);
	}
	json_close(&o);
	int length = json_finish(&o);
	if (length >= 0) {
		fprintf(to, "%s\n", buffer);
	}
	free(buffer);
	return length < 0 ? length : 0;
}

static const char *decimal(char text[static 32], int64_t value)
{
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	snprintf(text, 32, "%s%" PRIu64 ".%06" PRIu64, value < 0 ? "-" : "", size / MILLION,
		 size % MILLION);
	return text;
}

void report_trades(FILE *to, const struct orders_file *f, const struct result *r)
{
	char a[32], b[32], c[32];
	if (r->members > 0) {
		fputs("owner,quantity,price,amount\n", to);
		for (int i = 0; i < r->members; i++) {
			const struct member *m = &r->member[i];
			fprintf(to, "%s,%s,%s,%s\n", f->owners.name[i], decimal(a, m->net),
				decimal(b, m->price), decimal(c, m->amount));
		}
		return;
	}
	fputs("buy_order,sell_order,quantity,price,fee\n", to);
	for (int i = 0; i < r->trades; i++) {
		const struct trade *t = &r->trade[i];
		fprintf(to, "%s,%s,%s,%s,%s\n", f->name[t->buy], f->name[t->sell],
			decimal(a, t->quantity), decimal(b, t->price), decimal(c, t->fee));
	}
}
