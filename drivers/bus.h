/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A Modbus line: one thread and one connection per endpoint or serial port, shared by the units
 * behind it.
 *
 * A bus never runs on its own: it waits until a unit is woken, calls that unit's work function on
 * its thread, and waits again. The work function reads and writes registers; these calls block for
 * at most the unit's timeout (plus connect and request delays). Everything else here returns at
 * once.
 *
 * What is done about a bad line: no recovery inside libmodbus; a whole answer must be there within
 * the timeout, however slowly its bytes drip; every answer must match its request in transaction,
 * unit, function and length; after any error but a Modbus exception the connection is closed, so a
 * late answer can never be taken for a later one. RTU knows no transactions; see wire.h for what it
 * has instead. There an answer that does not fit is asked for again, once, and changes nothing
 * else; a serial port is only closed when it is gone, and then opened again by its path.
 *
 * A unit that failed is left alone for 1, 2, 4, 8, 8... real seconds, counted from the start of the
 * failed try (RTU: and at least one from its end), and so is an endpoint that cannot be connected
 * (a serial port: at most 3 s, so that an adapter that was plugged in again is back within 5);
 * neighbours go on meanwhile. What has been dead for a short time is thus found within 10 s of its
 * return. What has been dead for five minutes, as an inverter is at night, is only asked each 16,
 * then 30 s: each try of a silent unit costs its neighbours on the line a timeout. */
#ifndef LECD_DRIVERS_BUS_H
#define LECD_DRIVERS_BUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/clock.h"
#include "drivers/address.h"
#include "drivers/device.h"
#include "drivers/point.h"

enum { BUSES_MAX = 16, BUS_CLIENTS_MAX = 16 };

struct bus;

/* All endpoints of a program: so that two devices at one endpoint share its connection. */
struct bus_hub {
	const struct clock *clock; /* for the times of readings and leases */
	struct bus *bus[BUSES_MAX];
};

/* Why a unit is woken; reasons gather until its work function runs. */
enum bus_reason { BUS_POLL = 1, BUS_COMMAND = 2 };

/* How long something that fails is left alone. Real times. */
struct back_off {
	int64_t pause_us; /* length of the current pause; 0: it does not fail */
	int64_t retry_us; /* end of it: before, nothing is tried */
	int64_t since_us; /* start of the first try that failed */
};

/* A unit on a bus: embedded in its device. */
struct bus_client {
	/* Set before bus_attach: */
	int unit;
	int64_t timeout_us;
	int64_t connect_delay_us;
	int64_t request_delay_us;
	int64_t settle_us; /* from a write of this client to the line's next read */
	void (*work)(struct bus_client *client, unsigned reasons); /* on the bus thread */

	/* Read on the bus thread only: */
	struct link_stats stats; /* but `skipped` */
	uint64_t connection;     /* number of the connection last used; 0: none yet */

	/* Read on the thread that wakes: */
	uint64_t skipped; /* polls asked for while the one before was under way */

	/* The bus's own: */
	struct bus *bus;
	unsigned reasons; /* waiting to be worked on */
	struct back_off back_off;
	atomic_bool closing;
};

void bus_hub_init(struct bus_hub *hub, const struct clock *clock);

/* Put a client on the bus of its endpoint, which is made when there is none. Nothing is sent yet.
 * Returns 0, -ENOMEM, -ENOSPC (too many endpoints or units), -EBUSY (a serial port that is set
 * otherwise) or -EINVAL. */
int bus_attach(struct bus_hub *hub, const struct modbus_address *address,
	       struct bus_client *client);

/* Take a client off; its work function does not run any more when this returns. Waits for the
 * request under way. The last one closes the connection and ends the thread. */
void bus_detach(struct bus_hub *hub, struct bus_client *client);

/* Ask for the client's work function. Never blocks. A poll that is asked for while the one before
 * is waiting or running is skipped and counted. */
void bus_wake(struct bus_client *client, enum bus_reason reason);

/* The clock's time, for the work function. */
int64_t bus_now_us(const struct bus_client *client);

/* Read or write registers; from the work function only. 0; a Modbus exception's code, > 0, the
 * connection stays; -EAGAIN: backing off, nothing was sent; -ECANCELED: closing; else -errno of
 * what went wrong: -ETIMEDOUT, -EBADMSG (an answer that does not fit), -ECONNREFUSED... */
int bus_read(struct bus_client *client, enum register_table table, int address, int count,
	     uint16_t *words);
int bus_write(struct bus_client *client, int function, int address, int count,
	      const uint16_t *words);

/* "exception 2, illegal address", "no answer in time": what bus_read or bus_write returned. */
const char *bus_result_text(int result);

#endif
