/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One program at a time: whoever works with a folder or file claims it until it ends, however it
 * ends. */
#ifndef LECD_BASE_CLAIM_H
#define LECD_BASE_CLAIM_H

/* Claim a folder for this process; nothing is written to it. Returns 0, and the claim in *fd, to be
 * given back by close() or by the process's end; -EWOULDBLOCK: another process has it; else -errno:
 * the folder cannot be claimed. */
int claim_folder(const char *folder, int *fd);

/* The same of a file, which is made (0600) where there is none. */
int claim_file(const char *path, int *fd);

#endif
