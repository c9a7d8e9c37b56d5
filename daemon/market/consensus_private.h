/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of a node of consensus share. */
#ifndef LECD_MARKET_CONSENSUS_PRIVATE_H
#define LECD_MARKET_CONSENSUS_PRIVATE_H

#include "daemon/market/consensus.h"

/* The flow that follows from both ends' last words, as this end takes it. */
double consensus_agreed_kw(const struct consensus *c, int edge, int step);

/* Put down what both ends' words come to, and offer it; or give the other up where that is a loss.
 * Both stand still. */
void consensus_offer(struct consensus *c, int edge);

/* The other end has put terms down, and both stand still. */
void consensus_hear_terms(struct consensus *c, int edge, const struct consensus_message *m);

#endif
