/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int claim(int claimed, int *fd)
{
	if (claimed < 0) {
		return -errno;
	}
	if (flock(claimed, LOCK_EX | LOCK_NB) < 0) {
		int r = -errno;
		close(claimed);
		return r;
	}
	*fd = claimed;
	return 0;
}

int claim_folder(const char *folder, int *fd)
{
	return claim(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd);
}

int claim_file(const char *path, int *fd)
{
	return claim(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), fd);
}
