/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/doubt.h"

#include <math.h>

/* A meter that shows whole watts repeats one number by chance, but not all of them. A battery may
 * show little, but follows its set-point; sun that stays the same is no sun. */
static const struct frozen_rule meter_rule = { .answers = 5, .moved_w = 300 };
static const struct frozen_rule battery_rule = { .answers = 10, .moved_w = 300 };
static const struct frozen_rule pv_rule = { .answers = 60, .span_us = INT64_C(1200) * 1000000 };
static const double flowing_w = 50; /* what flows at all */
static const double clipping = 0.9; /* of the peak: an inverter's limit holds it still */

/* A value of another scale is believed from this answer on. A house's load may do the same. */
enum { GRID_PATIENCE = 2, DEVICE_PATIENCE = 4 };

/* What a connection carries at most, where nobody says. */
static const double connection_w = 100e3;
static const double counter_factor = 1.5;
static const double counter_slack_wh = 200; /* of one that shows tenths of a kWh */
static const int64_t counter_settled_us = INT64_C(300) * 1000000;

/* Until it is known which way the meter counts, the batteries' power moves by so much a cycle. */
static const double gentle_w = 400;

/* --- readings -----------------------------------------------------------------------------------
 */

static void age(const struct snapshot *seen, int64_t now_us, int64_t stale_us,
		struct snapshot *believed)
{
	*believed = *seen;
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		believed->reading[q] = reading_aged(seen->reading[q], now_us, stale_us);
	}
}

static void spoil(struct snapshot *s)
{
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		struct reading *r = &s->reading[q];
		r->quality = reading_good(r) ? QUALITY_STALE : r->quality;
	}
}

/* A counter of energy never falls, and grows no faster than its device can make it. */
static void check_counter(struct rate *rate, double most_w, struct reading *r)
{
	struct rate_limit limit = { .rise_per_s = most_w * counter_factor / 3600,
				    .settled_us = counter_settled_us };
	limit.slack = r->value >= rate->value ? counter_slack_wh : 0;
	if (reading_good(r) && rate_check(rate, &limit, r->value, r->at_us) == RATE_DOUBTED) {
		r->quality = QUALITY_OUT_OF_RANGE;
	}
}

/* The power of the batteries that are known, as old as the oldest of them: what the meter moves
 * with. Another set of them is another sum, and no movement. */
static struct reading known_batteries_w(struct doubt *d, const struct snapshots *believed,
					int batteries, int64_t now_us)
{
	struct reading sum = { .at_us = now_us, .quality = QUALITY_GOOD };
	uint32_t known = 0;
	for (int b = 0; b < batteries; b++) {
		const struct reading *w = &believed->battery[b].reading[BATTERY_W];
		if (reading_good(w)) {
			known |= UINT32_C(1) << b;
			sum.value += w->value;
			sum.at_us = w->at_us < sum.at_us ? w->at_us : sum.at_us;
		}
	}
	if (known != d->witnesses) {
		frozen_forget(&d->meter.frozen);
	}
	d->witnesses = known;
	return sum;
}

static void doubt_meter(struct doubt *d, const struct site *site, const struct reading *batteries_w,
			struct snapshot *s)
{
	double most_w = fmax(site->import_limit_w, site->export_limit_w);
	most_w = isfinite(most_w) ? fmax(3 * most_w, connection_w) : connection_w;
	leap_check(&d->meter.leap, GRID_PATIENCE, NAN, &s->reading[GRID_W]);
	check_counter(&d->meter.counter[GRID_IMPORT_WH], most_w, &s->reading[GRID_IMPORT_WH]);
	check_counter(&d->meter.counter[GRID_EXPORT_WH], most_w, &s->reading[GRID_EXPORT_WH]);
	if (frozen_check(&d->meter.frozen, &meter_rule, s, GRID_W, batteries_w)) {
		spoil(s);
	}
}

static void doubt_pv(struct doubt_device *d, const struct site_pv *conf, bool limited,
		     struct snapshot *s)
{
	const struct reading *w = &s->reading[PV_W];
	leap_check(&d->leap, DEVICE_PATIENCE, NAN, &s->reading[PV_W]);
	check_counter(&d->counter[PV_WH], conf->peak_w, &s->reading[PV_WH]);
	bool moves = w->value > flowing_w && w->value < clipping * conf->peak_w && !limited;
	if (reading_good(w) && !moves && !d->frozen.frozen) {
		d->frozen = (struct frozen){ 0 };
	} else if (frozen_check(&d->frozen, &pv_rule, s, PV_W, NULL)) {
		spoil(s);
	}
}

/* The set-point of battery b within what it says it can do; NAN: none. */
static double told_w(const struct action *last, int b, const struct snapshot *s)
{
	const struct reading *in = &s->reading[BATTERY_CHARGE_MAX_W];
	const struct reading *out = &s->reading[BATTERY_DISCHARGE_MAX_W];
	double low = reading_good(in) ? -in->value : -INFINITY;
	double high = reading_good(out) ? out->value : INFINITY;
	return last->release[b] ? NAN : fmin(fmax(last->battery_w[b], low), high);
}

static void doubt_battery(struct doubt *d, const struct battery_model *m, int b, double expected_w,
			  int64_t now_us, struct snapshot *s)
{
	struct doubt_device *own = &d->battery[b];
	struct reading *w = &s->reading[BATTERY_W];
	double most_w = fmax(m->charge_limit_w, m->discharge_limit_w);
	most_w = most_w > 0 ? most_w : connection_w;
	leap_check(&own->leap, DEVICE_PATIENCE, expected_w, w);
	check_counter(&own->counter[BATTERY_CHARGE_WH], most_w, &s->reading[BATTERY_CHARGE_WH]);
	check_counter(&own->counter[BATTERY_DISCHARGE_WH], most_w,
		      &s->reading[BATTERY_DISCHARGE_WH]);
	bool moves = !isnan(expected_w) && !(reading_good(w) && fabs(w->value) <= flowing_w);
	struct reading told = { .value = expected_w, .at_us = now_us, .quality = QUALITY_GOOD };
	if (!moves && !own->frozen.frozen) {
		own->frozen = (struct frozen){ 0 };
	} else if (frozen_check(&own->frozen, &battery_rule, s, BATTERY_W, moves ? &told : NULL)) {
		spoil(s);
	}
	charge_judge(&d->charge[b], m, &s->reading[BATTERY_SOC], w, now_us);
	if (d->signs.verdict == SIGNS_BATTERY && d->signs.battery == b && reading_good(w)) {
		w->quality = QUALITY_OUT_OF_RANGE;
	}
}

void doubt_readings(struct doubt *d, const struct site *site, const struct action *last,
		    const struct snapshots *seen, int64_t now_us, int64_t stale_us,
		    struct snapshots *believed)
{
	for (int i = 0; i < site->pvs; i++) {
		age(&seen->pv[i], now_us, stale_us, &believed->pv[i]);
		doubt_pv(&d->pv[i], &site->pv[i], last->pv_limited, &believed->pv[i]);
	}
	for (int b = 0; b < site->batteries; b++) {
		struct snapshot *s = &believed->battery[b];
		age(&seen->battery[b], now_us, stale_us, s);
		doubt_battery(d, &site->battery[b].model, b, told_w(last, b, s), now_us, s);
	}
	struct reading batteries_w = known_batteries_w(d, believed, site->batteries, now_us);
	age(&seen->meter, now_us, stale_us, &believed->meter);
	doubt_meter(d, site, &batteries_w, &believed->meter);
}

/* --- state --------------------------------------------------------------------------------------
 */

static bool misled(const struct doubt *d)
{
	return d->signs.verdict == SIGNS_METER;
}

static void disbelieve(struct reading *r)
{
	r->quality = reading_good(r) ? QUALITY_OUT_OF_RANGE : r->quality;
}

void doubt_state(struct doubt *d, const struct guard *guard, enum decider by, struct state *s)
{
	const struct action *last = &guard->last;
	bool commanded = by != DECIDER_PERSON;
	double setpoint_w = 0;
	for (int b = 0; b < s->batteries; b++) {
		commanded = commanded && !last->release[b];
		setpoint_w += last->battery_w[b]; /* released: 0 */
	}
	d->damped = swing_check(&d->swing, setpoint_w, s->now_us);
	if (signs_observe(&d->signs, s, commanded && !d->damped)) {
		d->swing = (struct swing){ .count = d->swing.count }; /* a trial turns on purpose */
	}
	for (int b = 0; b < s->batteries; b++) {
		struct battery_state *battery = &s->battery[b];
		battery->soc_below = d->charge[b].below;
		battery->soc_above = d->charge[b].above;
		battery->refused = guard->obedience[b].state == GIVEN_UP || misled(d) ||
				   (d->signs.verdict == SIGNS_BATTERY && d->signs.battery == b);
	}
	if (misled(d)) {
		disbelieve(&s->grid_w);
		disbelieve(&s->net_w);
		disbelieve(&s->load_w);
	}
}

/* --- wish ---------------------------------------------------------------------------------------
 */

/* Small steps, from where the battery is. */
static double gently(const struct state *s, const struct action *last, int b, double want_w)
{
	double from_w = last->release[b] ? s->battery[b].w.value : last->battery_w[b];
	double step_w = gentle_w / s->batteries;
	return fmin(fmax(want_w, from_w - step_w), from_w + step_w);
}

void doubt_wish(const struct doubt *d, const struct state *s, const struct action *last,
		struct decision *decision)
{
	struct wish *want = &decision->wish;
	want->misled = d->signs.trial.on || d->signs.verdict >= SIGNS_METER;
	if (decision->by == DECIDER_PERSON) {
		return;
	}
	want->release = want->release || misled(d);
	want->trial = d->signs.trial.on;
	want->damped = d->damped;
	for (int b = 0; b < s->batteries; b++) {
		double *w = &want->battery_w[b];
		if (want->trial) {
			*w = signs_setpoint(&d->signs, b);
		} else if (want->damped) {
			*w = decision->slot ? decision->slot->battery_w[b] : 0;
		} else if (d->signs.verdict == SIGNS_UNKNOWN && reading_good(&s->battery[b].w)) {
			*w = gently(s, last, b, *w);
		}
	}
}

/* --- alarms -------------------------------------------------------------------------------------
 */

void doubt_pardon(struct doubt *d, struct guard *guard)
{
	if (d->signs.verdict >= SIGNS_METER) {
		d->signs = (struct signs){ .trials = d->signs.trials };
	}
	for (int b = 0; b < BATTERIES_MAX; b++) {
		if (guard->obedience[b].state == GIVEN_UP) {
			obedience_pardon(&guard->obedience[b]);
		}
	}
}

void doubt_alarms(const struct doubt *d, const struct guard *guard, const struct site *site,
		  const struct snapshots *seen, struct alarms *alarms)
{
	alarm_set(alarms, site, ALARM_METER, ALARM_FROZEN, d->meter.frozen.frozen);
	alarm_set(alarms, site, ALARM_METER, ALARM_SIGN, misled(d));
	for (int i = 0; i < site->pvs; i++) {
		alarm_set(alarms, site, alarm_pv(i), ALARM_FROZEN, d->pv[i].frozen.frozen);
		alarm_set(alarms, site, alarm_pv(i), ALARM_CONFLICT, seen->pv[i].conflict);
	}
	for (int b = 0; b < site->batteries; b++) {
		const struct obedience *o = &guard->obedience[b];
		const struct charge *c = &d->charge[b];
		const struct {
			enum alarm alarm;
			bool on;
		} found[] = {
			{ ALARM_FROZEN, d->battery[b].frozen.frozen },
			{ ALARM_SIGN, d->signs.verdict == SIGNS_BATTERY && d->signs.battery == b },
			{ ALARM_SOC_LEAP, c->leaping },
			{ ALARM_SOC_STILL, c->standing },
			{ ALARM_SOC_DRIFT, c->straying },
			{ ALARM_DEVIATION, o->state != OBEYING },
			{ ALARM_CONFLICT, o->conflict || seen->battery[b].conflict },
			{ ALARM_GIVEN_UP, o->state == GIVEN_UP },
			{ ALARM_SWING, d->damped },
		};
		for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++) {
			alarm_set(alarms, site, alarm_battery(b), found[i].alarm, found[i].on);
		}
	}
}
