/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/demand.h"

#include "daemon/base/tariff.h"
#include "daemon/home/interval.h"

void demand_init(struct demand *d, double period_s)
{
	*d = (struct demand){ .period_s = period_s, .month = -1 };
}

void demand_add(struct demand *d, int64_t start_s, double import_wh)
{
	int month = timezone_month(start_s);
	if (month != d->month) {
		d->month = month;
		d->incumbent_w = 0;
	}
	int64_t period_s = interval_start(d->period_s, start_s);
	if (period_s != d->open_s) {
		d->open_s = period_s;
		d->open_wh = 0;
	}
	d->open_wh += import_wh;
	double mean_w = d->open_wh / (d->period_s / 3600);
	d->incumbent_w = mean_w > d->incumbent_w ? mean_w : d->incumbent_w;
}

double demand_open_wh(const struct demand *d, int64_t wall_s)
{
	return interval_start(d->period_s, wall_s) == d->open_s ? d->open_wh : 0;
}
