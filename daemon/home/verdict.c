/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/verdict.h"

#include <math.h>

/* Less than this share of the wanted change may be chance. */
#define MOVED_SHARE 0.2

double verdict_tolerance_w(double wanted_w)
{
	return fmax(50, fabs(wanted_w) * 0.15);
}

enum verdict verdict_of(double before_w, double during_w, double wanted_w)
{
	double tolerance_w = verdict_tolerance_w(wanted_w);
	double change_w = during_w - before_w, want_w = wanted_w - before_w;
	if (fabs(during_w - wanted_w) <= tolerance_w) {
		return OBEYED;
	}
	/* At the mirror image, and not there before: the sign, even where it moved the right way.
	 */
	if (fabs(during_w + wanted_w) <= tolerance_w && fabs(before_w + wanted_w) > tolerance_w) {
		return WRONG_SIGN;
	}
	if (fabs(change_w) < MOVED_SHARE * fabs(want_w)) {
		return IGNORED;
	}
	return change_w * want_w > 0 ? OBEYED_PARTLY : WRONG_SIGN;
}

const char *verdict_name(enum verdict o)
{
	static const char *const names[] = {
		[OBEYED] = "obeyed",
		[OBEYED_PARTLY] = "partly obeyed",
		[IGNORED] = "ignored",
		[WRONG_SIGN] = "wrong sign",
	};
	return names[o];
}
