/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/journal.h"

#include <errno.h>

#include "drivers/sensors.h"

int journal_open(struct journal *j, const char *path)
{
	*j = (struct journal){ .file = path ? fopen(path, "we") : NULL };
	if (path && !j->file) {
		return -errno;
	}
	if (j->file) {
		fputs("time_s,device,event,name,value\n", j->file);
	}
	return 0;
}

void journal_close(struct journal *j)
{
	if (j->file) {
		fclose(j->file);
	}
	j->file = NULL;
}

void journal_event(struct journal *j, const struct plant *p, const char *device, const char *event,
		   const char *name, double value)
{
	if (j->file) {
		double time_s = (double)(p->now_us + p->wall_offset_us) / 1e6;
		fprintf(j->file, "%.3f,%s,%s,%s,%.10g\n", time_s, device, event, name, value);
	}
}

static void device_state(struct journal *j, const struct house *h, const struct house_device *dev)
{
	for (int q = 0; q < QUANTITY_COUNT; q++) {
		double value;
		if (sensors_measure(&h->plant, dev->kind, dev->index, (enum quantity)q, &value) ==
		    0) {
			journal_event(j, &h->plant, dev->name, "state",
				      quantity_name((enum quantity)q), value);
		}
	}
}

void journal_state(struct journal *j, const struct house *h)
{
	if (!j->file) {
		return;
	}
	journal_event(j, &h->plant, "house", "state", "load_w", h->plant.load_w);
	for (int i = 0; i < h->devices; i++) {
		device_state(j, h, &h->device[i]);
	}
}

void journal_changes(struct journal *j, const struct house *h)
{
	for (int i = 0; j->file && i < h->devices; i++) {
		const struct house_device *dev = &h->device[i];
		bool enabled = house_commanded(h, dev);
		if (enabled != j->enabled[i]) {
			journal_event(j, &h->plant, dev->name, "enabled", "enabled", enabled);
			j->enabled[i] = enabled;
		}
	}
}

void journal_flush(struct journal *j)
{
	if (j->file) {
		fflush(j->file);
	}
}
