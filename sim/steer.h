/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Steering a simulated house by lines of text, as tests do over its standard input:
 *
 *   fault NAME KIND[=VALUE]     see fault.h
 *   heal NAME                   all its faults
 *   read NAME QUANTITY          the plant's truth: `ok 0.52`; house load_w as well
 *   load W                      the house's load from now on; below 0 it feeds in
 *   quit
 *
 * Each line is answered by one that begins with `ok` or `error`. */
#ifndef LECD_SIM_STEER_H
#define LECD_SIM_STEER_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/house.h"
#include "sim/journal.h"

/* Do what line says (which is cut to pieces) and write the answer, without newline. Return whether
 * it was `quit`. */
bool steer(struct house *h, struct journal *j, char *line, char *answer, size_t size);

/* Switch on "NAME:KIND[=VALUE]", as --fault gives it. Return NULL, or what is expected. */
const char *steer_fault(struct house *h, struct journal *j, const char *text);

/* Lines out of a file descriptor that is read without waiting. */
struct steer_input {
	size_t length;
	char text[256];
	bool overlong; /* skipping the rest of a line that did not fit */
};

/* Read what there is. Return 1 where the buffer grew, 0 at the end of the input, -EAGAIN. */
int steer_receive(struct steer_input *in, int fd);

/* Take the next whole line out into line, of sizeof(in->text). Return whether there was one; an
 * overlong line comes out empty. */
bool steer_next(struct steer_input *in, char *line);

#endif
