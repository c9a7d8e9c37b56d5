/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-market broker-config: a mosquitto configuration for the community of a market.conf. */
#ifndef LECD_MARKET_BROKER_CONFIG_H
#define LECD_MARKET_BROKER_CONFIG_H

/* Returns the exit code: 0 fine, 1 failed, 2 bad usage or input. */
int broker_config_main(int argc, char **argv);

#endif
