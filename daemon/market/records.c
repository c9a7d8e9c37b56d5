/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/records.h"

#include <stdio.h>
#include <string.h>

#include "daemon/base/json.h"

static const char *const sides[] = { [SIDE_BUY] = "buy", [SIDE_SELL] = "sell", NULL };

int record_bid_write(const struct round_bid *b, char *out, size_t size)
{
	struct json_out o;
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_open_array(&o, "orders");
	for (int i = 0; i < b->steps; i++) {
		json_open_object(&o, NULL);
		json_put_text(&o, "side", sides[b->step[i].side]);
		json_put_integer(&o, "price_micro", b->step[i].price);
		json_put_integer(&o, "quantity_mwh", b->step[i].quantity);
		json_close(&o);
	}
	json_close(&o);
	json_close(&o);
	return json_finish(&o);
}

static int read_step(struct json_in *in, const struct json_value *order, struct bid_step *out)
{
	int side;
	int64_t price, quantity;
	int r = json_get_choice(in, order, "side", sides, &side);
	r = r < 0 ? r : json_get_integer(in, order, "price_micro", -PRICE_MAX, PRICE_MAX, &price);
	r = r < 0 ? r : json_get_integer(in, order, "quantity_mwh", 1, QUANTITY_MAX, &quantity);
	if (r == 0) {
		*out = (struct bid_step){ quantity, (int32_t)price, side };
	}
	return r;
}

int record_bid_read(const char *text, struct round_bid *out, char why[FACT_WHY_MAX])
{
	struct json_in in;
	const struct json_value *orders, *order;
	struct bid_step step[BID_STEPS_MAX];
	int64_t version;
	int count = 0;
	int r = json_parse(&in, text, strlen(text));
	r = r < 0 ? r : json_get_integer(&in, in.root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_array(&in, in.root, "orders", BID_STEPS_MAX, &orders, &count);
	for (int i = 0; r == 0 && i < count; i++) {
		r = json_get_element(&in, orders, i, &order);
		r = r < 0 ? r : read_step(&in, order, &step[i]);
	}
	if (r < 0) {
		snprintf(why, FACT_WHY_MAX, "%s", in.why);
	} else {
		out->steps = count;
		memcpy(out->step, step, sizeof(*step) * (size_t)count);
	}
	json_free(&in);
	return r;
}

int record_clearing_write(const struct round_clearing *c, const struct mechanism *m,
			  int32_t utility_buy, int32_t utility_sell, char *out, size_t size)
{
	struct json_out o;
	json_begin(&o, out, size);
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_text(&o, "mechanism", m->name);
	json_put_flag(&o, "void", c->is_void);
	json_put_integer(&o, "bids", c->bids);
	if (c->priced) {
		json_put_integer(&o, "price_micro", c->price);
	} else {
		json_put_null(&o, "price_micro");
	}
	json_put_integer(&o, "utility_buy_micro", utility_buy);
	json_put_integer(&o, "utility_sell_micro", utility_sell);
	json_put_integer(&o, "bought_mwh", c->bought);
	json_put_integer(&o, "paid_micro", c->paid);
	json_put_integer(&o, "sold_mwh", c->sold);
	json_put_integer(&o, "received_micro", c->received);
	json_close(&o);
	return json_finish(&o);
}

int record_clearing_read_awarded(const char *text, bool *awarded, char why[FACT_WHY_MAX])
{
	struct json_in in;
	int64_t version, bids;
	bool is_void;
	int r = json_parse(&in, text, strlen(text));
	r = r < 0 ? r : json_get_integer(&in, in.root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_integer(&in, in.root, "bids", 0, INT32_MAX, &bids);
	r = r < 0 ? r : json_get_flag(&in, in.root, "void", &is_void);
	if (r < 0) {
		snprintf(why, FACT_WHY_MAX, "%s", in.why);
	} else {
		*awarded = bids > 0 && !is_void;
	}
	json_free(&in);
	return r;
}
