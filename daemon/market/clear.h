/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market clear: one book from a file, by any mechanism. */
#ifndef LECD_MARKET_CLEAR_H
#define LECD_MARKET_CLEAR_H

/* Returns the exit code: 0 fine, 1 failed, 2 bad usage or input. */
int clear_main(int argc, char **argv);

#endif
