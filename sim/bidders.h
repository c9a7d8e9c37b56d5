/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-sim bidders: the bids of many homes over one connection, to load a market and to time it. */
#ifndef LECD_SIM_BIDDERS_H
#define LECD_SIM_BIDDERS_H

/* Returns the exit code: 0 fine, 1 failed, 2 bad usage or input. */
int bidders_main(int argc, char **argv);

#endif
