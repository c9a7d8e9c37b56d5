/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a learned actor's numbers mean: the actor-CLASS.conf beside its ONNX file.
 *
 *   [actor]
 *   interval = 15 min            ; it was trained to decide once in that time
 *   class = pv-battery           ; for homes of that class; may be left out
 *
 *   [observation load]           ; in the order of the actor's input; see the table of sources
 *   mean = 600 W                 ; it gets (load - mean) / scale
 *   scale = 400 W
 *   low = 0 W                    ; what it has seen in training: beyond it, it is not asked
 *   high = 6 kW
 *
 *   [action battery-power]       ; see the table of meanings
 *   output = action              ; of the ONNX file; may be left out where it has one only
 *   index = 0                    ; which number of it
 *   from = -1                    ; this number of the actor ...
 *   to = 1
 *   low = -5 kW                  ; ... means this, and what lies between lies between
 *   high = 5 kW
 *
 * Units and signs as everywhere: import, generation and discharge > 0. */
#ifndef LECD_POLICY_ACTOR_CONF_H
#define LECD_POLICY_ACTOR_CONF_H

#include "daemon/base/diag.h"
#include "policy/actor.h"
#include "policy/source.h"

enum { OBSERVATIONS_MAX = 64, ACTIONS_MAX = 8 };

struct observation {
	int source; /* enum source */
	int line;
	double mean, scale; /* scale > 0 */
	double low, high;   /* as trained; low < high */
};

struct actor_action {
	int meaning; /* enum meaning */
	int line;
	char output[64]; /* "": the only one */
	int64_t index;
	double from, to;  /* the actor's numbers; from < to */
	double low, high; /* what they mean; low < high */
	double dead_band; /* as low and high; >= 0 */
	double step;      /* as low and high; > 0: it is rounded to low and so many of these */
	int port;         /* of the actor's outputs; set by actor_conf_check */
};

struct actor_conf {
	char path[256];
	char currency[4]; /* of its prices; "": none */
	double interval_s;
	int interval_line, class_line;
	char class[32]; /* of the homes it was trained for; "": not known */
	int observations, actions;
	struct observation observation[OBSERVATIONS_MAX];
	struct actor_action action[ACTIONS_MAX];
};

/* The house that an actor shall decide for. */
struct actor_house {
	double interval_s;
	const char *currency;
	const char *class; /* NULL: not known */
	bool has_pv, has_battery, has_market;
	double charge_limit_w, discharge_limit_w; /* of all batteries together, >= 0 */
};

/* Read path; everything that is wrong goes to d, and *out stays as it is then. Returns 0, or
 * -errno. */
int actor_conf_read(const char *path, struct actor_conf *out, struct diag *d);

/* Hold it against the actor, and against the house it shall decide for (NULL: any). All that does
 * not fit goes to d, with its line. Returns 0 or -EINVAL. */
int actor_conf_check(struct actor_conf *c, const struct actor *a, const struct actor_house *house,
		     struct diag *d);

/* Fill in the actor's input. value: of each source, NaN where it is not known. Returns 0; -ENODATA:
 * one is not known; -ERANGE: one lies out of the training range; *which is the observation then,
 * and the actor must not be asked. */
int actor_conf_observe(const struct actor_conf *c, const struct actor *a,
		       const double value[SOURCE_COUNT], int *which);

/* "load = 7000 W, it was trained for 0 W to 6000 W", or "load is not known" where value is NaN, of
 * the observation that is which, in text, which is returned. */
const char *actor_conf_tell(const struct actor_conf *c, int which, double value, char *text,
			    size_t size);

/* What the actor's outputs mean, by action, after a run; within low..high. Returns 0, or -EDOM
 * where one is not finite, or an index beyond from..to: then *out is untouched. */
int actor_conf_act(const struct actor_conf *c, const struct actor *a, double out[ACTIONS_MAX]);

#endif
