/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of a negotiation between homes, market and grid (daemon/market/negotiate.h), as JSON;
 * docs/protocol.md has the topics. Nothing else crosses between the three:
 *
 *   offer    market to a home: its price, its auxiliary net power, and how much it holds on to that
 *   power    home to market:   its net power at that price
 *   wish     market to grid:   each home's net power for the price of energy alone, how far it
 *                              gives way to a price, and that price
 *   price    grid to market:   each home's price (DLMP), and what is lost
 *
 * Every message says which negotiation and round it is of, and those between market and grid which
 * pass. What does not fit one message goes in parts, each of which can be read by itself. Numbers
 * are written with all their digits. Powers in kW, > 0 takes from the grid; prices per kWh. */
#ifndef LECD_BASE_ADMM_H
#define LECD_BASE_ADMM_H

#include <stddef.h>
#include <stdint.h>

enum {
	ADMM_ID_SIZE = 32,
	ADMM_STEPS_MAX = 100,  /* quarters of an hour of the longest day */
	ADMM_CELLS_MAX = 512,  /* numbers of a part: they fit a message at their longest */
	ADMM_ROWS_MAX = 24,    /* homes of a part */
	ADMM_PARTS_MAX = 1024, /* of a wish or a price */
	ADMM_SIZE = 16384,     /* of a message */
	ADMM_WHY_SIZE = 128,
};

/* What every message begins with. */
struct admm_head {
	int64_t negotiation; /* the market's number */
	int round, pass;     /* from 1; pass 0: between market and homes */
	int64_t start_s;     /* of the first step */
	int64_t length_s;    /* of each */
	int steps;
};

struct admm_offer {
	struct admm_head head;
	double penalty; /* per kWh and kW */
	double price[ADMM_STEPS_MAX], target[ADMM_STEPS_MAX];
};

struct admm_power {
	struct admm_head head;
	char home[ADMM_ID_SIZE];
	double power[ADMM_STEPS_MAX];
};

enum admm_kind { ADMM_WISH, ADMM_PRICE };

struct admm_part {
	struct admm_head head;
	int part, parts;               /* from 0 */
	double shared[ADMM_STEPS_MAX]; /* of a wish the price of energy; of a price the losses */
	int rows;
	struct {
		char home[ADMM_ID_SIZE];
		double gives; /* of a wish: kW per price, >= 0 */
	} row[ADMM_ROWS_MAX];
	double cell[ADMM_CELLS_MAX]; /* [row * steps + step] */
};

/* How many homes fit a part, and how many parts that makes of them. */
static inline int admm_rows(int steps)
{
	int rows = ADMM_CELLS_MAX / steps - 1;
	return rows < ADMM_ROWS_MAX ? rows : ADMM_ROWS_MAX;
}

static inline int admm_parts(int homes, int steps)
{
	return (homes + admm_rows(steps) - 1) / admm_rows(steps);
}

/* Write one. Returns the length or -ENOBUFS. */
int admm_offer_write(const struct admm_offer *m, char *out, size_t size);
int admm_power_write(const struct admm_power *m, char *out, size_t size);
int admm_part_write(enum admm_kind kind, const struct admm_part *m, char *out, size_t size);

/* Read one, taken for hostile. Returns 0, or -errno and a sentence in why; *out is then
 * undefined. */
int admm_offer_read(const char *text, size_t length, struct admm_offer *out,
		    char why[ADMM_WHY_SIZE]);
int admm_power_read(const char *text, size_t length, struct admm_power *out,
		    char why[ADMM_WHY_SIZE]);
int admm_part_read(enum admm_kind kind, const char *text, size_t length, struct admm_part *out,
		   char why[ADMM_WHY_SIZE]);

#endif
