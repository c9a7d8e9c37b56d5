/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Objects of a script made into a circuit: here where they are connected, the source, and the
 * transformers. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/grid/opendss.h"
#include "daemon/grid/opendss_build.h"

int build_wrong(const struct builder *b, const struct dss_object *o, const char *what,
		const char *expected)
{
	return diag_error(b->d, o->file, o->line, "%s: %s, expected %s", o->name, what, expected);
}

int build_connect(const struct builder *b, const struct dss_object *o, const char *text,
		  struct connection *out)
{
	char name[FEEDER_NAME_SIZE];
	size_t length = strcspn(text, ".");
	*out = (struct connection){ .bus = -1 };
	if (length == 0 || length >= sizeof(name)) {
		return build_wrong(b, o, *text ? text : "a bus is not told",
				   "a bus of 1 to 31 letters, as in NAME.1.2.3");
	}
	memcpy(name, text, length);
	name[length] = '\0';
	for (const char *at = text + length; *at; at += 2) {
		if (at[0] != '.' || at[1] < '0' || at[1] > '3' || (at[2] && at[2] != '.') ||
		    out->nodes == DSS_WIRES_MAX) {
			return build_wrong(b, o, text, "phases .1 to .3, or .0 for ground");
		}
		out->node[out->nodes++] = at[1] - '0';
	}
	out->bus = feeder_find(&b->c->feeder, name);
	if (out->bus < 0) {
		out->bus = feeder_add_bus(&b->c->feeder, name, o->line);
		if (out->bus < 0) {
			return out->bus == -ENOMEM ? -ENOMEM
						   : build_wrong(b, o, name, "fewer buses");
		}
		b->c->feeder.bus[out->bus].file = o->file;
	}
	return 0;
}

int build_phases(const struct builder *b, const struct dss_object *o, const char *text, int phases,
		 struct connection *at)
{
	unsigned seen = 0;
	for (int i = at->nodes; i < phases; i++) {
		at->node[i] = i + 1;
	}
	bool sound = at->nodes == 0 || at->nodes >= phases;
	for (int i = 0; i < (at->nodes > phases ? at->nodes : phases); i++) {
		unsigned bit = 1U << at->node[i];
		sound = sound && (i < phases ? at->node[i] > 0 && !(seen & bit) : at->node[i] == 0);
		seen |= bit;
	}
	at->nodes = phases;
	return sound ? 0
		     : build_wrong(b, o, text,
				   "each of its phases once, .1 to .3, and ground behind");
}

static double largest(const double (*m)[PHASES])
{
	double most = 0;
	for (int i = 0; i < PHASES * PHASES; i++) {
		most = fmax(most, fabs(m[i / PHASES][i % PHASES]));
	}
	return most;
}

int build_branch(const struct builder *b, const struct dss_object *o, int from, int to,
		 bool transformer, const struct circuit_branch *phases)
{
	struct feeder_branch fb = { .from = from,
				    .to = to,
				    .line = o->line,
				    .file = o->file,
				    .closed = true,
				    .ratio = 1,
				    .tapped = transformer,
				    .r = largest(phases->r),
				    .x = largest(phases->x) };
	int r = circuit_add_branch(b->c, &fb, phases);
	return r == -E2BIG ? build_wrong(b, o, "too many branches", "fewer") : r < 0 ? r : 0;
}

/* Three phases alike: what one has, and what each two have between them. */
static void spread(double self, double between, double (*out)[PHASES])
{
	for (int i = 0; i < PHASES; i++) {
		for (int j = 0; j < PHASES; j++) {
			out[i][j] = i == j ? self : between;
		}
	}
}

/* --- source -------------------------------------------------------------------------------------
 */

/* The zero sequence that lets isc1 flow to ground: |2 Z1 + Z0| = 3 V / isc1, with X0 = x0r0 R0. */
static double zero_sequence_r(const struct dss_source *s, double r1, double x1, double isc1)
{
	double k = s->x0r0, whole = 3 * s->kv * 1e3 / sqrt(3) / isc1;
	double a = 1 + k * k, half_b = 2 * (r1 + x1 * k),
	       c = 4 * (r1 * r1 + x1 * x1) - whole * whole;
	double root = half_b * half_b - a * c;
	return root < 0 ? -1 : (sqrt(root) - half_b) / a;
}

static int take_source(const struct builder *b)
{
	const struct dss_source *s = dss_at(b->all, DSS_SOURCE, 0);
	struct connection at;
	struct circuit_branch z = { .phases = ALL_PHASES };
	double r1 = s->r1, x1 = s->x1, r0 = s->r0, x0 = s->x0;
	bool by_current = dss_given(DSS_SOURCE, s, "isc3") || dss_given(DSS_SOURCE, s, "isc1");
	bool by_power = dss_given(DSS_SOURCE, s, "mvasc3") || dss_given(DSS_SOURCE, s, "mvasc1");
	bool by_ohm = dss_given(DSS_SOURCE, s, "r1") || dss_given(DSS_SOURCE, s, "x1") ||
		      dss_given(DSS_SOURCE, s, "r0") || dss_given(DSS_SOURCE, s, "x0");
	if (by_current + by_power + by_ohm > 1) {
		return build_wrong(b, &s->o, "its impedance is told in two ways",
				   "Isc3 and Isc1, or MVAsc3 and MVAsc1, or R1, X1, R0 and X0");
	}
	if (!by_ohm) {
		if (by_current && !(s->isc3 > 0 && s->isc1 > 0)) {
			return build_wrong(b, &s->o, "one short-circuit current", "Isc3 and Isc1");
		}
		double per_mva = 1e3 / (sqrt(3) * s->kv);
		double isc3 = by_current ? s->isc3 : s->mvasc3 * per_mva;
		double isc1 = by_current ? s->isc1 : s->mvasc1 * per_mva;
		double z1 = s->kv * 1e3 / sqrt(3) / isc3;
		r1 = z1 / hypot(1, s->x1r1);
		x1 = r1 * s->x1r1;
		r0 = zero_sequence_r(s, r1, x1, isc1);
		x0 = r0 * s->x0r0;
		if (!(r0 >= 0)) {
			return build_wrong(b, &s->o,
					   "no zero sequence gives that short-circuit current",
					   "Isc1 of at most 3/2 of Isc3");
		}
	}
	spread((2 * r1 + r0) / 3, (r0 - r1) / 3, z.r);
	spread((2 * x1 + x0) / 3, (x0 - x1) / 3, z.x);
	spread(1, 0, z.t);
	int ideal = feeder_add_bus(&b->c->feeder, "(source)", s->o.line);
	int r = ideal < 0 ? ideal : build_connect(b, &s->o, s->bus, &at);
	r = r < 0 ? r : build_phases(b, &s->o, s->bus, PHASES, &at);
	if (r < 0) {
		return r;
	}
	b->c->feeder.bus[ideal].file = s->o.file;
	b->c->feeder.bus[ideal].kv = s->kv;
	b->c->feeder.source = ideal;
	b->c->feeder.source_v = s->pu;
	b->c->source_v = s->pu * s->kv * 1e3 / sqrt(3);
	b->c->source_angle = s->angle * M_PI / 180;
	return build_branch(b, &s->o, ideal, at.bus, false, &z);
}

/* --- transformers -------------------------------------------------------------------------------
 */

/* Delta to star: each phase of the star is wound on a coil between two phases of the delta, this
 * one and the next (it leads) or the one before (it lags). */
static void wind(const struct dss_transformer *t, double ratio, double (*out)[PHASES])
{
	const struct dss_winding *from = &t->winding[0], *to = &t->winding[1];
	bool step_down = from->kv >= to->kv;
	bool to_leads = step_down == (t->lead != 0);
	bool delta = from->connection == DSS_DELTA;
	for (int i = 0; i < PHASES; i++) {
		out[i][i] = delta ? ratio / sqrt(3) : ratio;
		if (delta) {
			out[i][(i + (to_leads ? 1 : 2)) % PHASES] = -ratio / sqrt(3);
		}
	}
}

static int take_transformer(const struct builder *b, const struct dss_transformer *t)
{
	const struct dss_winding *from = &t->winding[0], *to = &t->winding[1];
	struct connection at[DSS_WINDINGS];
	struct circuit_branch out = { .phases = ALL_PHASES, .from_kv = from->kv, .to_kv = to->kv };
	int r = 0;
	for (int i = 0; i < DSS_WINDINGS; i++) {
		if (t->winding[i].kv <= 0 || t->winding[i].kva <= 0) {
			return build_wrong(b, &t->o, "a winding lacks its rating",
					   "kVs and kVAs of both");
		}
		int one = build_connect(b, &t->o, t->winding[i].bus, &at[i]);
		one = one < 0 ? one : build_phases(b, &t->o, t->winding[i].bus, PHASES, &at[i]);
		for (int k = 0; k < PHASES && one >= 0; k++) {
			one = at[i].node[k] == k + 1
				      ? one
				      : build_wrong(b, &t->o, t->winding[i].bus,
						    "the phases in their order, .1.2.3");
		}
		r = one < 0 ? one : r;
	}
	if (to->connection != DSS_WYE) {
		return build_wrong(b, &t->o, "its second winding is a delta",
				   "one in star, which stands on ground");
	}
	if (from->kva != to->kva) {
		return build_wrong(b, &t->o, "its windings have two ratings", "the same kVA");
	}
	if (r < 0) {
		return r;
	}
	double volts = to->kv * to->tap;
	double ohm = volts * volts * 1e3 / to->kva; /* one per unit, behind the ratio */
	double percent_r = dss_given(DSS_TRANSFORMER, t, "%loadloss")
				   ? t->load_loss
				   : from->percent_r + to->percent_r;
	wind(t, volts / (from->kv * from->tap), out.t);
	spread(percent_r / 100 * ohm, 0, out.r);
	spread(t->xhl / 100 * ohm, 0, out.x);
	return build_branch(b, &t->o, at[0].bus, at[1].bus, true, &out);
}

/* --- all of it ----------------------------------------------------------------------------------
 */

/* The nominal voltage of a bus is the nearest that the script tells. */
static void take_bases(const struct builder *b)
{
	const struct dss_objects *all = b->all;
	for (int i = 0; i < b->c->feeder.buses; i++) {
		double kv = b->c->feeder.bus[i].kv, best = all->voltage_bases ? INFINITY : kv;
		for (int k = 0; k < all->voltage_bases; k++) {
			double base = all->voltage_base[k];
			best = fabs(base - kv) < fabs(best - kv) ? base : best;
		}
		b->c->feeder.bus[i].kv = best;
	}
}

int opendss_circuit(struct dss_objects *all, struct circuit *out, struct diag *d)
{
	const struct builder b = { .all = all, .c = out, .d = d };
	int errors = d->errors;
	if (all->list[DSS_SOURCE].count == 0) {
		return diag_error(d, out->feeder.file, 0,
				  "there is no circuit, expected New Circuit");
	}
	int r = take_source(&b);
	for (int i = 0; r != -ENOMEM && i < all->list[DSS_LINE].count; i++) {
		r = build_line(&b, dss_at(all, DSS_LINE, i));
	}
	for (int i = 0; r != -ENOMEM && i < all->list[DSS_TRANSFORMER].count; i++) {
		r = take_transformer(&b, dss_at(all, DSS_TRANSFORMER, i));
	}
	for (int i = 0; r != -ENOMEM && i < all->list[DSS_LOAD].count; i++) {
		r = build_load(&b, dss_at(all, DSS_LOAD, i));
	}
	if (r == -ENOMEM) {
		return r;
	}
	r = d->errors > errors ? -EINVAL : circuit_check(out, d);
	if (r == 0) {
		take_bases(&b);
	}
	return r;
}
