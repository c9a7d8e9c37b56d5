/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/offer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/json.h"
#include "daemon/home/interval.h"

/* It counts for so many intervals: a home that is gone is not asked for long. */
static const double counts_intervals = 2;
static const double power_max_w = 1e9, energy_max_wh = 1e10, price_max = 100;
static const double slack_w = 1; /* of what was rounded on its way */

/* --- made ---------------------------------------------------------------------------------------
 */

/* What the batteries could do otherwise in a slot: charge so much more, discharge so much more. */
static void battery_room(const struct problem *p, const struct plan_slot *slot, double *more_w,
			 double *less_w)
{
	double net_w = slot->step.load_w - slot->pv_w;
	*more_w = *less_w = 0;
	for (int b = 0; b < p->batteries; b++) {
		double low_w, high_w;
		battery_power_range(&p->battery[b], net_w, &low_w, &high_w);
		*more_w += fmax(slot->battery_w[b] - low_w, 0);
		*less_w += fmax(high_w - slot->battery_w[b], 0);
	}
}

/* And so much energy, at the connection: the losses are the home's. */
static void battery_energy(const struct problem *p, const struct plan_slot *slot, double *up_wh,
			   double *down_wh)
{
	*up_wh = *down_wh = 0;
	for (int b = 0; b < p->batteries; b++) {
		const struct battery_model *m = &p->battery[b];
		double soc = slot->soc[b];
		bool moves = m->charge_limit_w > 0 || m->discharge_limit_w > 0;
		*up_wh += moves ? fmax(m->soc_max - soc, 0) * m->capacity_wh : 0;
		*down_wh +=
			moves ? fmax(soc - m->soc_min, 0) * m->capacity_wh * m->discharge_efficiency
			      : 0;
	}
}

/* By capacity: what a stored kWh is worth, and what one that is moved loses and wears: half of the
 * way there and back. */
static void battery_prices(const struct problem *p, const struct plan_slot *slot, struct offer *o)
{
	double capacity_wh = 0;
	for (int b = 0; b < p->batteries; b++) {
		const struct battery_model *m = &p->battery[b];
		double lost = (1 / m->discharge_efficiency - m->charge_efficiency) / 2;
		o->worth += slot->value[b] * m->capacity_wh;
		o->price += (fabs(slot->value[b]) * lost + m->wear / 2) * m->capacity_wh;
		capacity_wh += m->capacity_wh;
	}
	o->worth /= fmax(capacity_wh, 1);
	o->price /= fmax(capacity_wh, 1);
}

static void offer_slot_of(const struct site *site, const struct problem *p,
			  const struct plan_slot *slot, int k, struct offer *o)
{
	double net_w = slot->grid_w, more_w = 0, less_w = 0, up_wh = 0, down_wh = 0;
	if (o->follows) {
		battery_room(p, slot, &more_w, &less_w);
		battery_energy(p, slot, &up_wh, &down_wh);
	}
	double low_w = fmax(net_w - less_w * site->offer_share, -slot->step.export_limit_w);
	double high_w = fmin(net_w + more_w * site->offer_share, slot->step.import_limit_w);
	o->net_w[k] = (float)net_w;
	o->low_w[k] = (float)fmin(low_w, net_w);
	o->high_w[k] = (float)fmax(high_w, net_w);
	o->up_wh[k] = (float)(up_wh * site->offer_share);
	o->down_wh[k] = (float)(down_wh * site->offer_share);
}

void offer_make(const struct site *site, const struct problem *p, const struct plan *plan,
		int64_t wall_s, struct offer *out)
{
	struct offer o = { .issued_s = wall_s,
			   .start_s = interval_start(site->interval_s, wall_s),
			   .follows = site->manner == MANNER_FOLLOW &&
				      p->objective == OBJECTIVE_COST };
	o.until_s = o.start_s + (int64_t)(counts_intervals * site->interval_s);
	for (; o.slots < OFFER_SLOTS_MAX; o.slots++) {
		const struct plan_slot *slot =
			slots_plan_at(plan, o.start_s, site->interval_s, o.slots);
		if (!slot) {
			break;
		}
		offer_slot_of(site, p, slot, o.slots, &o);
	}
	if (o.follows && plan->slots > 0) {
		battery_prices(p, &plan->slot[0], &o);
	}
	*out = o;
}

int offer_slot(const struct offer *o, double length_s, int64_t at_s)
{
	return slots_index(o->start_s, length_s, o->slots, at_s);
}

bool offer_counts(const struct offer *o, int64_t wall_s)
{
	return o->slots > 0 && wall_s < o->until_s;
}

/* --- on the wire --------------------------------------------------------------------------------
 */

int offer_json(const struct offer *o, const struct site *site, char *out, size_t size)
{
	struct json_out j;
	json_begin(&j, out, size);
	slots_put_head(&j, site->id, o->issued_s, o->until_s, o->start_s, site->interval_s);
	json_put_flag(&j, "follows", o->follows);
	json_put_text(&j, "currency", site->tariff.currency);
	json_put_number(&j, "price", o->price, 6);
	json_put_number(&j, "worth", o->worth, 6);
	slots_put(&j, "net_w", o->net_w, o->slots);
	if (o->follows) {
		slots_put(&j, "low_w", o->low_w, o->slots);
		slots_put(&j, "high_w", o->high_w, o->slots);
		slots_put(&j, "up_wh", o->up_wh, o->slots);
		slots_put(&j, "down_wh", o->down_wh, o->slots);
	}
	json_close(&j);
	return json_finish(&j);
}

/* What is offered beside the plan: each as long as the plan, and around it. */
static int read_room(struct json_in *in, struct offer *o)
{
	struct slots_head head = { .slots = o->slots };
	int r = slots_get(in, "low_w", -power_max_w, power_max_w, NAN, &head, o->low_w);
	r = r < 0 ? r : slots_get(in, "high_w", -power_max_w, power_max_w, NAN, &head, o->high_w);
	r = r < 0 ? r : slots_get(in, "up_wh", 0, energy_max_wh, NAN, &head, o->up_wh);
	r = r < 0 ? r : slots_get(in, "down_wh", 0, energy_max_wh, NAN, &head, o->down_wh);
	for (int k = 0; r == 0 && k < o->slots; k++) {
		double net_w = (double)o->net_w[k];
		if ((double)o->low_w[k] > net_w + slack_w ||
		    (double)o->high_w[k] < net_w - slack_w) {
			snprintf(in->why, sizeof(in->why),
				 "low_w, high_w: expected them around net_w, element %d", k);
			return -ERANGE;
		}
		o->low_w[k] = fminf(o->low_w[k], o->net_w[k]);
		o->high_w[k] = fmaxf(o->high_w[k], o->net_w[k]);
	}
	return r;
}

static int read_offer(struct json_in *in, const char *home, double length_s, int64_t wall_s,
		      struct offer *o)
{
	struct slots_head head;
	int r = slots_read_head(in, home, length_s, wall_s, &head);
	r = r < 0 ? r : json_get_flag(in, in->root, "follows", &o->follows);
	r = r < 0 ? r : json_get_number(in, in->root, "price", 0, price_max, &o->price);
	r = r < 0 ? r : json_get_number(in, in->root, "worth", -price_max, price_max, &o->worth);
	head.slots = 0;
	r = r < 0 ? r : slots_get(in, "net_w", -power_max_w, power_max_w, NAN, &head, o->net_w);
	if (r < 0) {
		return r;
	}
	o->issued_s = head.issued_s;
	o->until_s = head.until_s;
	o->start_s = head.start_s;
	o->slots = head.slots;
	if (o->follows) {
		return read_room(in, o);
	}
	memcpy(o->low_w, o->net_w, sizeof(o->low_w));
	memcpy(o->high_w, o->net_w, sizeof(o->high_w));
	return 0;
}

int offer_take(struct offer *o, const char *home, double length_s, int64_t wall_s,
	       const char *payload, size_t length, char *why, size_t size)
{
	struct offer new = { 0 };
	struct json_in in;
	int r = json_parse(&in, payload, length);
	r = r < 0 ? r : read_offer(&in, home, length_s, wall_s, &new);
	r = r < 0 ? r : slots_check_order(&in, o->issued_s, new.issued_s, wall_s);
	if (r < 0) {
		snprintf(why, size, "%s", in.why);
	} else {
		*o = new;
	}
	json_free(&in);
	return r;
}
