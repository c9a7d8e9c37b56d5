/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a community's manager owes its members: that what it asks is spread, and that nobody is
 * worse off than alone. Pure.
 *
 * Asking (sharing_split): what is wanted of all is filled up from below: who was asked least so
 * far, for what it offers, is asked first, until all who still can stand at the same level. That is
 * max-min fair: nobody is asked less but where somebody is asked more who was asked as much already
 * (Bertsekas and Gallager, Data Networks, 2nd ed., 6.5.2).
 *
 * Paying (sharing_settle): each member pays what its interval would have cost it alone at the
 * community's tariff, without what it was asked and did; what it took more it pays at the worth
 * that it told itself, what moving costs it gets back. What is then left over of what the community
 * pays at its connection is a fund; as far as that is above zero it is shared in equal parts: each
 * gets what it has alone and the same part of the surplus (equal surplus division; Driessen and
 * Funaki, OR Spektrum 13, 1991). A deficit, as where a limit had to be kept or the community's
 * battery was charged, is the fund's to carry until it is earned back, never a member's. */
#ifndef LECD_HOME_SHARING_H
#define LECD_HOME_SHARING_H

#include <stdbool.h>

/* One that may be asked; energies of an interval, > 0 to take more, low <= high. */
struct sharing_room {
	double low_wh, high_wh;
	double burden_wh; /* asked so far, either way */
	double weight;    /* what it offers; > 0 */
};

/* Split total_wh over members: each within its room, and their sum the total where that is within
 * all rooms together, else as near as can be. Returns the sum. */
double sharing_split(const struct sharing_room *room, int members, double total_wh, double *out_wh);

/* A member since it joined. */
struct sharing_account {
	double alone, paid; /* money: what it would have paid alone, and pays */
	double saved;       /* its parts of the fund: what that differs by, moved energy at worth */
	double burden_wh;   /* asked, the older the less: what splitting goes by */
	double asked_wh;    /* in all */
	double delivered_wh; /* of that */
	double off_wh;       /* by how much it missed what it had planned or was asked, in all */
	double intervals;    /* settled */
};

/* What it did in an interval; energies at its connection, + import. */
struct sharing_line {
	bool metered;
	double net_wh;
	double planned_wh; /* by its own plan */
	double target_wh;  /* and as it was asked; planned where it was not */
	double price;      /* per kWh moved */
	double worth;      /* per kWh taken more */
};

struct sharing_terms {
	double buy, sell; /* the community's, per kWh */
	double own_wh;    /* what the community's own devices took */
	double own_worth; /* money: what is stored in them more than before */
	double keep;      /* share of a burden that is left after the interval */
};

/* Settle an interval: accounts and the fund move on. Who is not metered is left out of it, as if it
 * were no member then. Returns how many were settled. */
int sharing_settle(const struct sharing_terms *t, const struct sharing_line *line, int members,
		   struct sharing_account *account, double *fund);

/* What a net energy costs; Wh. */
double sharing_cost(const struct sharing_terms *t, double net_wh);

/* What a line was asked for more than planned, and did of it. */
double sharing_asked_wh(const struct sharing_line *l);
double sharing_delivered_wh(const struct sharing_line *l);

#endif
