/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The market's own steps of a negotiation, in the order they are taken in a round. */
#ifndef LECD_MARKET_NEGOTIATE_PRIVATE_H
#define LECD_MARKET_NEGOTIATE_PRIVATE_H

#include <stddef.h>

#include "daemon/market/negotiate.h"

static inline size_t negotiate_cells(const struct negotiate *n)
{
	return (size_t)n->conf.parties * (size_t)n->conf.steps;
}

void negotiate_set_penalty(struct negotiate *n, double penalty);

/* From the parties' answers: powers over-relaxed, the price of energy, the wish. */
void negotiate_relax(struct negotiate *n);
void negotiate_price_energy(struct negotiate *n);

/* From the grid's answer: the grid's part of prices, losses. Returns whether z and losses stand. */
bool negotiate_take_grid(struct negotiate *n, const double *loss_kw, const double *price);

/* The next targets and prices, and how far off all are. */
void negotiate_settle(struct negotiate *n);
void negotiate_balance(struct negotiate *n);

#endif
