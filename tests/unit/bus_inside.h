/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bus from inside, for tests that wait for what its thread does. */
#ifndef LECD_TESTS_BUS_INSIDE_H
#define LECD_TESTS_BUS_INSIDE_H

#include "drivers/bus.c"

/* Wait until the bus has done what a client was woken for. */
static inline void bus_settle(struct bus_client *c)
{
	pthread_mutex_lock(&c->bus->lock);
	while (c->reasons || c->bus->running == c) {
		pthread_cond_wait(&c->bus->idle, &c->bus->lock);
	}
	pthread_mutex_unlock(&c->bus->lock);
}

#endif
