/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/grid/opendss.h"
#include "daemon/grid/opendss_words.h"

static void assert_close(double a, double b)
{
	assert_true(fabs(a - b) <= 1e-9 * fmax(1, fabs(b)));
}

/* Read a script; what is said of it goes to said (to be freed). */
static int read_text(const char *text, struct circuit *c, char **said)
{
	char path[64];
	size_t size;
	struct diag d = { .to = open_memstream(said, &size) };
	write_temporary(text, path);
	int r = opendss_read(path, c, &d);
	(void)fclose(d.to);
	assert_int_equal(r<0, d.errors> 0);
	(void)unlink(path);
	return r;
}

static void read_sound(const char *text, struct circuit *c)
{
	char *said;
	if (read_text(text, c, &said) < 0) {
		fail_msg("%s", said);
	}
	assert_string_equal(said, "");
	free(said);
}

static void test_words(void **unused)
{
	/* A line comes apart into values and names with values, whatever encloses them. */
	(void)unused;
	static const struct {
		const char *text, *words; /* name=value; */
	} lines[] = {
		{ "New Line.A Bus1=x.1", "=New;=Line.A;bus1=x.1;" },
		{ "a = b,c= d , e", "a=b;c=d;=e;" },
		{ "x=(1 2 | 3) y=[a (b) c] z={d}", "x=1 2 | 3;y=a (b) c;z=d;" },
		{ "x=((1) 2)", "x=(1) 2;" },
		{ "x=\"a b\" 'c=d'", "x=a b;=c=d;" },
		{ "x=1 ! y=2", "x=1;" },
		{ "x=1// y=2", "x=1;" },
		{ "  // all of it", "" },
		{ "x=", "wrong" },
		{ "x= ! 1", "wrong" },
		{ "=1", "wrong" },
		{ "x=(1", "wrong" },
		{ "x='1", "wrong" },
	};
	static char value[OPENDSS_LINE_SIZE];
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char seen[200] = "";
		int got;
		struct opendss_words w;
		opendss_words_begin(&w, lines[i].text, value);
		while ((got = opendss_words_next(&w)) > 0) {
			size_t length = strlen(seen);
			snprintf(seen + length, sizeof(seen) - length, "%s=%s;", w.name, w.value);
		}
		assert_string_equal(got < 0 ? "wrong" : seen, lines[i].words);
	}
}

#define HEAD "New Circuit.c BasekV=0.4 Isc3=1000 Isc1=900\nSet DefaultBaseFrequency=50\n"
#define CODE "New LineCode.k R1=1 X1=0.5 R0=4 X0=2 C1=0 C0=0 Units=km\n"
#define LINE "New Line.a Bus1=SourceBus Bus2=b LineCode=k Length=100 Units=m\n"
#define LOAD "New Load.l Bus1=b.2 Phases=1 kV=0.23 kW=2 PF=0.8\n"

static void test_lines(void **unused)
{
	/* Sequence values, matrices, units, laterals and a reduced neutral come to be the phases'
	 * impedances. */
	(void)unused;
	struct circuit c;
	read_sound(HEAD "New LineCode.s nphases=3 R1=1 X1=0.5 R0=4 X0=2 C1=300 C0=90 Units=km\n"
			"New LineCode.m nphases=2 rmatrix=(1 | .2 2) xmatrix=[3 .4|.4 4] "
			"cmatrix=(0|0 0) units=ft\n"
			"New LineCode.n nphases=4 kron=y units=m rmatrix=(2|1 2|1 1 2|1 1 1 4)\n"
			"~ xmatrix=(3|0 3|0 0 3|0 0 0 0) cmatrix=(0|0 0|0 0 0|0 0 0 0)\n"
			"New Line.a Bus1=SourceBus Bus2=B.1.2.3 LineCode=S Length=200 Units=m\n"
			"New Line.b Bus1=b.3.1 Bus2=c.3.1 Phases=2 LineCode=m Length=2 Units=ft\n"
			"New Line.n Bus1=b Bus2=d LineCode=n Length=3\n",
		   &c);
	int b = feeder_find(&c.feeder, "b"), found = 0;
	assert_true(b >= 0);
	for (int i = 1; i < c.feeder.branches; i++) {
		const struct circuit_branch *z = &c.branch[i];
		if (c.feeder.branch[i].to == b) {
			assert_close(z->r[1][1], 0.2 * 2); /* (2 R1 + R0) / 3 */
			assert_close(z->r[0][2], 0.2 * 1); /* (R0 - R1) / 3 */
			assert_close(z->x[2][2], 0.2 * 1);
			assert_close(z->x[1][0], 0.2 * 0.5);
			assert_close(z->b[0][0], 0.2 * 2 * M_PI * 50 * 230e-9);
			assert_close(z->b[0][1], 0.2 * 2 * M_PI * 50 * -70e-9);
			found |= 1;
		} else if (z->phases == 5) { /* phases 1 and 3, told in the order 3, 1 */
			assert_close(z->r[2][2], 2);
			assert_close(z->r[0][0], 4);
			assert_close(z->r[0][2], 0.4);
			assert_close(z->x[0][0], 8);
			assert_close(z->x[2][0], 0.8);
			assert_true(z->t[1][1] == 0 && z->r[1][1] == 0 && z->t[2][2] == 1);
			found |= 2;
		} else { /* 2 - 1 * 1 / 4 each, and the same taken from what they have in common */
			assert_close(z->r[1][1], 3 * 1.75);
			assert_close(z->r[0][2], 3 * 0.75);
			assert_close(z->x[0][0], 3 * 3);
			assert_close(z->x[0][1], 0);
			found |= 4;
		}
	}
	assert_int_equal(found, 7);
	circuit_free(&c);
}

static void test_transformer(void **unused)
{
	/* A delta-star transformer turns by 30 degrees, back by default and forth if it is told to;
	 * its impedance is seen from behind. */
	(void)unused;
	static const struct {
		const char *words;
		double angle; /* of phase 1 behind it, degrees */
		double size;  /* of what 1 V between two phases makes, times kV of before */
	} kinds[] = {
		{ "Conns=[Delta Wye] kVs=[11 0.416]", -30, 0.416 },
		{ "Conns=(delta,wye) kVs=(11,0.416) leadlag=lead", 30, 0.416 },
		{ "Conns=[Wye Wye] kVs=[11 0.416] taps=[1 1.025]", 0, 0.416 * 1.025 },
		{ "wdg=1 conn=delta kv=11 wdg=2 conn=wye kv=22", 30, 22 },
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char text[500];
		struct circuit c;
		snprintf(text, sizeof(text),
			 "New Circuit.c BasekV=11 Isc3=3000 Isc1=5\n"
			 "New Transformer.t Buses=[SourceBus lv] kVAs=[800 800] XHL=4 sub=y %s\n",
			 kinds[i].words);
		read_sound(text, &c);
		const struct circuit_branch *t = &c.branch[1];
		double re = 0, im = 0;
		for (int p = 0; p < PHASES; p++) {
			re += t->t[0][p] * cos(-2 * M_PI / 3 * p);
			im += t->t[0][p] * sin(-2 * M_PI / 3 * p);
		}
		assert_close(atan2(im, re) * 180 / M_PI, kinds[i].angle);
		assert_close(hypot(re, im), kinds[i].size / 11);
		double ohm = kinds[i].size * kinds[i].size / 0.8;
		assert_close(t->x[1][1], 0.04 * ohm);
		assert_close(t->r[1][1], 0.004 * ohm); /* 0.2 % a winding */
		assert_true(t->x[0][1] == 0);
		circuit_free(&c);
	}
}

static void test_loads(void **unused)
{
	/* Loads come with their power factor or kvar, their connection, model and shape; a shape of
	 * kW stands for the load's own. */
	(void)unused;
	struct circuit c;
	double p, q;
	read_sound(HEAD CODE LINE
		   "New LoadShape.u npts=3 minterval=15 mult=(0.5 1 -0.25)\n"
		   "New LoadShape.k npts=3 sinterval=900 mult=(3, 6, 9) useactual=yes\n"
		   "New Load.one Bus1=b.2 Phases=1 kV=0.23 kW=2 PF=-0.8 Yearly=u\n"
		   "New Load.three Bus1=b Phases=3 kV=0.4 kW=6 kvar=1.5 model=2 vmaxpu=1.2\n"
		   "New Load.delta Bus1=b Phases=3 conn=delta kV=0.4 kW=3 kvar=0 model=5\n"
		   "New Load.between Bus1=b.3.1 Phases=1 conn=delta kV=0.4 kW=1 PF=1 daily=K\n"
		   "batchedit Load..* vminpu=0.85\n"
		   "Edit Load.one kW=4\n",
		   &c);
	assert_int_equal(c.loads, 8);
	assert_int_equal(c.steps, 3);
	assert_close(c.step_s, 900);
	const struct circuit_load *one = &c.load[0], *star = &c.load[1], *delta = &c.load[6],
				  *between = &c.load[7];
	assert_true(one->phase == 1 && one->against == GROUND && one->model == LOAD_POWER);
	assert_close(one->base_v, 230);
	assert_close(one->v_min, 0.85);
	assert_close(one->v_max, 1.05);
	circuit_power(&c, one, -1, &p, &q);
	assert_close(p, 4000);
	assert_close(q, -3000);
	circuit_power(&c, one, 2, &p, &q);
	assert_close(p, -1000);
	assert_true(star->phase == 0 && star->model == LOAD_IMPEDANCE && star->shape == -1);
	assert_close(star->base_v, 400 / sqrt(3));
	assert_close(star->q_var, 500);
	assert_close(star->v_max, 1.2);
	assert_true(delta->phase == 2 && delta->against == 0 && delta->model == LOAD_CURRENT);
	assert_close(delta->base_v, 400);
	assert_true(between->phase == 2 && between->against == 0);
	circuit_power(&c, between, 1, &p, &q);
	assert_close(p, 6000);
	circuit_free(&c);
}

static void test_files(void **unused)
{
	/* Values of a shape come from a column of a file, and words of a script from another, both
	 * beside the script; what has no effect on a flow is left alone. */
	(void)unused;
	char table[64], more[64], text[1000];
	struct circuit c;
	write_temporary("minute,a,b\n0,1,0.25\n1,2,0.75\n", table);
	write_temporary(
		"! a comment\n" LOAD "~ yearly=s\nNew Monitor.m Line.a 1 mode=1\n~ more=1\n", more);
	snprintf(text, sizeof(text),
		 "clear\n/* New\n nothing */\n" HEAD CODE LINE
		 "New LoadShape.s npts=2 interval=1 mult=(file=%s, column=3, header=yes)\n"
		 "Redirect %s\nSet mode=yearly number=2 stepsize=1h\nSolve\nShow voltages LN\n"
		 "CalcVoltageBases\nBusCoords xy.csv\n",
		 table + 5, more + 5); /* without /tmp/ */
	read_sound(text, &c);
	assert_int_equal(c.loads, 1);
	assert_int_equal(c.steps, 2);
	assert_close(c.shape[0].value[0], 0.25);
	assert_close(c.shape[0].value[1], 0.75);
	assert_string_equal(c.load[0].file, more);
	assert_int_equal(c.load[0].line, 2);
	circuit_free(&c);
	(void)unlink(table);
	(void)unlink(more);
}

static void test_wrong(void **unused)
{
	/* What is not understood or cannot be is refused by its line. */
	(void)unused;
	static const struct {
		const char *text, *words;
	} wrong[] = {
		{ "", ": there is no circuit" },
		{ "Nw Circuit.c", ":1: \"Nw\", expected a command" },
		{ CODE, ":1: \"k\", expected New Circuit before all else" },
		{ HEAD "New Circuit.d", ":3: \"d\", expected one circuit" },
		{ HEAD "New Capacitor.c", ":3: \"capacitor\", expected circuit, vsource" },
		{ HEAD "New Line", ":3: \"line\", expected Class.Name" },
		{ HEAD CODE CODE, ":4: linecode.k is there twice, first in" },
		{ HEAD CODE LINE "~ geometry=g", ":5: line.a: \"geometry\" is no property" },
		{ HEAD CODE LINE "~ 5", ":5: \"5\", expected property=value" },
		{ HEAD CODE LINE "~ length=(5", ":5: \"(5\", expected property=value, closed" },
		{ HEAD CODE LINE "~ length=0x5",
		  ":5: line.a: length is \"0x5\", expected a number" },
		{ HEAD CODE LINE "~ units=yard", ":5: line.a: units is \"yard\", expected one of" },
		{ HEAD CODE LINE "~ phases=1.5",
		  ":5: line.a: phases is \"1.5\", expected a whole" },
		{ HEAD CODE LINE "~ bus2=0123456789012345678901234567890123",
		  ":4: a: 0123456789012345678901234567890123, expected a bus of 1 to 31" },
		{ HEAD CODE LINE "~ bus2=b.4", ":4: a: b.4, expected phases .1 to .3" },
		{ HEAD CODE LINE "~ bus2=b.1.1.2", ":4: a: b.1.1.2, expected each of its phases" },
		{ HEAD CODE LINE "~ bus2=b.2.1.3",
		  ":4: a: b.2.1.3, expected the phases of the other" },
		{ HEAD CODE LINE "~ linecode=j", ":4: a: j, expected LineCode=" },
		{ HEAD CODE LINE "~ phases=2",
		  ":4: a: k, expected a line code with as many phases" },
		{ HEAD "New LineCode.k R1=1 X1=1\n" LINE, ":3: k: the line code is told in part" },
		{ HEAD CODE "~ rmatrix=(1|2 3)",
		  ":4: linecode.k: rmatrix is \"1|2 3\", expected 3 rows" },
		{ HEAD CODE "~ rmatrix=(1 2 3|2 1 2|4 2 1)", "expected 3 rows apart by |" },
		{ HEAD CODE LINE LINE, ":5: line.a is there twice" },
		{ HEAD CODE LINE "New Line.c Bus1=b Bus2=SourceBus LineCode=k",
		  ":5: b-sourcebus is there twice, first in line 4" },
		{ HEAD "New LineCode.k R1=0 X1=0 R0=0 X0=0 C1=0 C0=0\n" LINE,
		  ":4: sourcebus-b has no impedance" },
		{ HEAD CODE LINE LOAD "~ bus1=c.1", ":5: bus c is an island" },
		{ HEAD CODE LINE LOAD "~ kvar=1", ":5: l: both pf and kvar are told" },
		{ HEAD CODE LINE LOAD "~ pf=0", ":5: l: its pf is about 0" },
		{ HEAD CODE LINE LOAD "~ model=4", ":5: l: its model is none of 1, 2 and 5" },
		{ HEAD CODE LINE LOAD "~ conn=delta",
		  ":5: l: it is between two phases and does not" },
		{ HEAD CODE LINE LOAD "~ yearly=s", ":5: l: s, expected the name of a load shape" },
		{ HEAD CODE LINE LOAD "~ vminpu=1.1", ":5: l: its vminpu is not below" },
		{ HEAD CODE LINE "New Load.l Bus1=b.1 Phases=1 kW=1 PF=1", ":5: l: its kV or kW" },
		{ HEAD CODE "New Line.a Bus1=SourceBus.1 Bus2=b.1 Phases=1 LineCode=j\n"
			    "New LineCode.j nphases=1 rmatrix=1 xmatrix=1 cmatrix=0\n" LOAD,
		  ":6: the load is on phase 2 of bus b, expected some of the .1 that are there" },
		{ HEAD "New LineCode.j nphases=1 rmatrix=1 xmatrix=1 cmatrix=0\n"
		       "New Line.a Bus1=SourceBus.1 Bus2=b.1 Phases=1 LineCode=j\n"
		       "New Line.c Bus1=b.2 Bus2=c.2 Phases=1 LineCode=j",
		  ":5: bus c hangs on phases .2 of bus b, expected some of the .1" },
		{ HEAD "New LoadShape.s npts=2 interval=1 mult=(1 2 3)",
		  ":3: loadshape.s: mult has more, expected npts=2 numbers" },
		{ HEAD "New LoadShape.s npts=2 interval=1 mult=(1)",
		  "mult has fewer, expected npts=2" },
		{ HEAD "New LoadShape.s npts=2 interval=1 mult=(1 x)", "mult has something else" },
		{ HEAD "New LoadShape.s interval=1 mult=(1 2)", "expected npts before it" },
		{ HEAD "New LoadShape.s npts=2 interval=1 mult=(file=nowhere.csv)",
		  ":3: loadshape.s: /tmp/nowhere.csv cannot be read: No such file" },
		{ HEAD CODE LINE "New LoadShape.s npts=1 mult=1\n" LOAD "~ yearly=s",
		  ":5: s: the time of one value is not told" },
		{ HEAD CODE LINE "New LoadShape.s npts=1 interval=1 mult=1\n"
				 "New LoadShape.t npts=2 interval=1 mult=(1 2)\n" LOAD
				 "~ yearly=s\n"
				 "New Load.m Bus1=b Phases=3 kV=0.4 kW=1 PF=1 yearly=t",
		  ":6: t: it has other steps than the shapes before" },
		{ HEAD "New Transformer.t Buses=[SourceBus a] kVs=[0.4 0.2] kVAs=[9 9] Conns=[wye "
		       "delta]",
		  ":3: t: its second winding is a delta" },
		{ HEAD "New Transformer.t Buses=[SourceBus a] kVs=[0.4 0.2] kVAs=[9 8]",
		  ":3: t: its windings have two ratings" },
		{ HEAD "New Transformer.t Buses=[SourceBus a] kVAs=[9 9]",
		  ":3: t: a winding lacks" },
		{ HEAD "New Transformer.t Buses=[SourceBus a] kVs=[0.4 0.2 0.1]",
		  "one for each of 2" },
		{ HEAD "New Transformer.t Buses=[a SourceBus] kVs=[0.2 0.4] kVAs=[9 9]",
		  ":3: the transformer is fed at its second winding, bus sourcebus" },
		{ HEAD "New Transformer.t Buses=[SourceBus a] kVs=[11 0.4] kVAs=[9 9]",
		  ":3: the transformer has 11 kV at bus sourcebus, expected about the 0.4 kV" },
		{ "New Circuit.c BasekV=0.4 Isc3=1000", ":1: source: one short-circuit current" },
		{ "New Circuit.c BasekV=0.4 Isc3=1000 Isc1=1600", ":1: source: no zero sequence" },
		{ "New Circuit.c BasekV=0.4 Isc3=1000 Isc1=900 R1=1", "told in two ways" },
		{ HEAD "Edit Line.a length=5", ":3: \"a\", expected the name of an object above" },
		{ HEAD "batchedit line.a length=5", ":3: \"a\", expected all objects of a class" },
		{ HEAD "Set voltagebases=[0.4 x]", ":3: \"0.4 x\", expected 1 to 8 voltages" },
		{ HEAD "Set loadmult=2", ":3: \"loadmult\", expected DefaultBaseFrequency" },
		{ HEAD "Redirect nowhere.txt",
		  ":3: /tmp/nowhere.txt cannot be read: No such file" },
		{ HEAD "clear", ":3: \"clear\", expected it before the circuit only" },
		{ "~ x=1", ":1: \"~\", expected an object above" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct circuit c;
		char *said;
		int r = read_text(wrong[i].text, &c, &said);
		if (r >= 0 || !strstr(said, wrong[i].words) ||
		    strchr(said, '\n') != strrchr(said, '\n')) {
			fail_msg("%s\nsaid \"%s\", expected once \"%s\"", wrong[i].text, said,
				 wrong[i].words);
		}
		free(said);
		circuit_free(&c);
	}
}

static void test_many(void **unused)
{
	/* All that is wrong is told at once, up to where it is no script at all; a file that
	 * redirects to itself ends. */
	(void)unused;
	struct circuit c;
	char *said, text[100 * 12], path[64];
	assert_true(read_text(HEAD "New Line.a length=x units=y\nNew Load.b kW=z\n", &c, &said) <
		    0);
	assert_non_null(strstr(said, ":3: line.a: length"));
	assert_non_null(strstr(said, ":3: line.a: units"));
	assert_non_null(strstr(said, ":4: load.b: kw"));
	free(said);
	circuit_free(&c);
	for (int i = 0; i < 100; i++) {
		memcpy(text + 12 * i, "no script.\n\n", 12);
	}
	text[sizeof(text) - 1] = '\0';
	assert_true(read_text(text, &c, &said) < 0);
	assert_non_null(strstr(said, ":99: "));
	assert_null(strstr(said, ":101: "));
	free(said);
	circuit_free(&c);
	write_temporary("", path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 20; i++) {
		fprintf(file, "Redirect %s\n", path + 5);
	}
	assert_int_equal(fclose(file), 0);
	struct diag d = { 0 };
	assert_true(opendss_read(path, &c, &d) < 0);
	assert_int_equal(d.errors, 50);
	circuit_free(&c);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),       cmocka_unit_test(test_lines),
		cmocka_unit_test(test_transformer), cmocka_unit_test(test_loads),
		cmocka_unit_test(test_files),       cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
