/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a profile's file: refused, or sound as it is used. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	static FILE *nowhere;
	static uint16_t words[65536];
	static struct profile p;
	if (fd < 0) {
		fd = memfd_create("profile", MFD_CLOEXEC);
		nowhere = fopen("/dev/null", "w");
		assert(fd >= 0 && nowhere);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	struct diag d = { .to = nowhere };
	assert(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	int r = profile_load(path, &p, &d);
	assert((r == 0) == (d.errors == 0));
	if (r == 0) {
		decode_all(&p, words);
	}
	return 0;
}
