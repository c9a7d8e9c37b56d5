/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Devices that speak Modbus, by profile.
 *
 * Each poll reads the profile's blocks, decodes them to readings, and checks that the device still
 * holds what it was told. A command is written as soon as it is posted: first, once per connection,
 * what the device requires is read; then follow revert timer, presets, set-points, enable, in this
 * order, so that the device is never under command without its timer; and a heartbeat at each poll.
 * It is renewed by the profile's class of liveness. Released, the enable comes first; a device that
 * has none is released by silence, which counts as engaged until it must have fallen back. What a
 * device answers with an exception is not implemented (illegal function, address, value) or stays
 * as it was and turns stale (everything else). */
#ifndef LECD_DRIVERS_MODBUS_H
#define LECD_DRIVERS_MODBUS_H

#include "drivers/address.h"
#include "drivers/bus.h"
#include "drivers/device.h"
#include "drivers/profile.h"

/* Make a device at address on the hub's buses. The profile is copied; the hub and its clock must
 * outlive the device. A profile that still needs its rating is only read. Nothing is sent before
 * the first poll. Returns 0, -ENOMEM, -ENOSPC or -EINVAL. */
int modbus_device_open(struct bus_hub *hub, const struct modbus_address *address,
		       const struct profile *profile, struct device **out);

#endif
