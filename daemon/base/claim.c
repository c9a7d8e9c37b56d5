/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/base/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int claim_folder(const char *folder, int *fd)
{
	int claimed = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
