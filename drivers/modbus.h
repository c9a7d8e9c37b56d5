/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices that speak Modbus, by profile.
 *
 * Each poll reads the profile's blocks, decodes them to readings, and checks that the device still
 * holds what it was told. A command is written as soon as it is posted: revert timer, set-point,
 * enable, in this order, so that the device is never under command without its timer. What a
 * device answers with an exception is not implemented (illegal function, address, value) or stays
 * as it was and turns stale (everything else). */
#ifndef LECD_DRIVERS_MODBUS_H
#define LECD_DRIVERS_MODBUS_H

#include "drivers/address.h"
#include "drivers/bus.h"
#include "drivers/device.h"
#include "drivers/profile.h"

/* Make a device at address on the hub's buses. The profile is copied; the hub and its clock must
 * outlive the device. Nothing is sent before the first poll. Returns 0, -ENOMEM, -ENOSPC or
 * -EINVAL. */
int modbus_device_open(struct bus_hub *hub, const struct modbus_address *address,
		       const struct profile *profile, struct device **out);

#endif
