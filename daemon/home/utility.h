/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The utility's tariff as the market tells it, held against the home's own: a home that plans by
 * another price than the one it is settled at trades at a loss and does not know. It goes on with
 * its own tariff; a person is told. Pure data and JSON. */
#ifndef LECD_HOME_UTILITY_H
#define LECD_HOME_UTILITY_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/home/site.h"

struct utility {
	bool told;            /* the market has said its tariff */
	char difference[160]; /* where it is not the home's, in words; "": it is */
};

/* Read market/tariff. On anything wrong -errno, a sentence in why, and nothing changes. */
int utility_take(struct utility *u, const struct site *site, const char *payload, size_t length,
		 char *why, size_t size);

#endif
