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

/* Add the profile a file's name stands for, once. Returns the new count. */
static int add(const char *file, int count, char name[PROFILES_MAX][PROFILES_NAME_SIZE])
{
	size_t length = strlen(file);
	if (length <= SUFFIX || length - SUFFIX >= PROFILES_NAME_SIZE || count == PROFILES_MAX ||
	    strcmp(file + length - SUFFIX, suffix) != 0) {
		return count;
	}
	char *slot = name[count];
	memcpy(slot, file, length - SUFFIX);
	slot[length - SUFFIX] = '\0';
	for (int i = 0; i < count; i++) {
		if (strcmp(name[i], slot) == 0) {
			return count;
		}
	}
	return count + 1;
}

int profiles_list(const char *folder, char name[PROFILES_MAX][PROFILES_NAME_SIZE])
{
	int count = 0;
	for (int i = 0; i < FOLDERS; i++) {
		DIR *dir = opendir(folder_at(folder, i));
		if (!dir) {
			continue;
		}
		for (const struct dirent *e; (e = readdir(dir));) {
			count = add(e->d_name, count, name);
		}
		closedir(dir);
	}
	qsort(name, (size_t)count, sizeof(*name), compare);
	return count;
}
