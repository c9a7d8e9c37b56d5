/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market run: the market operator as a service, on a broker and a ledger. */
#ifndef LECD_MARKET_RUN_H
#define LECD_MARKET_RUN_H

/* Returns the exit code: 0 fine, 1 failed, 2 bad usage or input. */
int run_main(int argc, char **argv);

#endif
