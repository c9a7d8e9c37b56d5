/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/sunspec_parts.h"

#include <string.h>

#include "drivers/sunspec_point.h"
#include "sim/fault_value.h"

static bool is_of(const struct sunspec_row *row, const struct sunspec_found *found)
{
	return found->model >= row->first && found->model <= row->last;
}

/* The least power of ten by which a number of that size fits into 16 bits, with room. */
static int16_t fitting(double value)
{
	int16_t factor = 0;
	while (value > 25000 && factor < 10) {
		value /= 10;
		factor++;
	}
	return factor;
}

/* The most power that the device may have to tell. */
static double power_max_w(const struct sunspec_face *f)
{
	const struct plant_conf *c = &f->plant->conf;
	double w = sunspec_pv_rating_w(f) + sunspec_storage_w(f);
	for (int i = 0; f->index[DEVICE_METER] >= 0 && i < c->pvs; i++) {
		w += c->pv[i].rating_w;
	}
	for (int i = 0; f->index[DEVICE_METER] >= 0 && i < c->batteries; i++) {
		w += c->battery[i].charge_limit_w + c->battery[i].discharge_limit_w;
	}
	return w;
}

void sunspec_scale(struct sunspec_face *f, const struct sunspec_found *found)
{
	for (int i = 0; i < sunspec_rows_count; i++) {
		const struct sunspec_row *row = &sunspec_rows[i];
		const struct sunspec_point *p = sunspec_point(found->model, row->name);
		if (is_of(row, found) && p->factor > 0) {
			int factor = row->factor == BY_POWER    ? fitting(power_max_w(f))
				     : row->factor == BY_ENERGY ? fitting(sunspec_capacity_wh(f))
								: row->factor;
			*sunspec_at(f, found->address + p->factor) = (uint16_t)factor;
		}
	}
}

static void put(struct sunspec_window *w, int address, int count, const uint16_t *words)
{
	for (int i = 0; i < count; i++) {
		int at = address + i - w->address;
		if (at >= 0 && at < w->count) {
			w->words[at] = words[i];
		}
	}
}

static bool touches(const struct sunspec_window *w, int address, int count)
{
	return address < w->address + w->count && address + count > w->address;
}

/* Make a row's registers. A counter that is not there, or at its start, is 0. */
static void encode(struct sunspec_face *f, const struct sunspec_row *row, const struct point *p,
		   int index, uint16_t *words)
{
	struct point scaled = *p;
	bool absent =
		p->factored && point_rescale(p, *sunspec_at(f, p->factor_address), &scaled) < 0;
	if (row->measured && f->faults.on[FAULT_SENTINEL] &&
	    f->faults.value[FAULT_SENTINEL] != SENTINEL_SF) {
		fault_encode_absent(&f->faults, p, words);
	} else if (absent || point_encode(&scaled, row->value(f, index), words) < 0) {
		if (p->counter) {
			memset(words, 0, POINT_WORDS_MAX * sizeof(*words));
		} else {
			point_encode_absent(p, words);
		}
	}
}

void sunspec_measure(struct sunspec_face *f, const struct sunspec_found *found,
		     struct sunspec_window *w)
{
	static const uint16_t no_factor = 0x8000;
	bool factorless =
		f->faults.on[FAULT_SENTINEL] && f->faults.value[FAULT_SENTINEL] == SENTINEL_SF;
	for (int i = 0; i < sunspec_rows_count; i++) {
		const struct sunspec_row *row = &sunspec_rows[i];
		int times = row->index == EVERY ? sunspec_repeats(found) : 1;
		for (int k = 0; is_of(row, found) && k < times; k++) {
			struct point p;
			uint16_t words[POINT_WORDS_MAX];
			if (sunspec_make_point(found, row->name, k, &p) < 0) {
				continue;
			}
			if (touches(w, p.address, point_words(p.type))) {
				encode(f, row, &p, k, words);
				put(w, p.address, point_words(p.type), words);
			}
			if (factorless && row->measured && p.factored) {
				put(w, p.factor_address, 1, &no_factor);
			}
		}
	}
}
