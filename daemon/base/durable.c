/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 512 };

/* The folder that path lies in. */
static int folder_of(const char *path, char out[PATH_SIZE])
{
	const char *slash = strrchr(path, '/');
	int length = slash ? (int)(slash - path) : 1;
	if (length + 1 >= PATH_SIZE) {
		return -ENAMETOOLONG;
	}
	snprintf(out, PATH_SIZE, "%.*s", length, slash ? path : ".");
	return 0;
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	int r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

/* Where the folder is missing it is made, and its own folder synced. */
static int make_folder(const char *folder)
{
	char above[PATH_SIZE];
	if (mkdir(folder, 0700) < 0) {
		return errno == EEXIST ? 0 : -errno;
	}
	int r = folder_of(folder, above);
	return r < 0 ? r : sync_folder(above);
}

static int write_whole(const char *path, const char *bytes, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	int r = fd < 0 ? -errno : 0;
	for (size_t done = 0; r == 0 && done < size;) {
		ssize_t n = write(fd, bytes + done, size - done);
		done += n > 0 ? (size_t)n : 0;
		r = n < 0 && errno != EINTR ? -errno : 0;
	}
	if (r == 0 && fsync(fd) < 0) {
		r = -errno;
	}
	if (fd >= 0 && close(fd) < 0 && r == 0) {
		r = -errno;
	}
	return r;
}

static int replace(const char *path, const char *bytes, size_t size, mode_t mode)
{
	char folder[PATH_SIZE], temporary[PATH_SIZE];
	int r = folder_of(path, folder);
	if (r < 0 || snprintf(temporary, PATH_SIZE, "%s.tmp", path) >= PATH_SIZE) {
		return -ENAMETOOLONG;
	}
	r = make_folder(folder);
	r = r < 0 ? r : write_whole(temporary, bytes, size, mode);
	if (r == 0 && rename(temporary, path) < 0) {
		r = -errno;
	}
	return r < 0 ? r : sync_folder(folder);
}

int durable_write(const char *path, const char *bytes, size_t size)
{
	return replace(path, bytes, size, 0600);
}

int durable_publish(const char *path, const char *bytes, size_t size)
{
	return replace(path, bytes, size, 0666);
}

int durable_remove(const char *path)
{
	char folder[PATH_SIZE];
	int r = folder_of(path, folder);
	if (r < 0) {
		return r;
	}
	if (unlink(path) < 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	return sync_folder(folder);
}
