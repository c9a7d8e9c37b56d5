/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sensors of a plant: what its meter, PV inverters and batteries measure, quantity by quantity.
 * In-process devices and Modbus devices tell the same. */
#ifndef LECD_DRIVERS_SENSORS_H
#define LECD_DRIVERS_SENSORS_H

#include "daemon/base/reading.h"
#include "drivers/device.h"
#include "drivers/plant.h"

/* Measure a quantity at a device; index is that of the inverter or battery, ignored for a meter.
 * The meter's power carries its noise, a function of the time: measured twice, it is the same.
 * Return 0, or -ENOENT where such a device has no such sensor. */
int sensors_measure(const struct plant *p, enum device_kind kind, int index, enum quantity quantity,
		    double *out);

#endif
