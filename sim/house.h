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

enum { HOUSE_METERS_MAX = 8 }; /* all at the connection point */
enum { HOUSE_DEVICES_MAX = HOUSE_METERS_MAX + PLANT_PVS_MAX + PLANT_BATTERIES_MAX };

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

/* The device of that name, or NULL. */
struct house_device *house_device(struct house *h, const char *name);

#endif
