/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A pseudo terminal that stands for a serial port: who opens its link sees a port, we are at the
 * other end of the line. */
#ifndef LECD_SIM_PTY_H
#define LECD_SIM_PTY_H

struct pty {
	int master; /* our end, never blocks; -1: none */
	int slave;  /* held open, so that the line lives between its users */
	char name[64];
};

/* Open a line that hands bytes through as they are. Returns 0 or -errno. */
int pty_open(struct pty *p);
/* Close it: for who has it open, the port was pulled out. */
void pty_close(struct pty *p);

/* Make path a symbolic link to the port. Replaces a link to a port that is gone or is this one;
 * -EEXIST where anything else is there. Returns 0 or -errno. */
int pty_link(const struct pty *p, const char *path);
/* Remove the link, if it still is to this port. */
void pty_unlink(const struct pty *p, const char *path);

#endif
