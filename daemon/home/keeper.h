/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must outlive lecd, of one device: the way back to its default while it is under a command
 * that it would keep for ever (restore_file.h), and how often its flash was written today. Both are
 * small files in STORE/restore. The driver calls from its bus's thread. */
#ifndef LECD_HOME_KEEPER_H
#define LECD_HOME_KEEPER_H

#include "daemon/base/diag.h"
#include "daemon/home/restore_file.h"
#include "daemon/home/site.h"

struct modbus_keeper;

struct keeper {
	char restore_path[256];
	char flash_path[256];
	struct restore_file file; /* device and address; the way back an earlier life has left */
	bool unusable;            /* its file is damaged, or of another device: nothing is kept */
};

/* Look for what an earlier life has left of a device: kind "battery" or "pv". What is wrong with
 * its files goes to d; then the device is not commanded, and today's writes to its flash count as
 * spent. out is for modbus_device_keep and refers to k. */
void keeper_open(struct keeper *k, const struct site *site, const char *kind,
		 const struct site_link *link, int64_t wall_s, struct modbus_keeper *out,
		 struct diag *d);

#endif
