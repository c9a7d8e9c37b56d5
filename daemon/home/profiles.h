/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where device profiles are: the machine's own in /etc/lecd/profiles, then the folder that the site
 * or a command names (the installed ones, else), then etc/profiles of a source tree. The first that
 * has a name wins. */
#ifndef LECD_HOME_PROFILES_H
#define LECD_HOME_PROFILES_H

#include <stddef.h>

#define PROFILES_FOLDER LECD_DATA "/profiles"

enum { PROFILES_MAX = 96, PROFILES_NAME_SIZE = 48 };

/* The path of a profile. Returns 0, or -ENOENT: none that can be read; out is then the last place
 * looked at. */
int profiles_find(const char *folder, const char *name, char *out, size_t size);

/* The names of all there are, in order. Returns their number. */
int profiles_list(const char *folder, char name[PROFILES_MAX][PROFILES_NAME_SIZE]);

#endif
