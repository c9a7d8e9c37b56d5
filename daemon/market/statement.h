/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market statement: the bill of a home for a month. */
#ifndef LECD_MARKET_STATEMENT_H
#define LECD_MARKET_STATEMENT_H

/* Returns the exit code: 0 fine, 1 failed, 2 bad usage or no ledger. */
int statement_main(int argc, char **argv);

#endif
