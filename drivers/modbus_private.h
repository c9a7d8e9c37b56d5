/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Modbus device from inside: what modbus.c, modbus_read.c, modbus_write.c and
 * modbus_control.c share.
 * Everything here happens on the bus thread, but for what the lock guards. */
#ifndef LECD_DRIVERS_MODBUS_PRIVATE_H
#define LECD_DRIVERS_MODBUS_PRIVATE_H

#include <pthread.h>

#include "drivers/lease.h"
#include "drivers/modbus.h"
#include "drivers/orders.h"
#include "drivers/sunspec.h"

/* What was last written to a control point that is kept in flash. */
struct kept {
	bool known;
	int64_t written_us; /* 0: not by us */
	uint16_t words[POINT_WORDS_MAX];
};

struct modbus_device {
	struct device device;
	struct bus_client client;
	struct bus_hub *hub;
	int unit; /* the device's own; the client's changes with what is asked for */
	struct profile profile;

	pthread_mutex_t lock; /* guards the next four */
	struct snapshot shared;
	int64_t held_until_us; /* by then the device has reverted by itself */
	struct command command;
	bool commanded; /* a command was ever given */

	/* The bus thread's own: */
	struct snapshot own;
	bool failed; /* something went wrong in the work at hand */
	struct answers answers;
	int split_polls[PROFILE_BLOCKS_MAX];
	struct lease lease;
	uint64_t connection;  /* on which the lease was last written */
	bool sure;            /* the last poll read back all that the lease wrote */
	unsigned again;       /* of the command that was obeyed last */
	uint64_t met_on;      /* on which its requirements were last met; 0: never */
	struct orders orders; /* last written */
	struct kept kept[CONTROL_COUNT];
	struct modbus_keeper keeper;
	struct restore restore; /* the way back that is kept; without blocks: none */
	struct budget budget;   /* of its flash */
	double beat;            /* the heartbeat's last number */
	int64_t falls_back_us;  /* released by silence: it holds on until then */

	/* Of a device whose points are found out (profile.sunspec): */
	struct sunspec sunspec;
	bool known;        /* the profile has its points */
	uint64_t known_on; /* connection on which it was last seen to be the same */
	unsigned turn;     /* where the walk begins */
	int unknown_polls; /* to wait before it is asked again */
};

/* Note why the work at hand failed: the first reason stays, and while backing off the last one. r:
 * what the bus returned, 0: the words say it all. */
__attribute__((format(printf, 3, 4))) void modbus_note(struct modbus_device *m, int r,
						       const char *what, ...);

/* Control points in a row, in the order they are written in. */
struct run {
	enum control first, last;
};

/* As bus_read and bus_write, at the device's own unit or another one. A write that the profile does
 * not allow is not made: -EPERM. */
int modbus_read(struct modbus_device *m, const struct block *block, uint16_t *words);
int modbus_write(struct modbus_device *m, const struct request *request);

/* Write what is on, run by run; a group with its first. What is kept in flash and presets are only
 * written where they hold something else. Returns as bus_write, and notes why. */
int modbus_write_orders(struct modbus_device *m, const struct orders *o, const struct run *run,
			int runs);

/* The registers of a request, and the words of it that belong to a control point. */
struct block modbus_block_of(const struct request *r);
uint16_t *modbus_words_of(const struct modbus_device *m, int control, const struct request *r,
			  uint16_t *words);
size_t modbus_bytes_of(const struct point *p);

/* Whether a control point in flash was last written with what a request has for it. */
bool modbus_was_written(const struct modbus_device *m, int control, const struct request *r);

/* Read and decode everything. */
void modbus_read_all(struct modbus_device *m);

/* Whether it takes commands at all. */
bool modbus_controllable(const struct modbus_device *m);

/* Do what is owed to the device about the command, and check that it holds it. poll: this is a
 * poll's turn, and not only a command's. */
void modbus_obey(struct modbus_device *m, const struct command *command, bool poll);

/* The writes a day that all of a profile's flash-backed points allow; 0: it has none. */
int modbus_writes_per_day(const struct profile *p);

/* Show in the snapshot how many of today's are gone. */
void modbus_show_flash(struct modbus_device *m);

/* Whether today's flash can take these orders and the way back from them; if not, why is noted. */
bool modbus_affords(struct modbus_device *m, const struct orders *o);

/* Count a request that is about to be written. */
void modbus_count_flash(struct modbus_device *m, const struct request *r);

/* See to it that the default of a latched device is kept, before orders are written. Returns false,
 * why noted, where it is not: then the device must not be written. */
bool modbus_secure(struct modbus_device *m, const struct orders *o);

/* Give a latched device its default back, if it was ever taken, and release the lease once the
 * device shows it. */
void modbus_put_back(struct modbus_device *m, int64_t now_us);

#endif
