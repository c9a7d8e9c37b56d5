/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of neighbours that negotiate as JSON, see docs/protocol.md: trades, prices and how far
 * it is, nothing of what is behind them. Pure data. */
#ifndef LECD_MARKET_CONSENSUS_MESSAGES_H
#define LECD_MARKET_CONSENSUS_MESSAGES_H

#include <stddef.h>

#include "daemon/market/consensus.h"

enum { CONSENSUS_TEXT_SIZE = 12288, CONSENSUS_WHY_SIZE = 160 };

/* Write what `from` says. Returns the length or -ENOBUFS. */
int consensus_write(const struct consensus_message *m, const char *from, int steps, char *out,
		    size_t size);

/* Read what is said to come from `from`: all fields, of so many steps, finite; ranges are left to
 * consensus_hear. Returns 0, or -errno with a sentence in why. Only 0 writes *out. */
int consensus_read(const char *text, size_t length, const char *from, int steps,
		   struct consensus_message *out, char why[CONSENSUS_WHY_SIZE]);

#endif
