/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/probe.h"

#include <errno.h>
#include <stddef.h>

#include "drivers/frame.h"

/* An RTU line is left alone for so long after a question that failed. */
enum { LATE_US = 1000000 };

bool probe_is_answer(int result)
{
	return result >= 0 && result != EXCEPTION_GATEWAY_PATH &&
	       result != EXCEPTION_GATEWAY_TARGET;
}

/* On the bus thread. */
static void work(struct bus_client *client, unsigned reasons)
{
	struct probe *p = (struct probe *)((char *)client - offsetof(struct probe, client));
	(void)reasons;
	const struct block *b = &p->block;
	client->unit = b->other_unit ? b->other_unit : p->unit;
	p->result = bus_read(client, b->table, b->address, b->count, p->words);
	sem_post(&p->answered);
}

static int attach(struct probe *p, int64_t connect_delay_us)
{
	const struct bus_client *c = &p->client;
	p->client = (struct bus_client){
		.unit = p->unit,
		.timeout_us = c->timeout_us,
		.connect_delay_us = connect_delay_us,
		.request_delay_us = c->request_delay_us,
		.work = work,
	};
	return bus_attach(p->hub, &p->address, &p->client);
}

int probe_open(struct bus_hub *hub, const struct modbus_address *address, int unit,
	       const struct profile *manners, struct probe_tally *tally, struct probe *p)
{
	*p = (struct probe){ .hub = hub, .address = *address, .tally = tally, .unit = unit };
	p->connect_delay_us = manners->connect_delay_us;
	p->client.timeout_us = manners->timeout_us;
	p->client.request_delay_us = address->request_delay_ms >= 0
					     ? address->request_delay_ms * INT64_C(1000)
					     : manners->request_delay_us;
	sem_init(&p->answered, 0, 0);
	int r = attach(p, p->connect_delay_us);
	if (r < 0) {
		sem_destroy(&p->answered);
	}
	return r;
}

void probe_close(struct probe *p)
{
	if (p->client.bus) {
		bus_detach(p->hub, &p->client);
	}
	sem_destroy(&p->answered);
}

/* A client that failed backs off, and so does its bus: take new ones. */
static int renew(struct probe *p)
{
	bool late = p->address.line != LINE_TCP && p->connect_delay_us < LATE_US;
	if (p->client.bus) {
		bus_detach(p->hub, &p->client);
		p->client.bus = NULL;
	}
	return attach(p, late ? LATE_US : p->connect_delay_us);
}

static void count(struct probe *p)
{
	const struct link_stats *stats = &p->client.stats;
	struct probe_tally *t = p->tally;
	int r = p->result;
	t->requests++;
	t->answers += r >= 0;
	t->timeouts += r == -ETIMEDOUT;
	t->rejected += r == -EBADMSG;
	if (r > 0) {
		t->exceptions[r < PROBE_EXCEPTIONS ? r : 0]++;
	}
	if (r >= 0) {
		histogram_add(&t->latency_us, stats->latency_us);
	}
	p->connected = p->connected || stats->connects > 0;
}

int probe_read(struct probe *p, const struct block *block, uint16_t *words)
{
	int r = p->failed ? renew(p) : 0;
	if (r < 0) {
		return r;
	}
	p->block = *block;
	p->words = words;
	bus_wake(&p->client, BUS_COMMAND);
	while (sem_wait(&p->answered) < 0) {
		/* a signal came; the answer is bounded in time */
	}
	count(p);
	p->failed = !probe_is_answer(p->result);
	return p->result;
}
