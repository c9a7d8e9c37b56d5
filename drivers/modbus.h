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
 * as it was and turns stale (everything else).
 *
 * A device that keeps a command for ever (liveness C) is not written before its keeper has made
 * durable what its control registers held; a release writes that back and reads it. Flash-backed
 * registers have so many writes a day (budget.h), the way back included, which is paid in advance;
 * a device for which no more is left is released. */
#ifndef LECD_DRIVERS_MODBUS_H
#define LECD_DRIVERS_MODBUS_H

#include "drivers/address.h"
#include "drivers/budget.h"
#include "drivers/bus.h"
#include "drivers/device.h"
#include "drivers/profile.h"
#include "drivers/restore.h"

/* Make a device at address on the hub's buses. The profile is copied; the hub and its clock must
 * outlive the device. A profile that still needs its rating is only read. Nothing is sent before
 * the first poll. Returns 0, -ENOMEM, -ENOSPC or -EINVAL. */
int modbus_device_open(struct bus_hub *hub, const struct modbus_address *address,
		       const struct profile *profile, struct device **out);

/* Who keeps what must outlive us. All is called on the bus's thread and may block as a disk does.
 */
struct modbus_keeper {
	/* The way back of a latched device; without it such a device is never written. */
	restore_keep *journal;
	/* How often its flash was written. Returns 0 or -errno. May be NULL. */
	int (*count)(void *context, const struct budget *b);
	void *context;
	/* As an earlier life has left it: a way back is the device's default, whatever it shows. */
	struct restore left;
	struct budget spent;
};

/* Give a device its keeper (copied; its context must outlive the device), before the first poll. */
void modbus_device_keep(struct device *d, const struct modbus_keeper *keeper);

#endif
