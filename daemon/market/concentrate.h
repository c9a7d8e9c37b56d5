/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market aggregate: a feeder's book as one curve for the market above, and that market's price
 * back to the orders. */
#ifndef LECD_MARKET_CONCENTRATE_H
#define LECD_MARKET_CONCENTRATE_H

/* Returns the exit code: 0 fine, 1 failed, 2 bad usage or input. */
int concentrate_main(int argc, char **argv);

#endif
