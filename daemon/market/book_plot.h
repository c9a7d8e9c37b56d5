/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A book as a picture: demand and supply over the energy, and the price and volume it cleared at.
 */
#ifndef LECD_MARKET_BOOK_PLOT_H
#define LECD_MARKET_BOOK_PLOT_H

#include <stdio.h>

#include "daemon/market/mechanism.h"

/* Draw all orders, of every zone and interval, as one book. Return 0 or -ENOMEM. */
int book_plot(FILE *to, const struct mechanism *m, const struct book *b, const struct result *r);

#endif
