/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults of what a device measures. */
#ifndef LECD_SIM_FAULT_VALUE_H
#define LECD_SIM_FAULT_VALUE_H

#include <stdint.h>

#include "drivers/point.h"
#include "sim/fault.h"

/* What the device claims, where value is the truth. Counts down `scale-jump`. */
double fault_value(struct faults *f, enum quantity q, double value);

/* The registers of a point that a device with FAULT_SENTINEL shows, or without one, its own. */
void fault_encode_absent(const struct faults *f, const struct point *p, uint16_t *words);

#endif
