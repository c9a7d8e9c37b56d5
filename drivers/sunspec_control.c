/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/sunspec_control.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#include "drivers/sunspec_point.h"

static const double REVERT_MAX_S = 3600;
static const double STEP_MIN_W = 10;

enum { WAY_PRESETS = 2 };

/* A way to control a kind of device: the points that take part. NULL: there is none. */
struct way {
	enum device_kind kind;
	uint16_t model;
	bool percent; /* of the rating; else W */
	const char *setpoint, *tail, *revert, *enable;
	double enable_on; /* off is 0 */
	struct {
		const char *name;
		double value;
		bool required;
	} preset[WAY_PRESETS];
};

/* clang-format off */
/* The first that is complete is taken. */
static const struct way ways[] = {
	/* kind         model percent setpoint  tail  revert  enable  on  presets */
	{ DEVICE_BATTERY, 704, false, "WSet", NULL, "WSetRvrtTms", "WSetEna", 1,
	  { { "WSetMod", 1, true }, { "WSetEnaRvrt", 0, false } } },
	/* Both limits hold, and a negative one forces the other way: what may be discharged at most
	 * is the set-point, and what may be charged at most is its opposite. */
	{ DEVICE_BATTERY, 124, true, "OutWRte", "InWRte", "InOutWRte_RvrtTms", "StorCtl_Mod", 3,
	  { { "ChaGriSet", 1, false } } },
	{ DEVICE_PV, 704, true, "WMaxLimPct", NULL, "WMaxLimPctRvrtTms", "WMaxLimPctEna", 1,
	  { { "WMaxLimPctEnaRvrt", 0, false } } },
	{ DEVICE_PV, 123, true, "WMaxLimPct", NULL, "WMaxLimPct_RvrtTms", "WMaxLim_Ena", 1,
	  { { NULL, 0, false } } },
};
/* clang-format on */

/* Where ratings stand: the first that is implemented counts. */
struct source {
	uint16_t model;
	const char *name;
};

static const struct source charge_sources[] = {
	{ 702, "WChaRteMax" }, { 702, "WChaRteMaxRtg" }, { 120, "MaxChaRte" }, { 702, "WMax" },
	{ 702, "WMaxRtg" },    { 120, "WRtg" },          { 0, NULL }
};
static const struct source discharge_sources[] = { { 702, "WDisChaRteMax" },
						   { 702, "WDisChaRteMaxRtg" },
						   { 120, "MaxDisChaRte" },
						   { 702, "WMax" },
						   { 702, "WMaxRtg" },
						   { 120, "WRtg" },
						   { 0, NULL } };
static const struct source storage_sources[] = { { 124, "WChaMax" }, { 0, NULL } };
static const struct source pv_sources[] = {
	{ 702, "WMax" }, { 702, "WMaxRtg" }, { 121, "WMax" }, { 120, "WRtg" }, { 0, NULL }
};

struct control_work {
	const struct sunspec *s;
	const struct sunspec_reader *reader;
	struct profile *p;
	int failure; /* of the line; 0: none */
};

/* Note a failure that is not "there is no such thing". Returns whether r is success. */
static bool done(struct control_work *work, int r)
{
	if (r != 0 && r != -ENOENT && r != -ENODATA && !(r > 0 && r <= 3)) {
		work->failure = r;
	}
	return r == 0;
}

static double rating(struct control_work *work, const struct source *sources)
{
	double w = 0;
	for (; sources->name && work->failure == 0; sources++) {
		const struct sunspec_found *f =
			sunspec_find(work->s, sources->model, sources->model, 0);
		if (f && done(work, sunspec_read_value(work->reader, f, sources->name, 0, &w)) &&
		    w > 0 && w < 1e7) {
			return w;
		}
	}
	return 0;
}

/* The range of a way's set-point in W; false: not known. */
static bool range(struct control_work *work, const struct way *way, double *min, double *max)
{
	if (way->kind == DEVICE_PV) {
		*min = 0;
		*max = rating(work, pv_sources);
	} else if (way->percent) {
		*max = rating(work, storage_sources);
		*min = -*max;
	} else {
		*max = rating(work, discharge_sources);
		*min = -rating(work, charge_sources);
	}
	return *max > 0 && *min <= 0 && (way->kind == DEVICE_PV || *min < 0);
}

/* Some take single registers only one at a time. */
static int write_function(const struct sunspec *s, const struct point *p)
{
	bool single = strncasecmp(s->manufacturer, "KOSTAL", 6) == 0;
	return single && point_words(p->type) == 1 ? 6 : 16;
}

/* Make a point to be written, if it is implemented. */
static bool make(struct control_work *work, const struct sunspec_found *f, const char *name,
		 struct point *p)
{
	double now;
	if (!done(work, sunspec_make_point(f, name, 0, p)) ||
	    !done(work, sunspec_read_value(work->reader, f, name, 0, &now)) ||
	    !done(work, sunspec_fix_factor(work->reader, p))) {
		return false;
	}
	p->write_function = write_function(work->s, p);
	p->readback = true;
	return true;
}

static bool make_switch(struct control_work *work, const struct sunspec_found *f, const char *name,
			double on, struct point *p)
{
	if (!make(work, f, name, p)) {
		return false;
	}
	p->on = p->charge = p->discharge = on;
	p->max = on > 1 ? on : 1;
	p->min = p->off = 0;
	return true;
}

static void make_presets(struct control_work *work, const struct sunspec_found *f,
			 const struct way *way, struct profile *p, bool *complete)
{
	int presets = 0;
	for (int i = 0; i < WAY_PRESETS && way->preset[i].name; i++) {
		struct point preset;
		if (make_switch(work, f, way->preset[i].name, way->preset[i].value, &preset)) {
			p->control[CONTROL_PRESET_1 + presets++] = preset;
		} else {
			*complete = *complete && !way->preset[i].required;
		}
	}
}

/* What the device wants to see changing while it is under command, where it has such a thing. */
static void make_heartbeat(struct control_work *work, struct profile *p)
{
	static const struct source beats[] = { { 715, "ControllerHb" }, { 802, "CtrlHb" } };
	for (size_t i = 0; i < sizeof(beats) / sizeof(*beats); i++) {
		const struct sunspec_found *f =
			sunspec_find(work->s, beats[i].model, beats[i].model, 0);
		struct point beat;
		bool pv = p->kind == DEVICE_PV && beats[i].model == 802;
		if (f && !pv && make(work, f, beats[i].name, &beat)) {
			beat.min = 0;
			beat.max = UINT16_MAX - 1; /* 16 bits, without the sentinel */
			p->control[CONTROL_HEARTBEAT] = beat;
			return;
		}
	}
}

/* Turn a point in W or per cent of max_w into one in W from min_w to max_w. */
static void scale(const struct way *way, double min_w, double max_w, struct point *p)
{
	p->scale *= way->percent ? max_w / 100 : 1;
	p->min = min_w;
	p->max = max_w;
	p->step = fmax(STEP_MIN_W, p->scale);
}

/* Put a way into p. Returns whether it is complete. */
static bool try_way(struct control_work *work, const struct way *way, struct profile *p)
{
	const struct sunspec_found *f = sunspec_find(work->s, way->model, way->model, 0);
	enum control which =
		way->kind == DEVICE_PV ? CONTROL_PV_LIMIT_W : CONTROL_BATTERY_SETPOINT_W;
	struct point *setpoint = &p->control[which], *revert = &p->control[CONTROL_REVERT_S];
	struct point *enable = &p->control[CONTROL_ENABLE], *tail = &p->control[CONTROL_COPY_1];
	double min_w, max_w;
	bool complete = f && range(work, way, &min_w, &max_w) &&
			make(work, f, way->setpoint, setpoint) &&
			(!way->tail || make(work, f, way->tail, tail)) &&
			make(work, f, way->revert, revert) &&
			make_switch(work, f, way->enable, way->enable_on, enable);
	if (!complete) {
		return false;
	}
	enable->has_off = true;
	make_presets(work, f, way, p, &complete);
	make_heartbeat(work, p);
	scale(way, min_w, max_w, setpoint);
	if (way->tail) { /* right behind the set-point, and written with it */
		scale(way, min_w, max_w, tail);
		tail->scale = -tail->scale;
		tail->follows = (int)which;
		tail->group = setpoint->group = 1;
		tail->write_function = setpoint->write_function = 16;
		tail->has_off = setpoint->has_off = true;
		setpoint->off = max_w; /* no limit, for who switches them on next */
		tail->off = min_w;
	}
	p->liveness = LIVENESS_TIMER;
	revert->min = revert->step = 1;
	revert->max = REVERT_MAX_S;
	return complete;
}

int sunspec_control(const struct sunspec *s, const struct sunspec_reader *reader, struct profile *p)
{
	struct control_work work = { .s = s, .reader = reader, .p = p };
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct profile trial = *p;
		if (ways[i].kind == p->kind && try_way(&work, &ways[i], &trial) &&
		    work.failure == 0) {
			*p = trial;
			return 0;
		}
		if (work.failure != 0) {
			return work.failure;
		}
	}
	return 0;
}
