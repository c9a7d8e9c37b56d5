/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/interval.h"

#include <math.h>

int64_t interval_start(double length_s, int64_t wall_s)
{
	int64_t length = (int64_t)length_s;
	int64_t start = wall_s / length * length;
	return start > wall_s ? start - length : start;
}

static void begin(struct interval_meter *m, int64_t wall_s)
{
	m->open = (struct interval){ .start_s = interval_start(m->length_s, wall_s),
				     .length_s = m->length_s };
}

void interval_init(struct interval_meter *m, double length_s)
{
	*m = (struct interval_meter){ .length_s = length_s };
}

static void add_energies(struct interval *i, const struct state *s, double hours)
{
	if (reading_good(&s->grid_w)) {
		i->known_s += hours * 3600;
		i->import_wh += fmax(s->grid_w.value, 0) * hours;
		i->export_wh += fmax(-s->grid_w.value, 0) * hours;
	}
	if (reading_good(&s->load_w)) {
		i->load_s += hours * 3600;
		i->load_wh += s->load_w.value * hours;
		i->pv_wh += s->pv_w.value * hours;
	}
	for (int b = 0; b < s->batteries; b++) {
		if (reading_good(&s->battery[b].w)) {
			i->discharge_wh += fmax(s->battery[b].w.value, 0) * hours;
			i->charge_wh += fmax(-s->battery[b].w.value, 0) * hours;
		}
	}
}

bool interval_add(struct interval_meter *m, const struct state *s, int64_t max_gap_us,
		  struct interval *done)
{
	bool first = m->last_us == 0;
	int64_t gap_us = s->now_us - m->last_us;
	m->last_us = s->now_us;
	if (first) {
		begin(m, s->wall_s);
		return false;
	}
	if (gap_us <= max_gap_us) {
		add_energies(&m->open, s, (double)gap_us / 3.6e9);
	}
	if (interval_start(m->length_s, s->wall_s) == m->open.start_s) {
		return false;
	}
	*done = m->open;
	begin(m, s->wall_s);
	return true;
}
