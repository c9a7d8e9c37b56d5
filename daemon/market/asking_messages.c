/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the market and the grid operator say to each other, see docs/protocol.md: JSON in and out.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/isotime.h"
#include "daemon/base/json.h"
#include "daemon/base/log.h"
#include "daemon/market/asking_private.h"

static const double power_max_w = 1e9, cost_max = 1e6;

/* --- heard --------------------------------------------------------------------------------------
 */

int asking_hear_status(struct asking *a, const char *payload, size_t length)
{
	bool online = length == 6 && memcmp(payload, "online", 6) == 0;
	if (!online && !(length == 7 && memcmp(payload, "offline", 7) == 0)) {
		return -EINVAL;
	}
	if (online != a->online) {
		log_info("grid operator: %s", online ? "there" : "away, its last limits stand");
	}
	a->online = online;
	a->heard = true;
	return 0;
}

bool asking_online(const struct asking *a)
{
	return a->online;
}

int asking_hear_limit(struct asking *a, int home, const char *id, int64_t now_s,
		      const char *payload, size_t length, char *why, size_t size)
{
	int r = standing_take(&a->home[home].limit, id, now_s, payload, length, why, size);
	a->heard |= r == 0;
	return r;
}

static int say(struct json_in *in, int error, const char *what)
{
	snprintf(in->why, sizeof(in->why), "%s", what);
	return error;
}

static int find_home(const struct asking *a, const struct rounds *r, const char *id)
{
	int home = r ? rounds_find_home(r, id) : -1;
	return home >= 0 && home < a->homes ? home : -1;
}

static int take_permitted(struct asking *a, struct json_in *in, int part)
{
	const struct json_value *list;
	int count, first = part * PART_TRADES;
	int expected = a->trades - first < PART_TRADES ? a->trades - first : PART_TRADES;
	int64_t permitted[PART_TRADES];
	int r = json_get_array(in, in->root, "permitted", PART_TRADES, &list, &count);
	if (r < 0) {
		return r;
	}
	if (count != expected) {
		return say(in, -EINVAL, "permitted: expected one number a trade");
	}
	for (int i = 0; i < count; i++) {
		double kwh;
		if (!json_number(json_item(list, i), &kwh) || kwh < 0 || kwh > 1e6) {
			return say(in, -EINVAL, "permitted: expected numbers from 0");
		}
		permitted[i] = (int64_t)floor(kwh * MILLION + 0.5);
	}
	for (int i = 0; i < count; i++) {
		a->trade[first + i].permitted = permitted[i];
	}
	return 0;
}

static int get_cost(struct json_in *in, const struct json_value *from, const char *key, double *out)
{
	*out = NAN;
	return json_has(from, key) ? json_get_number(in, from, key, -cost_max, cost_max, out) : 0;
}

/* Each home's limits and costs, in the order of the part's trades. */
static int take_homes(struct asking *a, struct json_in *in, const struct rounds *rounds)
{
	const struct json_value *list, *one;
	int count;
	int r = json_get_array(in, in->root, "homes", 2 * PART_TRADES, &list, &count);
	for (int i = 0; r == 0 && i < count; i++) {
		char id[HOME_ID_SIZE];
		double import_w, export_w, loss, network;
		r = json_get_element(in, list, i, &one);
		r = r < 0 ? r : json_get_text(in, one, "home", id, sizeof(id));
		r = r < 0 ? r
			  : json_get_number(in, one, "import_limit_w", 0, power_max_w, &import_w);
		r = r < 0 ? r
			  : json_get_number(in, one, "export_limit_w", 0, power_max_w, &export_w);
		int home = r < 0 ? -1 : find_home(a, rounds, id);
		r = r < 0 ? r : get_cost(in, one, "loss_cost", &loss);
		r = r < 0 ? r : get_cost(in, one, "network_cost", &network);
		if (r == 0 && home >= 0) {
			a->home[home].import_w = import_w;
			a->home[home].export_w = export_w;
			a->home[home].cost = loss + network;
		}
	}
	return r;
}

/* Its homes before its trades: one that is wrong anywhere is none. */
static int take_verdict(struct asking *a, const struct rounds *rounds, struct json_in *in)
{
	static const char *const verdicts[] = { "permitted", "reduced", "refused", NULL };
	int64_t version, number, part = 1;
	int verdict;
	int r = json_get_integer(in, in->root, "v", 1, 1, &version);
	r = r < 0 ? r : json_get_integer(in, in->root, "proposal", 0, INT64_MAX / 2, &number);
	r = r < 0 ? r : json_get_choice(in, in->root, "verdict", verdicts, &verdict);
	if (r < 0 || a->state != WAITING || number != a->number) {
		return r; /* one that comes too late is none */
	}
	if (verdict == 2) {
		a->refused = true;
		a->missing = 0;
		return 0;
	}
	r = json_get_integer(in, in->root, "part", 1, a->parts, &part);
	r = r < 0 || !json_has(in->root, "homes") ? r : take_homes(a, in, rounds);
	r = r < 0 ? r : take_permitted(a, in, (int)part - 1);
	if (r == 0) {
		a->missing &= ~(UINT64_C(1) << (part - 1));
	}
	return r;
}

int asking_hear_verdict(struct asking *a, const struct rounds *rounds, const char *payload,
			size_t length, char *why, size_t size)
{
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : take_verdict(a, rounds, &in);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	}
	json_free(&in);
	return r;
}

/* --- said ---------------------------------------------------------------------------------------
 */

static void put_trade(const struct asking *a, struct json_out *o, const struct rounds *r, int trade)
{
	json_open_object(o, NULL);
	if (a->trade[trade].buyer >= 0) {
		json_put_text(o, "buyer", rounds_home_id(r, a->trade[trade].buyer));
	}
	if (a->trade[trade].seller >= 0) {
		json_put_text(o, "seller", rounds_home_id(r, a->trade[trade].seller));
	}
	json_put_number(o, "kwh", (double)a->trade[trade].amount / MILLION, 6);
	json_put_number(o, "gain", (double)a->trade[trade].gain / MILLION, 6);
	json_close(o);
}

int asking_part_json(struct asking *a, const struct rounds *r, int part, double price)
{
	char at[ISOTIME_SIZE];
	struct json_out o;
	int first = part * PART_TRADES;
	json_begin(&o, a->text, sizeof(a->text));
	json_open_object(&o, NULL);
	json_put_integer(&o, "v", 1);
	json_put_integer(&o, "proposal", a->number);
	json_put_text(&o, "round", a->market->rounds.round[a->round].name);
	json_put_text(&o, "interval", isotime_format(a->start_s, at));
	json_put_integer(&o, "length_s", a->market->interval_s);
	json_put_number(&o, "price", price, 6);
	json_put_text(&o, "currency", a->market->tariff.currency);
	json_put_integer(&o, "part", part + 1);
	json_put_integer(&o, "parts", a->parts);
	json_open_array(&o, "trades");
	for (int i = first; i < a->trades && i < first + PART_TRADES; i++) {
		put_trade(a, &o, r, i);
	}
	json_close(&o);
	json_close(&o);
	return json_finish(&o);
}
