/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/league.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "sim/league_central.h"
#include "sim/league_conf.h"
#include "sim/league_report.h"

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_BAD = 2, SOLVE_S = 300 };

/* Returns the exit code. path may be NULL: nothing. */
static int write_file(const char *path, int (*write)(FILE *to, const struct league_result *r),
		      const struct league_result *r)
{
	FILE *to = path ? fopen(path, "we") : NULL;
	if (!to) {
		if (path) {
			fprintf(stderr, "%s: cannot be written: %s\n", path, strerror(errno));
		}
		return path ? EXIT_FAILED : EXIT_FINE;
	}
	bool failed = write(to, r) < 0;
	failed |= fclose(to) != 0;
	if (failed) {
		fprintf(stderr, "%s: cannot be written whole\n", path);
	}
	return failed ? EXIT_FAILED : EXIT_FINE;
}

static int write_all(const struct league_files *files, const struct league_result *r)
{
	int code = write_file(files->out, league_report_trades, r);
	code = code ? code : write_file(files->trace, league_report_trace, r);
	code = code ? code : write_file(files->plot, league_plot, r);
	if (code == EXIT_FINE && (league_report_json(stdout, r) < 0 || fflush(stdout))) {
		fprintf(stderr, "lec-market negotiate: the result cannot be written whole\n");
		code = EXIT_FAILED;
	}
	return code;
}

static int fail(const struct league_conf *c, const char *what, int e)
{
	fprintf(stderr, "%s: %s: %s\n", c->path, what, strerror(-e));
	return EXIT_FAILED;
}

/* Homes of one community have a bus in place of lines: one more member that needs nothing, and
 * nobody's energy for less than a fortune. */
static int central_of_bus(struct league_conf *c, double *cost)
{
	struct league star = { .members = c->communities + 1,
			       .steps = c->league.steps,
			       .hours = c->league.hours };
	struct member_model *bus = &c->member[c->communities];
	*bus = (struct member_model){ .steps = star.steps, .hours = star.hours };
	for (int t = 0; t < star.steps; t++) {
		bus->buy[t] = 1000;
	}
	for (int i = 0; i < c->communities; i++) {
		star.line[star.lines++] =
			(struct league_line){ i, c->communities, { INFINITY, 0 } };
	}
	return league_central(&star, c->member, NULL, clock_real_us() + SOLVE_S * 1000000LL, cost);
}

static int run_peers(struct league_conf *c, const struct league_files *files)
{
	struct peers_outcome *both = calloc(2, sizeof(*both));
	if (!both) {
		return fail(c, "not traded", -ENOMEM);
	}
	struct league_result r = { .conf = c, .peers = &both[0], .pool = &both[1] };
	struct peers_way way = league_conf_peers(c);
	int e = peers_trade(&c->league, c->member, &way, &both[0]);
	way.pool = true;
	e = e < 0 ? e : peers_trade(&c->league, c->member, &way, &both[1]);
	e = e < 0 ? e : central_of_bus(c, &r.central);
	int code = e < 0 ? fail(c, "not traded", e) : write_all(files, &r);
	peers_free(&both[0]);
	peers_free(&both[1]);
	free(both);
	return code;
}

/* What went wrong on the way, for people. */
static void tell(const struct league_conf *c, const struct league_outcome *x)
{
	if (!x->converged) {
		const char *who = x->worst >= 0 ? c->community[x->worst].name : "nobody";
		fprintf(stderr, "%s: not agreed within %lld rounds: ", c->path,
			(long long)c->rounds);
		if (isfinite(x->residual_kw)) {
			fprintf(stderr, "%s is still %.0f W apart, tolerance %.0f W", who,
				x->residual_kw * 1000, c->tolerance_w);
		} else {
			fprintf(stderr, "%s has not heard all of its neighbours", who);
		}
		fputs("; what there is was settled\n", stderr);
	}
	for (int k = 0; k < c->league.lines; k++) {
		const struct league_line *l = &c->league.line[k];
		for (int end = 0; end < 2; end++) {
			if (x->end[k][end] != CONSENSUS_OPEN) {
				fprintf(stderr, "%s: %s was given up by %s: %s\n", c->path,
					c->community[end ? l->a : l->b].name,
					c->community[end ? l->b : l->a].name,
					consensus_ends[x->end[k][end]]);
			}
		}
	}
}

static int run_lines(struct league_conf *c, const struct league_files *files)
{
	struct league_outcome *x = calloc(1, sizeof(*x));
	struct league_result r = { .conf = c, .lines = x };
	bool gone[LEAGUE_MEMBERS_MAX];
	if (!x) {
		return fail(c, "not negotiated", -ENOMEM);
	}
	struct league_way way = league_conf_way(c);
	int e = league_negotiate(&c->league, c->member, &way, x);
	for (int i = 0; i < c->communities; i++) {
		gone[i] = x->member[i].gone;
	}
	e = e < 0 ? e
		  : league_central(&c->league, c->member, gone,
				   clock_real_us() + SOLVE_S * 1000000LL, &r.central);
	int code = e < 0 ? fail(c, "not negotiated", e) : EXIT_FINE;
	if (e == 0) {
		tell(c, x);
		code = write_all(files, &r);
		code = code == EXIT_FINE && !x->converged ? EXIT_FAILED : code;
	}
	league_outcome_free(x);
	free(x);
	return code;
}

int league_tell(const char *scenario, const struct league_files *files)
{
	struct diag d = { .to = stderr };
	struct league_conf *c = calloc(1, sizeof(*c));
	int code = EXIT_BAD;
	if (!c) {
		fprintf(stderr, "lec-market negotiate: %s\n", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	if (league_conf_read(scenario, c, &d) == 0) {
		code = (c->framework == FRAMEWORK_P2P ? run_peers : run_lines)(c, files);
	}
	free(c);
	return code;
}
