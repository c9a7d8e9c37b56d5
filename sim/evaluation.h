/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Learned policies beside others, on days held out: first those of the very homes they were learned
 * with, then those of homes they never saw.
 *
 * Who decides is a row: some that are always there, then each policy. The rows of an algorithm,
 * learned with several seeds, are a group, and figures are of groups. */
#ifndef LECD_SIM_EVALUATION_H
#define LECD_SIM_EVALUATION_H

#include <stddef.h>
#include <stdio.h>

#include "sim/community_actor.h"
#include "sim/community_world.h"
#include "sim/judge.h"

enum { EVALUATION_SEEDS_MAX = 20, EVALUATION_POLICIES_MAX = 40 };

/* The rows that are always there; the policies' follow. */
enum {
	ROW_NO_CONTROL,
	ROW_UTILITY_ONLY,
	ROW_RULES,
	ROW_ZERO_INTELLIGENCE,
	ROW_OPTIMISER,
	ROW_UNTRAINED, /* as learned policies begin, see judge_worth.h */
	ROW_LEARNED,
	ROWS_MAX = ROW_LEARNED + EVALUATION_POLICIES_MAX
};

/* A policy by its folder. What lecd's interpreter refuses to ask it, rules decide, as in a home. */
struct evaluated_policy {
	const char *folder;
	char algorithm[16]; /* by its report.json; "learned" where it names none */
	struct community_actors actors;
	int64_t asked, refused;
};

/* What a row came to in a community. */
struct evaluated {
	struct judgement j;
	double gap;      /* of that between no control and the optimum, what is closed; NaN */
	double in_place; /* share of decisions that rules took, as the policy was not to be asked */
};

/* A community. */
struct trial {
	int64_t seed;
	bool unseen;
	int homes;
	double optimum; /* of all homes as one, everything known; NaN: not found, or not asked */
	double alone;   /* the sum of each home for itself, everything known; likewise */
	struct judgement fair; /* fairness of alone; nothing else */
	struct evaluated row[ROWS_MAX];
	double hour_buy[JUDGE_HOURS], hour_sell[JUDGE_HOURS]; /* the utility's mean prices */
};

struct group {
	const char *name;
	int first, rows;
};

struct evaluation {
	struct community_conf conf; /* its owner is the caller */
	int policies, trials, groups;
	bool bounds; /* whether the optima are looked for */
	struct evaluated_policy policy[EVALUATION_POLICIES_MAX];
	struct trial trial[EVALUATION_SEEDS_MAX];
	struct group group[ROWS_MAX];
};

/* Load the policies, all or none; those of an algorithm come to stand together. What is wrong goes
 * to d. Returns 0 or -errno. */
int evaluation_load(struct evaluation *v, const char *const *folder, int folders, struct diag *d);
void evaluation_free(struct evaluation *v);

/* Judge all rows in up to `seeds` communities: the first is the one that was learned with. Where no
 * homes are made up, there is one more at most, of those held out. Returns 0 or -errno. */
int evaluation_run(struct evaluation *v, int seeds);

/* A double of a struct evaluated or trial, by its offset. */
double evaluation_value(const void *base, size_t field);

/* Over the trainings of a group, each the mean over all communities. */
struct spread {
	double mean, deviation; /* deviation NaN: there is one training only */
	int count;              /* of what is finite; 0: mean is NaN too */
};

/* field: the offset of a double in struct evaluated. */
struct spread evaluation_spread(const struct evaluation *v, const struct group *g, size_t field);
/* The mean over all communities; NaN: one is not known. field: of a double in struct trial. */
double evaluation_bound(const struct evaluation *v, size_t field);

/* What is told of a row, in this order: a column of the table, a member of the object. */
struct evaluation_column {
	const char *key;  /* in the object */
	const char *head; /* in the table; NULL: not there */
	size_t field;     /* of struct evaluated */
	double factor;    /* in the table */
	int decimals;     /* likewise */
	bool deviates;    /* its deviation is told in the table */
};
enum { EVALUATION_COLUMNS = 17 };
extern const struct evaluation_column evaluation_columns[EVALUATION_COLUMNS];

/* Of a class, the mean over a group. */
struct class_shares evaluation_shares(const struct evaluation *v, const struct group *g, int class);

/* How a group's rows do against another group's mean, community by community. */
struct duel {
	double saved; /* mean of what they cost less */
	int won, of;
};
struct duel evaluation_duel(const struct evaluation *v, const struct group *g,
			    const struct group *other);

/* Whether what a group learned is worth something: it costs less than what it began with,
 * untrained, in more than half of the cases, and in the mean by more than its trainings deviate,
 * which one training does not tell. */
enum gain { GAIN_NONE, GAIN_UNKNOWN, GAIN_SHOWN };
enum gain evaluation_gain(const struct evaluation *v, const struct group *g);
/* What is said behind the name of one; "" where it gains. */
extern const char *const evaluation_gain_words[];

/* Limits broken, by anyone. */
int64_t evaluation_violations(const struct evaluation *v);

/* A table for people; one JSON object, on one line. Return 0 or -errno. */
int evaluation_print(const struct evaluation *v, FILE *to);
int evaluation_json(const struct evaluation *v, FILE *to);

/* A page that needs nothing beside it. Returns 0 or -errno. */
int evaluation_page(const struct evaluation *v, const char *path);

#endif
