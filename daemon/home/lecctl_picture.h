/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one-screen view of `lecctl watch`: what flows now, why, and what is planned, in at most 80
 * columns and, with up to three batteries, 24 lines. Documents may be NULL or lack anything. Lines
 * stay where they are from one picture to the next. */
#ifndef LECD_HOME_LECCTL_PICTURE_H
#define LECD_HOME_LECCTL_PICTURE_H

#include <stdint.h>

#include "daemon/base/json.h"
#include "daemon/home/lecctl_text.h"

enum { PICTURE_WIDTH = 80 };

struct picture {
	const struct json_value *status;
	const struct json_value *explain;
	const struct json_value *plan;
	double scale_w; /* of the bars; only grows. Begin with 0. */
};

void picture_draw(struct page *p, struct picture *picture);

/* The same in one line, for where there is no screen. */
void picture_line(struct page *p, const struct json_value *status);

/* The plan's lines alone: its title, charge, sun, house and price as block columns from now_s on,
 * and the hours under them. */
void chart_draw(struct page *p, const struct json_value *plan, int64_t now_s);

#endif
