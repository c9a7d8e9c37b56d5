/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/upstream.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"

static const double energy_most = SETTLE_ENERGY_MAX / 1e6; /* kWh */
static const double money_most = 1e7;                      /* of an award */

bool upstream_is_account(const char *name)
{
	return strchr(name, '/');
}

/* --- said ---------------------------------------------------------------------------------------
 */

static void begin(struct json_out *o, const struct market_conf *c, int64_t start_s, char *out,
		  size_t size)
{
	char at[ISOTIME_SIZE];
	json_begin(o, out, size);
	json_open_object(o, NULL);
	json_put_integer(o, "v", 1);
	json_put_text(o, "home", c->upstream.id);
	json_put_text(o, "interval", isotime_format(start_s, at));
	json_put_integer(o, "length_s", c->interval_s);
}

int upstream_write_bid(const struct market_conf *c, const struct round_bid *b, char *out,
		       size_t size)
{
	struct json_out o;
	char at[ISOTIME_SIZE];
	begin(&o, c, b->start_s, out, size);
	json_put_integer(&o, "revision", b->revision);
	json_put_text(&o, "expires", isotime_format(b->start_s - c->upstream.gate_s, at));
	json_put_text(&o, "currency", c->tariff.currency);
	json_open_array(&o, "orders");
	for (int i = 0; i < b->steps; i++) {
		json_open_object(&o, NULL);
		json_put_text(&o, "side", b->step[i].side == SIDE_BUY ? "buy" : "sell");
		json_put_millionths(&o, "price", b->step[i].price);
		json_put_millionths(&o, "quantity", b->step[i].quantity);
		json_close(&o);
	}
	json_close(&o);
	json_close(&o);
	return json_finish(&o);
}

int upstream_write_meter(const struct market_conf *c, int64_t start_s, const struct fact_meter *m,
			 char *out, size_t size)
{
	struct json_out o;
	begin(&o, c, start_s, out, size);
	json_put_number(&o, "import_wh", (double)m->import / 1e3, 3);
	json_put_number(&o, "export_wh", (double)m->export / 1e3, 3);
	json_put_integer(&o, "known_s", c->interval_s);
	json_close(&o);
	return json_finish(&o);
}

/* --- heard --------------------------------------------------------------------------------------
 */

static int say(struct json_in *in, const char *what)
{
	snprintf(in->why, sizeof(in->why), "%s", what);
	return -EINVAL;
}

static int read_head(struct json_in *in, const struct market_conf *c)
{
	int64_t version;
	char home[HOME_ID_SIZE];
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_text(in, in->root, "home", home, sizeof(home));
	return r < 0 || strcmp(home, c->upstream.id) == 0
		       ? r
		       : say(in, "home: expected the one of the topic");
}

static int read_interval(struct json_in *in, const struct market_conf *c, int64_t *start_s)
{
	char text[ISOTIME_SIZE];
	int64_t at_s;
	int r = json_get_text(in, in->root, "interval", text, sizeof(text));
	if (r < 0) {
		return r;
	}
	if (isotime_parse(text, &at_s) < 0 || at_s <= 0 || at_s % c->interval_s != 0) {
		return say(in, "interval: expected the UTC time at which one begins");
	}
	*start_s = at_s;
	return 0;
}

static int read_currency(struct json_in *in, const struct market_conf *c)
{
	char currency[4];
	int r = json_get_text(in, in->root, "currency", currency, sizeof(currency));
	return r < 0 || strcmp(currency, c->tariff.currency) == 0
		       ? r
		       : say(in, "currency: expected that of this market");
}

/* Every reader begins and ends alike. */
#define READ(body)                                                                                 \
	struct json_in in;                                                                         \
	int r = json_parse(&in, payload, length);                                                  \
	r = r < 0 ? r : (body);                                                                    \
	if (r < 0) {                                                                               \
		snprintf(why, MESSAGE_WHY_MAX, "%s", in.why);                                      \
	}                                                                                          \
	json_free(&in)

static int read_receipt(struct json_in *in, const struct market_conf *c,
			struct upstream_receipt *out)
{
	static const char *const kinds[] = { "bid", "meter", NULL };
	int kind = 0;
	int r = read_head(in, c);
	r = r < 0 || !json_given(in->root, "kind")
		    ? r
		    : json_get_choice(in, in->root, "kind", kinds, &kind);
	r = r < 0 || !json_given(in->root, "interval") ? r : read_interval(in, c, &out->start_s);
	r = r < 0 ? r : json_get_flag(in, in->root, "accepted", &out->accepted);
	r = r < 0 || !json_given(in->root, "again")
		    ? r
		    : json_get_flag(in, in->root, "again", &out->again);
	out->reading = kind == 1;
	return r < 0 || out->accepted
		       ? r
		       : json_get_text(in, in->root, "reason", out->reason, sizeof(out->reason));
}

int upstream_read_receipt(const struct market_conf *c, const char *payload, size_t length,
			  struct upstream_receipt *out, char why[MESSAGE_WHY_MAX])
{
	struct upstream_receipt read = { .start_s = 0 };
	READ(read_receipt(&in, c, &read));
	if (r == 0) {
		*out = read;
	}
	return r;
}

static int read_amount(struct json_in *in, const char *key, double least, double most, int64_t *out)
{
	double value;
	int r = json_get_number(in, in->root, key, least, most, &value);
	if (r == 0) {
		*out = llround(value * MILLION);
	}
	return r;
}

/* A mechanism may settle beyond the limits of a bid; none pays for nothing, or has such a price. */
static bool is_price(int64_t money, int64_t energy)
{
	wide most = (wide)energy * (SETTLE_PRICE_MAX / MILLION);
	return money <= most && money >= -most;
}

static int read_award(struct json_in *in, const struct market_conf *c, int64_t *start_s,
		      struct fact_award *a)
{
	int r = read_head(in, c);
	r = r < 0 ? r : read_interval(in, c, start_s);
	r = r < 0 ? r : read_currency(in, c);
	r = r < 0 ? r : read_amount(in, "bought_kwh", 0, energy_most, &a->bought);
	r = r < 0 ? r : read_amount(in, "sold_kwh", 0, energy_most, &a->sold);
	r = r < 0 ? r : read_amount(in, "paid", -money_most, money_most, &a->paid);
	r = r < 0 ? r : read_amount(in, "received", -money_most, money_most, &a->received);
	if (r == 0 && (!is_price(a->paid, a->bought) || !is_price(a->received, a->sold))) {
		return say(in, "paid, received: more than any price of what was traded");
	}
	a->grid_cost.is = json_has(in->root, "grid_cost");
	return r < 0 || !a->grid_cost.is
		       ? r
		       : read_amount(in, "grid_cost", -money_most, money_most, &a->grid_cost.micro);
}

int upstream_read_award(const struct market_conf *c, const char *payload, size_t length,
			int64_t *start_s, struct fact_award *out, char why[MESSAGE_WHY_MAX])
{
	struct fact_award read = { .bought = 0 };
	int64_t of_s = 0;
	READ(read_award(&in, c, &of_s, &read));
	if (r == 0) {
		*start_s = of_s;
		*out = read;
	}
	return r;
}

static int check_tariff(struct json_in *in, const struct market_conf *c)
{
	int rule = 0;
	double fee = 0;
	int r = read_currency(in, c);
	r = r < 0 ? r : json_get_choice(in, in->root, "rule", settle_rules, &rule);
	r = r < 0 ? r
		  : json_get_number(in, in->root, "local_network_charge", 0,
				    SETTLE_PRICE_MAX / (double)MILLION, &fee);
	if (r < 0) {
		return r;
	}
	return rule != SETTLE_TRADED ? say(in, "rule: expected \"traded\" in the market above")
	       : fee > 0 ? say(in, "local_network_charge: expected 0 in the market above")
			 : 0;
}

int upstream_check_tariff(const struct market_conf *c, const char *payload, size_t length,
			  char why[MESSAGE_WHY_MAX])
{
	READ(check_tariff(&in, c));
	return r < 0 ? -EINVAL : 0;
}
