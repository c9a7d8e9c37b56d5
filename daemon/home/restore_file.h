/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way back of a device (drivers/restore.h) as a file that outlives us: STORE/restore/
 * KIND-NAME.restore, for people to read, with a checksum at its end. lecd writes and removes it;
 * lecd-release reads it when lecd has died. */
#ifndef LECD_HOME_RESTORE_FILE_H
#define LECD_HOME_RESTORE_FILE_H

#include "daemon/base/diag.h"
#include "drivers/restore.h"

struct restore_file {
	char device[48];   /* "battery-main" */
	char address[128]; /* as in the site file */
	struct restore restore;
};

/* The longest timeout and delay a file may ask for. */
enum { RESTORE_WAIT_MAX_MS = 60000 };

/* Write path durably. Returns 0 or -errno. */
int restore_file_write(const char *path, const struct restore_file *f);

/* Read path. What is wrong with it goes to d: a file that is torn or was changed by hand is not
 * used at all. Returns 0; -ENOENT: there is none, nothing is said; else -errno. */
int restore_file_read(const char *path, struct restore_file *out, struct diag *d);

#endif
