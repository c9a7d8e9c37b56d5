/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/grid/feeder.h"

/* Loads in kVA at a power factor, impedances in ohm, converted as published cases do it. */
static const char sound[] = "function mpc = small\n"
			    "% a comment ; with [ signs\n"
			    "mpc.version = '2';\n"
			    "mpc.baseMVA = 50/5;\n"
			    "mpc.bus = [ % kVA\n"
			    "  10 3 0 0 0 0 1 1 0 sqrt(121) 1 1 1;\n"
			    "  20 1 100 60 0 0 1 1 0 11 1 1.1 0.9;\n"
			    "  30, 1, 200, 0, 0.5, 0.25, 1, 1, 0, 11, 1, 1.05, 0.95\n"
			    "  40 1 -50 0 0 0 1 1 0 0.4 1 1.1 0.9 ];\n"
			    "mpc.gen = [\n"
			    "  10 0 0 10 -10 1.02 100 1 10 0;\n"
			    "  30 0.1 -0.05 Inf -Inf 1 100 1 10 0;\n"
			    "  20 5 5 Inf -Inf 1 100 0 10 0;\n"
			    "];\n"
			    "mpc.branch = [\n"
			    "  10 20 1.21 2.42 0.001 5 0 0 0 0 1 -360 360;\n"
			    "  20 30 0.5 ...\n"
			    "     0.25 0 0 0 0 0 0 1 -360 360;\n"
			    "  30 40 0.1 0.2 0 0 0 0 0.975 0 1 -360 360;\n"
			    "  10 40 0.1 0.2 0 0 0 0 0 0 0 -360 360;\n"
			    "];\n"
			    "mpc.gencost = [ 2 0 0 3 0 20 0 ];\n"
			    "[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, ...\n"
			    "    QD, GS, BS, AREA, VM, VA, BASE_KV] = idx_bus;\n"
			    "[F_BUS, T_BUS, BR_R, BR_X] = idx_brch;\n"
			    "V = mpc.bus(1, BASE_KV) * 1e3;  S = mpc.baseMVA * 1e6;\n"
			    "mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (V^2 / S);\n"
			    "mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;\n"
			    "pf = 0.8;\n"
			    "mpc.bus(:, QD) = mpc.bus(:, PD) * sin(acos(pf));\n"
			    "mpc.bus(:, PD) = mpc.bus(:, PD) * pf;\n"
			    "end\n";

/* The sound case with `what` replaced by `with`; what was said goes to said (to be freed). */
static int read_changed(const char *what, const char *with, struct feeder *f, char **said)
{
	char path[] = "/tmp/lecd-test-XXXXXX.m", text[4096];
	const char *at = strstr(sound, what);
	assert_non_null(at);
	int length = snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - sound), sound, with,
			      at + strlen(what));
	assert_in_range(length, 1, (int)sizeof(text) - 1);
	int fd = mkstemps(path, 2);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)length), length);
	close(fd);
	size_t size = 0;
	struct diag d = { .to = open_memstream(said, &size) };
	int r = feeder_read(path, f, &d);
	(void)fclose(d.to);
	unlink(path);
	assert_int_equal(r == 0, d.errors == 0);
	return d.errors;
}

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

static void test_sound(void **unused)
{
	/* A case with its conversions comes out in W, var and per unit, its generators as they
	 * are. */
	(void)unused;
	struct feeder f;
	char *said = NULL;
	assert_int_equal(read_changed("% kVA", "% kVA", &f, &said), 0);
	assert_int_equal(f.buses, 4);
	assert_int_equal(f.branches, 4);
	assert_true(near(f.base_va, 10e6) && near(f.source_v, 1.02));
	assert_string_equal(f.bus[f.source].name, "10");
	assert_true(near(f.bus[0].kv, 11) && near(f.bus[1].p_w, 80e3));
	assert_true(near(f.bus[1].q_var, 60e3)); /* of the power factor, not of the matrix */
	assert_true(near(f.bus[2].p_w, 160e3 - 100e3) && near(f.bus[2].q_var, 120e3 + 50e3));
	assert_true(near(f.bus[2].g_w, 0.5e6) && near(f.bus[2].b_var, 0.25e6));
	assert_true(near(f.bus[2].v_min, 0.95) && near(f.bus[2].v_max, 1.05));
	assert_true(near(f.bus[3].p_w, -40e3));
	assert_true(near(f.branch[0].r, 0.1) && near(f.branch[0].x, 0.2)); /* 12.1 ohm is 1 */
	assert_true(near(f.branch[0].b, 0.001) && near(f.branch[0].limit_va, 5e6));
	assert_int_equal(f.branch[1].line, 18);
	assert_true(f.branch[2].tapped && near(f.branch[2].ratio, 0.975));
	assert_false(f.branch[3].closed);
	feeder_free(&f);
	free(said);
}

static void test_broken(void **unused)
{
	/* What is not understood or cannot be is refused with its line and what is expected, once.
	 */
	(void)unused;
	static const struct {
		int errors;
		const char *what, *with, *words;
	} broken[] = {
		{ 1, "'2'", "'1'", ".m:3: another version of the format, expected '2'" },
		{ 1, "50/5", "0", ".m:4: baseMVA is 0, expected a number from 1e-6" },
		{ 1, "mpc.baseMVA = 50/5;", "", "has no baseMVA" },
		{ 1, "50/5", "50/5 apples", ".m:4: \"apples;\" is not understood behind" },
		{ 1, "sqrt(121)", "cosh(121)", ".m:6: \"cosh\" is not understood" },
		{ 1, " 20 1 100 60", " 20 1 100 - 60", ".m:7: \" 60 0 0 1 1" },
		{ 1, " 20 1 100 60", " 20 1 0x64 60", ".m:7: \"0x64 60" },
		{ 1, " 20 1 100 60 0", " 20 1 100 60", ".m:7: a row of 12 numbers, expected 13" },
		{ 1, " 20 1 100", " 20 2 100", ".m:7: bus 20 is of type 2, expected 1 (a load)" },
		{ 1, " 20 1 100", " 20 3 100", ".m:7: bus 20 is a second source" },
		{ 2, " 20 1 100", " 20 1 1e400", ".m:7: Pd is inf, expected a number from" },
		{ 1, " 0.4 1 1.1", " 0 1 1.1", ".m:9: baseKV is 0, expected a number from 0.001" },
		{ 4, " 30, 1, 200", " 20, 1, 200", ".m:8: bus 20 is there twice, first in line 7" },
		{ 1, "  10 3 0", "  10 1 0", "has no source, expected one bus" },
		{ 1, "  20 30 0.5", "  20 31 0.5", ".m:18: there is no bus 31" },
		{ 1, "  20 30 0.5 ...\n     0.25", "  20 30 0 0", "m:17: 20-30 has no impedance" },
		{ 1, "0.975 0 1", "0.975 30 1", ".m:19: a transformer turns by 30 degrees" },
		{ 1, "0 0 0 -360", "0 0 1 -360",
		  ".m:20: 10-40 closes a loop: the feeder is meshed" },
		{ 0, "  10 40", "  40 30", "" },
		{ 1, "  10 40 0.1 0.2 0 0 0 0 0 0 0", "  40 30 0.1 0.2 0 0 0 0 0 0 1",
		  ".m:20: 40-30 is there twice, first in line 19" },
		{ 1, "0.975 0 1", "0.975 0 0", ".m:9: bus 40 is an island" },
		{ 1, "1.02 100 1", "1.02 100 0", ".m:6: no generator is on at the source, bus 10" },
		{ 1, "mpc.gencost", "mpc.dcline", ".m:22: mpc.dcline is not understood" },
		{ 1, "= idx_brch", "= idx_dcline", ".m:25: [...] = idx_dcline is not understood" },
		{ 1, "/ (V^2 / S)", "* mpc.branch(:, BR_R)", ".m:27: a product of matrices" },
		{ 1, "/ (V^2 / S)", "^ 2", ".m:27: a power of a matrix, expected .^" },
		{ 1, "/ (V^2 / S)", "/ mpc.branch(:, BR_R)", ".m:27: a division by a matrix" },
		{ 1, "V^2 / S)", "V^2 / S", ".m:27: expected a )" },
		{ 1, "mpc.bus(:, PD) * sin", "mpc.bus(:, 99) * sin",
		  ".m:30: an index of 99, expected a whole number from 1 to 13" },
		{ 1, "mpc.bus(:, PD) * sin", "mpc.gen(:, PD) * sin",
		  ".m:30: another number of rows or columns" },
		{ 1, "mpc.bus(:, PD) * sin", "mpc.bus(1:2, PD) * sin", ".m:30: expected a comma" },
		{ 1, "pf = 0.8", "if pf, pf = 0.8", ".m:29: \"if\" is not understood" },
		{ 1, "pf = 0.8", "pf = 1/mpc.bus(:, PD)", ".m:29: a division by a matrix" },
		{ 1, "pf = 0.8", "pf = mpc.bus(:, PD)", ".m:29: a part of a matrix, expected one" },
		{ 4, "acos(pf)", "acos(2*pf)", ".m:6: Qd is nan" },
	};
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct feeder f;
		char *said = NULL;
		int errors = read_changed(broken[i].what, broken[i].with, &f, &said);
		if (errors != broken[i].errors || !strstr(said, broken[i].words)) {
			fail_msg(
				"\"%s\" for \"%s\": %d errors, said \"%s\", expected %d and \"%s\"",
				broken[i].with, broken[i].what, errors, said, broken[i].errors,
				broken[i].words);
		}
		feeder_free(&f);
		free(said);
	}
}

static void test_order(void **unused)
{
	/* The right side of a conversion is taken whole before the left changes: columns can be
	 * swapped. */
	(void)unused;
	struct feeder f;
	char *said = NULL;
	assert_int_equal(read_changed("pf = 0.8;",
				      "mpc.bus(:, [PD QD]) = mpc.bus(:, [QD PD]); pf = 0.8;", &f,
				      &said),
			 0);
	assert_true(near(f.bus[1].p_w, 48e3) && near(f.bus[1].q_var, 36e3));
	feeder_free(&f);
	free(said);
	/* Names stand for the columns that the format gives them, listed one by one or all at once.
	 */
	static const char *const names[] = {
		"[F_BUS, T_BUS, BR_R, BR_X, BR_B, RATE_A, RATE_B, RATE_C, TAP, SHIFT, BR_STATUS, "
		"...\n"
		"PF, QF, PT, QT, MU_SF, MU_ST, ANGMIN, ANGMAX, MU_ANGMIN, MU_ANGMAX] = idx_brch;\n"
		"[GEN_BUS, PG, QG, QMAX, QMIN, VG, MBASE, GEN_STATUS, PMAX, PMIN, MU_PMAX, "
		"MU_PMIN, ...\n"
		"MU_QMAX, MU_QMIN, PC1, PC2, QC1MIN, QC1MAX, QC2MIN, QC2MAX, RAMP_AGC, RAMP_10, "
		"...\n"
		"RAMP_30, RAMP_Q, APF] = idx_gen;",
		"define_constants;",
	};
	for (int i = 0; i < 2; i++) {
		char text[1200];
		snprintf(text, sizeof(text),
			 "%s pf = 0.8 + (BR_STATUS - 11) + (PF - 14) + (MU_ST - 19) + (ANGMAX - "
			 "13) + ...\n"
			 "(MU_ANGMAX - 21) + (VG - 6) + (MU_QMIN - 25) + (PC1 - 11) + (APF - 21);",
			 names[i]);
		assert_int_equal(read_changed("pf = 0.8;", text, &f, &said), 0);
		assert_true(near(f.bus[1].p_w, 80e3) && near(f.bus[1].q_var, 60e3));
		feeder_free(&f);
		free(said);
	}
	/* Nesting has a bound. */
	char deep[300] = "acos(";
	memset(deep + 5, '(', 200);
	snprintf(deep + 205, 10, "pf)");
	assert_true(read_changed("acos(pf)", deep, &f, &said) >= 1);
	assert_non_null(strstr(said, ".m:30: too deep, expected at most 40"));
	feeder_free(&f);
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sound),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
