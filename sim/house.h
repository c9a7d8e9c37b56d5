/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A simulated house as its file describes it: the plant, and the devices that show parts of it on
 * Modbus. See etc/examples/plant.conf for every key. */
#ifndef LECD_SIM_HOUSE_H
#define LECD_SIM_HOUSE_H

#include "daemon/base/diag.h"
#include "daemon/base/series.h"
#include "drivers/address.h"
#include "drivers/plant.h"
#include "drivers/profile.h"
#include "sim/face.h"
#include "sim/sunspec_face.h"

enum { HOUSE_METERS_MAX = 8 }; /* all at the connection point */
enum { HOUSE_DEVICES_MAX = HOUSE_METERS_MAX + PLANT_PVS_MAX + PLANT_BATTERIES_MAX };

/* What a section says about its SunSpec models; none: the usual ones. */
struct house_models {
	int count;
	int model[SUNSPEC_MODELS_MAX];
};

struct house_device {
	enum device_kind kind;
	int index; /* of the inverter or battery in the plant */
	char name[32];
	bool served;                  /* has a listen address; the others are physics only */
	int line;                     /* of that address */
	struct modbus_address listen; /* a unit is given: by the file or by the profile */
	bool throttle;                /* bytes take their time on a serial line */
	char profile_name[48];
	struct profile profile;
	struct face face;
	/* `profile = sunspec`: the device it is a part of, its own or that of another section. */
	struct sunspec_face *sunspec; /* NULL: face serves it */
	bool joined;                  /* it is another section's */
	struct house_models models;
	struct sunspec_face sunspec_face;
	int64_t overwrite_us; /* when FAULT_OVERWRITE strikes next, in the plant's time; 0: never */
};

struct house {
	char path[256];
	char timezone[64];
	struct plant_conf conf;
	struct series series; /* owned */
	struct plant plant;
	int devices;
	struct house_device device[HOUSE_DEVICES_MAX];
};

/* Read a house from path; profiles are looked up in the folder `profiles`, or, where that is NULL,
 * in etc/profiles and then in the installed ones. Sets the process's time zone. Every error goes to
 * d. Return 0 or -errno; free with house_free in any case. Not to be moved afterwards: its parts
 * point at each other. */
int house_read(struct house *h, const char *path, const char *profiles, struct diag *d);
void house_free(struct house *h);

/* Put the parts of SunSpec devices together; house_read does. Returns 0 or -EINVAL. */
int house_join_sunspec(struct house *h, struct diag *d);

/* The device of that name, or NULL. */
struct house_device *house_device(struct house *h, const char *name);

/* Whether a command is in force at a device that listens; end all there are. */
bool house_commanded(const struct house *h, const struct house_device *dev);
void house_release(struct house *h, struct house_device *dev);

/* A device's faults; those of parts of one SunSpec device are the same. */
struct faults *house_faults(struct house_device *dev);

/* Switch a fault on, as in fault_set(), also where its line cannot have it; heal all. */
const char *house_fault(struct house *h, struct house_device *dev, const char *text);
void house_heal(struct house_device *dev);

/* When house_step() has something to do between two seconds; INT64_MAX: nothing. */
int64_t house_next_us(const struct house *h);

/* What devices do by themselves, to be called whenever the plant was moved: SunSpec commands follow
 * it, and FAULT_OVERWRITE strikes, of which overwritten is told. */
void house_step(struct house *h, void (*overwritten)(void *context, const struct house_device *dev),
		void *context);

#endif
