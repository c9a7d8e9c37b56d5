/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market negotiate: a day's negotiation between homes, market and grid in one process.
 *
 * The market's folder sees neither homes nor grid, so what puts the three together stands above
 * them all, in sim/negotiate_main.c; the program only names it. */
#ifndef LECD_MARKET_NEGOTIATE_MAIN_H
#define LECD_MARKET_NEGOTIATE_MAIN_H

int negotiate_main(int argc, char **argv);

#endif
