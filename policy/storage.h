/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exact plan of one store of energy by a convex dynamic programme, in O(steps * curve) and
 * without a solver.
 *
 * Let V_t(s) be the least cost from step t on with s kWh stored. It is convex where each step's
 * cost is, and is kept as its inverse slope: the stored energy at which one more kWh is worth a
 * price, a rising polyline. A step back in time adds the polyline of that step's power to it and
 * cuts it to what can be stored: one merge of two sorted lists. The way forward follows the price,
 * which changes only where the store is empty or full. Linear costs make vertical pieces, quadratic
 * ones sloped pieces; both are exact.
 *
 * Powers in kW, energies in kWh, money per kWh; charging and discharging count at the AC side. A
 * price here is the slope of V: minus the worth of a stored kWh. */
#ifndef LECD_POLICY_STORAGE_H
#define LECD_POLICY_STORAGE_H

#include "policy/problem.h"

enum { STORAGE_PIECES_MAX = 6, STORAGE_CURVE_MAX = 2048, STORAGE_AFTER = 2, STORAGE_WAYS_MAX = 10 };

/* From this net import on, one more kWh costs that, and `slope` more with each further kW. */
struct storage_piece {
	double from_kw;
	double price;
	double slope; /* >= 0, of the first piece 0; what the price rises to is at most the next's
		       */
};

struct storage_step {
	double hours;  /* > 0 */
	double net_kw; /* load - PV: the net import while the store rests */
	int pieces;    /* 1.. */
	struct storage_piece piece[STORAGE_PIECES_MAX]; /* first from -INFINITY; both rising */
	/* What comes on top for a net import of n kW: (rho / 2) (n - centre)^2, >= 0. */
	double rho;
	double centre_kw;
	double wear;          /* per kWh discharged */
	double charge_max_kw; /* >= 0 */
	double discharge_max_kw;
	double low_kwh, high_kwh; /* stored at the end of the step */
};

struct storage {
	int steps; /* 1..STEPS_MAX */
	double charge_efficiency, discharge_efficiency;
	double start_kwh;
	double end_value; /* of each kWh stored at the end, per kWh */
	double end_kwh;   /* each one missing to this ... */
	double end_price; /* ... costs that much more; 0: no target */
	struct storage_step step[STEPS_MAX];
};

struct storage_vertex {
	double price;
	double kwh;
};

/* A rising polyline: at a price, the kWh stored. Before the first and after the last vertex it
 * stays as it is. */
struct storage_curve {
	int vertices;
	struct storage_vertex vertex[STORAGE_CURVE_MAX];
};

struct storage_range {
	double low, high;
};

/* The answer, and the room it takes to find it. */
struct storage_plan {
	double power_kw[STEPS_MAX];   /* + discharge */
	double stored_kwh[STEPS_MAX]; /* at the step's end */
	double value[STEPS_MAX];      /* what one more stored kWh is worth at the step's end */
	/* How much it is best to have stored when each of the first steps ends, over minus the
	 * worth of a stored kWh: what the step's demand at any price follows from. */
	struct storage_curve after[STORAGE_AFTER];
	/* Working room: */
	struct storage_curve curve, sum;
	struct storage_range price[STEPS_MAX];     /* within the bounds at the step's start */
	struct storage_range uptake[STEPS_MAX];    /* kWh that are optimal at its price */
	struct storage_range reach[STEPS_MAX + 1]; /* kWh from which the rest can be done */
};

/* Solve s into *out. Returns 0; -EDOM: a step's cost is not convex (a negative price that would pay
 * for charging and discharging at once) or the bounds cannot be kept; -ENOSPC: too many vertices.
 * Where plans cost the same, the one that moves the store less in the earlier step is taken.
 * Does not allocate. */
int storage_solve(const struct storage *s, struct storage_plan *out);

/* The best for the first step of s where what follows is one of several: what to have stored at its
 * end, and what one more stored kWh is worth then. after[]: each one's after[0]. Returns 0 or
 * -EDOM, as above. */
int storage_hedge(const struct storage *s, const struct storage_curve *after, const double *weight,
		  int count, double *kwh, double *value);

/* The weighted mean of such curves, over what is stored, from low_kwh to high_kwh: at each kWh, the
 * mean of their prices. Returns how many vertices, rising in both; at most max, the least bends
 * left out. */
int storage_mean(const struct storage_curve *after, const double *weight, int count, double low_kwh,
		 double high_kwh, struct storage_vertex *out, int max);

#endif
