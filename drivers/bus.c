/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/bus.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/frame.h"
#include "drivers/wire.h"

enum {
	STACK_BYTES = 256 * 1024,
	PAUSE_FIRST_US = 1000000,
	PAUSE_MAX_US = 8000000,  /* so that a device that returns is found within 10 s */
	PAUSE_PORT_US = 3000000, /* a serial port, within 5 s: to look for a path costs nobody */
	DEAD_US = 300000000,     /* what fails for so long is not expected back any moment */
	DEAD_PAUSE_MAX_US = 30000000,
	EARLY_US = 100000, /* polls come once a cycle, and not to the microsecond */
};

struct delays {
	int64_t connect_us; /* silence after a connect */
	int64_t request_us; /* silence after an answer */
};

struct bus {
	struct modbus_address address;
	const struct clock *clock;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the next nine */
	pthread_cond_t wake;
	pthread_cond_t idle; /* a work function has returned */
	struct bus_client *client[BUS_CLIENTS_MAX];
	struct bus_client *running;
	unsigned running_reasons;
	int last;              /* slot served last: the next one has its turn */
	struct delays longest; /* that any client ever wanted */
	bool stopping;

	/* The thread's own: */
	struct wire *wire;
	struct delays delays;   /* as of the last client's turn */
	uint64_t connection;    /* counts connections */
	uint16_t transaction;   /* of the last request */
	int64_t quiet_until_us; /* real time before which the line stays silent */
	int64_t settled_us;     /* real time before which nothing is read */
	struct back_off back_off;
};

/* --- back-off -----------------------------------------------------------------------------------
 */

/* How long something may be left alone at most, after failing for so long. */
static int64_t longest_pause_us(int64_t failing_us)
{
	return failing_us < DEAD_US ? PAUSE_MAX_US : DEAD_PAUSE_MAX_US;
}

/* Leave alone what failed in a try begun at started_us: for twice as long as the last time. A poll
 * that comes a little before the pause is over is not sent away for one more cycle. */
static void leave_alone(struct back_off *b, int64_t started_us, bool port)
{
	b->since_us = b->pause_us == 0 ? started_us : b->since_us;
	int64_t longest_us = port ? PAUSE_PORT_US : longest_pause_us(started_us - b->since_us);
	b->pause_us = b->pause_us == 0 ? PAUSE_FIRST_US : b->pause_us * 2;
	b->pause_us = b->pause_us < longest_us ? b->pause_us : longest_us;
	b->retry_us = started_us + b->pause_us - EARLY_US;
}

static int64_t longer(int64_t a_us, int64_t b_us)
{
	return a_us > b_us ? a_us : b_us;
}

/* --- connection ---------------------------------------------------------------------------------
 */

/* Keep silent until the line's next turn, or the client closes. */
static void keep_silent(struct bus *bus, struct bus_client *c, bool read)
{
	int64_t until_us =
		read ? longer(bus->quiet_until_us, bus->settled_us) : bus->quiet_until_us;
	struct timespec until = { .tv_sec = until_us / 1000000,
				  .tv_nsec = until_us % 1000000 * 1000 };
	pthread_mutex_lock(&bus->lock);
	int r = 0;
	while (!atomic_load(&c->closing) && r != ETIMEDOUT && clock_real_us() < until_us) {
		r = pthread_cond_timedwait(&bus->wake, &bus->lock, &until);
	}
	pthread_mutex_unlock(&bus->lock);
}

static int connect_now(struct bus *bus, const struct bus_client *c)
{
	int64_t started_us = clock_real_us();
	int r = wire_connect(bus->wire, c->timeout_us);
	if (r < 0) {
		leave_alone(&bus->back_off, started_us, bus->address.line == LINE_SERIAL);
		return r;
	}
	bus->connection++;
	bus->back_off = (struct back_off){ 0 };
	bus->quiet_until_us = clock_real_us() + bus->delays.connect_us;
	return 0;
}

static int ensure_connected(struct bus *bus, struct bus_client *c)
{
	if (!wire_connected(bus->wire)) {
		if (clock_real_us() < bus->back_off.retry_us) {
			return -EAGAIN;
		}
		int r = connect_now(bus, c);
		if (r < 0) {
			return r;
		}
	}
	if (c->connection != bus->connection) {
		c->connection = bus->connection;
		c->stats.connects++;
	}
	return 0;
}

/* --- one request and its answer -----------------------------------------------------------------
 */

/* Draw the consequences of a failure. Noise on an RTU line is nobody's fault: the wire waits for
 * silence, and that is all. A unit that kept silent there is left alone for some time after its
 * try, too: an answer that is late cannot be told from that to a later request. */
static void draw_consequences(struct bus_client *c, int r, int64_t started_us, int64_t now_us)
{
	struct wire *wire = c->bus->wire;
	bool rtu = wire_is_rtu(wire);
	c->stats.timeouts += r == -ETIMEDOUT;
	c->stats.rejected += r == -EBADMSG;
	if (!wire_survives(wire, r)) {
		wire_disconnect(wire);
	}
	if (rtu && r == -EBADMSG) {
		return;
	}
	leave_alone(&c->back_off, started_us, false);
	if (rtu && c->back_off.retry_us < now_us + PAUSE_FIRST_US) {
		c->back_off.retry_us = now_us + PAUSE_FIRST_US;
	}
}

/* Count a result and see to the connection and the unit. */
static void settle(struct bus_client *c, int r, bool write, int64_t started_us)
{
	struct bus *bus = c->bus;
	int64_t now_us = clock_real_us();
	int64_t silence_us = longer(bus->delays.request_us, wire_idle_us(&bus->address));
	if (r < 0) {
		draw_consequences(c, r, started_us, now_us);
	} else {
		c->stats.answers++;
		c->stats.exceptions += r > 0;
		c->stats.latency_us = now_us - started_us;
	}
	if (r == EXCEPTION_GATEWAY_PATH || r == EXCEPTION_GATEWAY_TARGET) {
		leave_alone(&c->back_off, started_us, false);
	} else if (r >= 0) {
		c->back_off = (struct back_off){ 0 };
	}
	bus->quiet_until_us = now_us + silence_us;
	bus->settled_us = write ? now_us + c->settle_us : bus->settled_us;
}

static int request_once(struct bus_client *c, const struct frame *request, uint16_t *words)
{
	struct bus *bus = c->bus;
	int r = ensure_connected(bus, c);
	if (r < 0) {
		return r;
	}
	keep_silent(bus, c, request->count > 0);
	if (atomic_load(&c->closing)) {
		return -ECANCELED;
	}
	int64_t started_us = clock_real_us();
	c->stats.requests++;
	r = wire_exchange(bus->wire, request, c->timeout_us, words);
	settle(c, r, request->count == 0, started_us);
	return r;
}

static int request(struct bus_client *c, const struct frame *request, uint16_t *words)
{
	if (atomic_load(&c->closing)) {
		return -ECANCELED;
	}
	if (clock_real_us() < c->back_off.retry_us) {
		return -EAGAIN;
	}
	int r = request_once(c, request, words);
	if (r == EXCEPTION_BUSY || (r == -EBADMSG && wire_is_rtu(c->bus->wire))) {
		r = request_once(c, request, words);
	}
	return r;
}

int bus_read(struct bus_client *c, enum register_table table, int address, int count,
	     uint16_t *words)
{
	struct frame f = frame_read(++c->bus->transaction, c->unit, table, address, count);
	return request(c, &f, words);
}

int bus_write(struct bus_client *c, int function, int address, int count, const uint16_t *words)
{
	struct frame f =
		frame_write(++c->bus->transaction, c->unit, function, address, count, words);
	return request(c, &f, NULL);
}

const char *bus_result_text(int result)
{
	switch (-result) {
	case 0:
		return "";
	case EAGAIN:
		return "waiting before the next try";
	case ETIMEDOUT:
		return "no answer in time";
	case EBADMSG:
		return "an answer that does not fit";
	case ECONNRESET:
		return "connection closed by the device";
	case ENOTCONN:
		return "no connection";
	case ENOENT:
		return "no such serial port";
	case ENODEV:
		return "the serial port is gone";
	case EBUSY:
		return "the line is never silent";
	default:
		break;
	}
	if (result > 0) {
		return frame_exception_text(result);
	}
	const char *text = strerrordesc_np(-result); /* a constant, unlike strerror's */
	return text ? text : "failed";
}

/* --- thread -------------------------------------------------------------------------------------
 */

/* The client whose turn it is, or NULL. Call with the lock held. */
static struct bus_client *next_client(struct bus *bus)
{
	for (int i = 1; i <= BUS_CLIENTS_MAX; i++) {
		int slot = (bus->last + i) % BUS_CLIENTS_MAX;
		if (bus->client[slot] && bus->client[slot]->reasons) {
			bus->last = slot;
			return bus->client[slot];
		}
	}
	return NULL;
}

static void *run(void *argument)
{
	struct bus *bus = argument;
	pthread_mutex_lock(&bus->lock);
	while (!bus->stopping) {
		struct bus_client *c = next_client(bus);
		if (!c) {
			pthread_cond_wait(&bus->wake, &bus->lock);
			continue;
		}
		unsigned reasons = c->reasons;
		bus->delays = bus->longest;
		bus->running = c;
		bus->running_reasons = reasons;
		c->reasons = 0;
		pthread_mutex_unlock(&bus->lock);
		c->work(c, reasons);
		pthread_mutex_lock(&bus->lock);
		bus->running = NULL;
		pthread_cond_broadcast(&bus->idle);
	}
	pthread_mutex_unlock(&bus->lock);
	wire_disconnect(bus->wire);
	return NULL;
}

/* Start the thread with no signal of ours and a small stack. */
static int start(struct bus *bus)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	sigfillset(&all);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&bus->thread, &attributes, run, bus);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

static void init_locks(struct bus *bus)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;
	pthread_mutexattr_init(&mutex);
	pthread_mutexattr_setprotocol(&mutex, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&bus->lock, &mutex);
	pthread_mutexattr_destroy(&mutex);
	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&bus->wake, &cond);
	pthread_cond_init(&bus->idle, &cond);
	pthread_condattr_destroy(&cond);
}

static void free_bus(struct bus *bus)
{
	pthread_cond_destroy(&bus->wake);
	pthread_cond_destroy(&bus->idle);
	pthread_mutex_destroy(&bus->lock);
	wire_free(bus->wire);
	free(bus);
}

static int open_bus(const struct modbus_address *address, const struct clock *clock,
		    struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	if (!bus) {
		return -ENOMEM;
	}
	bus->address = *address;
	bus->clock = clock;
	init_locks(bus);
	int r = wire_open(address, &bus->wire);
	r = r < 0 ? r : start(bus);
	if (r < 0) {
		free_bus(bus);
		return r;
	}
	*out = bus;
	return 0;
}

/* --- public -------------------------------------------------------------------------------------
 */

void bus_hub_init(struct bus_hub *hub, const struct clock *clock)
{
	*hub = (struct bus_hub){ .clock = clock };
}

/* The slot of the endpoint's bus, else a free one, else -1. */
static int find_bus(const struct bus_hub *hub, const struct modbus_address *a)
{
	int empty = -1;
	for (int i = BUSES_MAX - 1; i >= 0; i--) {
		const struct bus *bus = hub->bus[i];
		if (!bus) {
			empty = i;
		} else if (modbus_address_same_line(&bus->address, a)) {
			return i;
		}
	}
	return empty;
}

static void stretch(int64_t *longest_us, int64_t us)
{
	if (us > *longest_us) {
		*longest_us = us;
	}
}

static int add_client(struct bus *bus, struct bus_client *client)
{
	int r = -ENOSPC;
	pthread_mutex_lock(&bus->lock);
	for (int i = 0; i < BUS_CLIENTS_MAX && r < 0; i++) {
		if (!bus->client[i]) {
			bus->client[i] = client;
			client->bus = bus;
			stretch(&bus->longest.connect_us, client->connect_delay_us);
			stretch(&bus->longest.request_us, client->request_delay_us);
			r = 0;
		}
	}
	pthread_mutex_unlock(&bus->lock);
	return r;
}

int bus_attach(struct bus_hub *hub, const struct modbus_address *address, struct bus_client *client)
{
	int lowest = address->line == LINE_TCP ? 0 : 1; /* 0 is for everybody: nobody answers */
	if (client->unit < lowest || client->unit > 255 || client->timeout_us <= 0) {
		return -EINVAL;
	}
	int slot = find_bus(hub, address);
	if (slot < 0) {
		return -ENOSPC;
	}
	if (hub->bus[slot] && !modbus_address_same_settings(&hub->bus[slot]->address, address)) {
		return -EBUSY;
	}
	if (!hub->bus[slot]) {
		int r = open_bus(address, hub->clock, &hub->bus[slot]);
		if (r < 0) {
			return r;
		}
	}
	return add_client(hub->bus[slot], client);
}

void bus_detach(struct bus_hub *hub, struct bus_client *client)
{
	struct bus *bus = client->bus;
	bool last = true;
	atomic_store(&client->closing, true);
	pthread_mutex_lock(&bus->lock);
	for (int i = 0; i < BUS_CLIENTS_MAX; i++) {
		if (bus->client[i] == client) {
			bus->client[i] = NULL;
		}
		last = last && !bus->client[i];
	}
	bus->stopping = last;
	pthread_cond_broadcast(&bus->wake);
	while (bus->running == client) {
		pthread_cond_wait(&bus->idle, &bus->lock);
	}
	pthread_mutex_unlock(&bus->lock);
	if (!last) {
		return;
	}
	pthread_join(bus->thread, NULL);
	for (int i = 0; i < BUSES_MAX; i++) {
		if (hub->bus[i] == bus) {
			hub->bus[i] = NULL;
		}
	}
	free_bus(bus);
}

void bus_wake(struct bus_client *client, enum bus_reason reason)
{
	struct bus *bus = client->bus;
	pthread_mutex_lock(&bus->lock);
	unsigned open = client->reasons | (bus->running == client ? bus->running_reasons : 0);
	if (reason == BUS_POLL && (open & BUS_POLL)) {
		client->skipped++;
	} else {
		client->reasons |= reason;
		pthread_cond_broadcast(&bus->wake);
	}
	pthread_mutex_unlock(&bus->lock);
}

int64_t bus_now_us(const struct bus_client *client)
{
	return clock_now_us(client->bus->clock);
}
