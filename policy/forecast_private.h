/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of forecast.h share. */
#ifndef LECD_POLICY_FORECAST_PRIVATE_H
#define LECD_POLICY_FORECAST_PRIVATE_H

#include "policy/forecast.h"

enum { DAY_S = 86400, HOUR_S = 3600, INTERVAL_MIN_S = 300 };

/* Towards minus infinity; b > 0. */
int64_t forecast_floor_divide(int64_t a, int64_t b);

/* Interval k, or NULL where the ring does not hold it. */
const struct forecast_entry *forecast_entry_at(const struct forecast *f, int64_t k);

/* The interval whose local time is local_s, or NULL. east_s is a first guess of the offset then. On
 * a day of 23 hours there may be none, on one of 25 there may be two: the first guess decides. */
const struct forecast_entry *forecast_entry_local(const struct forecast *f, int64_t local_s,
						  int32_t east_s, int64_t *k);

/* What the load of a day so many days before tells of that at local_s. */
double forecast_day_weight(int64_t then_local_s, int64_t local_s, int days);

/* How much of the last hour's departure of the load is expected still, so many hours ahead. */
double forecast_load_departs(double lead_h);

#endif
