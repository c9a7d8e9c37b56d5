/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The face of a simulated SunSpec device: an inverter, a battery, a meter, or several of them
 * behind one unit, as the registers of its information models. Values of the plant are encoded with
 * scale factors; controls act on it, each with its revert timer:
 *
 * - 123 and 704 WMaxLimPct limit PV, as a share of the inverter's rating;
 * - 124 bounds the battery from both sides, a negative bound forces it the other way, and what it
 *   charges is at most what its PV gives unless ChaGriSet allows the grid;
 * - 704 WSet holds the AC power of the unit: what PV and battery make together;
 * - any write to one of these restarts its timer, 0 s never ends; then the switch falls back to 0,
 *   or in 704 switch and set-point to what their Rvrt points say;
 * - in 715, a ControllerHb that was written and then stands still for the device's revert time ends
 *   every command.
 *
 * What a model has beside is not implemented, and says so. Bounds that move (PV, the house's own
 * surplus) are looked at when sunspec_face_step() is called, ends of timers are exact. */
#ifndef LECD_SIM_SUNSPEC_FACE_H
#define LECD_SIM_SUNSPEC_FACE_H

#include "drivers/device.h"
#include "drivers/plant.h"
#include "drivers/sunspec.h"
#include "sim/codec.h"
#include "sim/fault.h"

enum { SUNSPEC_BASE = 40000, SUNSPEC_WORDS_MAX = 2048, SUNSPEC_MODELS_MAX = 24 };

/* What has a revert timer of its own. */
enum sunspec_timer { TIMER_LIMIT, TIMER_STORAGE, TIMER_LIMIT_704, TIMER_SET_704, TIMER_COUNT };

struct sunspec_face {
	struct plant *plant;          /* not owned */
	int index[DEVICE_KIND_COUNT]; /* of its parts in the plant; -1: it has no such part */
	const char *name;             /* its serial number; not owned */
	double revert_s;              /* of the heartbeat */
	struct faults faults;
	int models;
	struct sunspec_found model[SUNSPEC_MODELS_MAX];
	int words;
	uint16_t word[SUNSPEC_WORDS_MAX]; /* from SUNSPEC_BASE on */
	int64_t ends_us[TIMER_COUNT];     /* of a command; INT64_MAX: never */
	int64_t heard_us;                 /* last beat of the controller's heart; 0: never */
	/* Told of every accepted write, once per point, in its own unit; may be NULL. */
	void (*written)(void *context, const struct sunspec_face *f, enum device_kind kind,
			const char *point, double value);
	void *context;
};

/* For server_add(); the device is a struct sunspec_face. */
extern const struct server_handler sunspec_face_handler;

/* A device without parts. */
void sunspec_face_init(struct sunspec_face *f, struct plant *plant, const char *name,
		       double revert_s);

/* Give it a part. Returns 0, or -EEXIST: it has one of that kind. */
int sunspec_face_add(struct sunspec_face *f, enum device_kind kind, int index);

/* Lay out its models, in that order; count 0: those that are usual for its parts. Returns NULL, or
 * what is expected of models. */
const char *sunspec_face_build(struct sunspec_face *f, const int *models, int count);

/* Let commands follow the plant and the time. */
void sunspec_face_step(struct sunspec_face *f);

/* End all commands: the registers go back to what they were at first. */
void sunspec_face_release(struct sunspec_face *f);

#endif
