/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "drivers/sensors.h"
#include "sim/house.h"

/* --- SunSpec devices, which may have several parts ---------------------------------------------
 */

static bool same_unit(const struct house_device *a, const struct house_device *b)
{
	return modbus_address_same_line(&a->listen, &b->listen) && a->listen.unit == b->listen.unit;
}

static bool is_sunspec(const struct house_device *dev)
{
	return dev->served && dev->profile.sunspec;
}

/* Make a device a part of an earlier one at its address, or a device of its own. */
static int join(struct house *h, int device, struct diag *d)
{
	struct house_device *dev = &h->device[device];
	for (int i = 0; i < device && !dev->sunspec; i++) {
		struct house_device *other = &h->device[i];
		if (is_sunspec(other) && same_unit(other, dev)) {
			dev->sunspec = other->sunspec;
			dev->joined = true;
		}
	}
	if (!dev->sunspec) {
		dev->sunspec = &dev->sunspec_face;
		sunspec_face_init(dev->sunspec, &h->plant, dev->name, dev->face.revert_s);
	}
	if (sunspec_face_add(dev->sunspec, dev->kind, dev->index) < 0) {
		return diag_error(d, h->path, dev->line,
				  "%s is at the address of another of its kind, expected one each",
				  dev->name);
	}
	return 0;
}

/* Lay out a device by what one of its parts says its models are. */
static int build(struct house *h, struct house_device *dev, struct diag *d)
{
	const struct house_device *teller = dev;
	for (int i = 0; i < h->devices; i++) {
		if (h->device[i].sunspec == dev->sunspec && h->device[i].models.count > 0) {
			teller = &h->device[i];
		}
	}
	const char *expected =
		sunspec_face_build(dev->sunspec, teller->models.model, teller->models.count);
	return expected ? diag_error(d, h->path, teller->line, "models of %s, expected %s",
				     teller->name, expected)
			: 0;
}

int house_join_sunspec(struct house *h, struct diag *d)
{
	int r = 0;
	for (int i = 0; i < h->devices; i++) {
		if (is_sunspec(&h->device[i]) && join(h, i, d) < 0) {
			r = -EINVAL;
		}
	}
	for (int i = 0; r == 0 && i < h->devices; i++) {
		struct house_device *dev = &h->device[i];
		r = dev->sunspec && !dev->joined ? build(h, dev, d) : 0;
	}
	return r;
}

/* --- what every device has ---------------------------------------------------------------------
 */

static struct plant_command *command_of(struct house *h, const struct house_device *dev)
{
	return dev->kind == DEVICE_BATTERY ? &h->plant.battery[dev->index].command
	       : dev->kind == DEVICE_PV    ? &h->plant.pv[dev->index].command
					   : NULL;
}

struct house_device *house_device(struct house *h, const char *name)
{
	for (int i = 0; i < h->devices; i++) {
		if (strcmp(h->device[i].name, name) == 0) {
			return &h->device[i];
		}
	}
	return NULL;
}

bool house_commanded(const struct house *h, const struct house_device *dev)
{
	const struct plant_command *c = command_of((struct house *)h, dev);
	return dev->served && c && c->active;
}

void house_release(struct house *h, struct house_device *dev)
{
	struct plant_command *c = command_of(h, dev);
	if (dev->sunspec) {
		sunspec_face_release(dev->sunspec);
	} else if (c) {
		c->active = false;
	}
}

struct faults *house_faults(struct house_device *dev)
{
	return dev->sunspec ? &dev->sunspec->faults : &dev->face.faults;
}

const char *house_fault(struct house *h, struct house_device *dev, const char *text)
{
	struct faults trial = { 0 };
	enum fault_kind kind;
	const char *expected = fault_set(&trial, text, &kind);
	expected = expected ? expected : fault_misplaced(kind, dev->listen.line);
	if (expected || !dev->sunspec) {
		return expected ? expected : face_fault(&dev->face, text);
	}
	bool freezes = kind == FAULT_FROZEN || kind == FAULT_FROZEN_SOC;
	for (int i = 0; freezes && i < h->devices; i++) {
		const struct house_device *part = &h->device[i];
		for (int q = 0; part->sunspec == dev->sunspec && q < QUANTITY_COUNT; q++) {
			(void)sensors_measure(&h->plant, part->kind, part->index, (enum quantity)q,
					      &dev->sunspec->faults.frozen[q]);
		}
	}
	return fault_set(&dev->sunspec->faults, text, NULL);
}

void house_heal(struct house_device *dev)
{
	*house_faults(dev) = (struct faults){ 0 };
}

/* --- what goes on by itself --------------------------------------------------------------------
 */

int64_t house_next_us(const struct house *h)
{
	int64_t at_us = INT64_MAX;
	for (int i = 0; i < h->devices; i++) {
		const struct house_device *dev = &h->device[i];
		if (dev->overwrite_us > 0 && dev->overwrite_us < at_us) {
			at_us = dev->overwrite_us;
		}
	}
	return at_us;
}

void house_step(struct house *h, void (*overwritten)(void *context, const struct house_device *dev),
		void *context)
{
	for (int i = 0; i < h->devices; i++) {
		struct house_device *dev = &h->device[i];
		const struct faults *f = house_faults(dev);
		int64_t period_us = f->value[FAULT_OVERWRITE] * INT64_C(1000000);
		if (dev->sunspec && !dev->joined) {
			sunspec_face_step(dev->sunspec);
		}
		if (!f->on[FAULT_OVERWRITE]) {
			dev->overwrite_us = 0;
		} else if (dev->overwrite_us == 0) {
			dev->overwrite_us = h->plant.now_us + period_us;
		} else if (h->plant.now_us >= dev->overwrite_us) {
			dev->overwrite_us += period_us;
			house_release(h, dev);
			overwritten(context, dev);
		}
	}
}
