/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market verify: the proof of a ledger's chain and balances. */
#ifndef LECD_MARKET_VERIFY_H
#define LECD_MARKET_VERIFY_H

/* Returns the exit code: 0 proven, 1 broken, 2 bad usage or no ledger. */
int verify_main(int argc, char **argv);

#endif
