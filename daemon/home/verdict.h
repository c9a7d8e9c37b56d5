/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a device did as it was told, from its power before and during a command. No I/O. */
#ifndef LECD_HOME_VERDICT_H
#define LECD_HOME_VERDICT_H

enum verdict { OBEYED, OBEYED_PARTLY, IGNORED, WRONG_SIGN };

/* How far a power may be off and still be the one that was wanted, W. */
double verdict_tolerance_w(double wanted_w);

/* All in W and by one sign; wanted_w must be further from before_w than the tolerance. */
enum verdict verdict_of(double before_w, double during_w, double wanted_w);

/* "obeyed", "partly obeyed", "ignored", "wrong sign". */
const char *verdict_name(enum verdict o);

#endif
