/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/profiles.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char suffix[] = ".conf";
enum { FOLDERS = 3, SUFFIX = sizeof(suffix) - 1 };

static const char *folder_at(const char *named, int i)
{
	const char *const folder[FOLDERS] = { "/etc/lecd/profiles", named, "etc/profiles" };
	return folder[i];
}

int profiles_find(const char *folder, const char *name, char *out, size_t size)
{
	for (int i = 0; i < FOLDERS; i++) {
		int length = snprintf(out, size, "%s/%s%s", folder_at(folder, i), name, suffix);
		if (length < (int)size && access(out, R_OK) == 0) {
			return 0;
		}
	}
	return -ENOENT;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int is_profile(const struct dirent *e)
{
	size_t length = strlen(e->d_name);
	return length > SUFFIX && length - SUFFIX < PROFILES_NAME_SIZE &&
	       strcmp(e->d_name + length - SUFFIX, suffix) == 0;
}

/* Add the profile a file's name stands for, once. Returns the new count. */
static int add(const char *file, int count, char name[PROFILES_MAX][PROFILES_NAME_SIZE])
{
	if (count == PROFILES_MAX) {
		return count;
	}
	size_t length = strlen(file) - SUFFIX;
	memcpy(name[count], file, length);
	name[count][length] = '\0';
	for (int i = 0; i < count; i++) {
		if (strcmp(name[i], name[count]) == 0) {
			return count;
		}
	}
	return count + 1;
}

int profiles_list(const char *folder, char name[PROFILES_MAX][PROFILES_NAME_SIZE])
{
	int count = 0;
	for (int i = 0; i < FOLDERS; i++) {
		struct dirent **entry;
		int entries = scandir(folder_at(folder, i), &entry, is_profile, alphasort);
		for (int e = 0; e < entries; e++) {
			count = add(entry[e]->d_name, count, name);
			free(entry[e]);
		}
		if (entries >= 0) {
			free(entry);
		}
	}
	qsort(name, (size_t)count, sizeof(*name), compare);
	return count;
}
