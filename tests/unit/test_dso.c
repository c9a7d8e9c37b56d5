/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "daemon/base/clock.h"
#include "daemon/base/json.h"
#include "daemon/grid/dso_messages.h"

static const int64_t start_s = 1780272000; /* 2026-06-01T00:00:00Z */

static const char head[] = "[dso]\ncommunity = fjord\nfeeder = ieee69\ninterval = 60 min\n"
			   "other-loads = 55 %\nvoltage-min = 0.93\nvoltage-max = 1.03\n"
			   "price = 0.20 EUR/kWh\nimport-limit = 900 kW\nexport-limit = 2.5 MW\n";

static struct {
	struct dso_conf conf;
	struct dso *dso;
} op;

static void open_text(const char *homes, const char *series)
{
	char path[64], text[4096];
	struct diag d = { .to = stderr };
	snprintf(text, sizeof(text), "%s%s%s\n%s", head, series ? "series = " : "",
		 series ? series : "", homes);
	write_temporary(text, path);
	assert_int_equal(dso_conf_read(path, &op.conf, &d), 0);
	assert_int_equal(dso_new(&op.conf, &d, &op.dso), 0);
	assert_int_equal(unlink(path), 0);
}

static void close_dso(void)
{
	dso_free(op.dso);
	dso_conf_free(&op.conf);
}

static int64_t soon_us(void)
{
	return clock_real_us() + 60000000;
}

/* Homes all over the feeder, more of them at its ends. */
static const char *const buses[] = { "61", "61", "62", "64", "65", "27", "24", "21",
				     "50", "49", "46", "35", "69", "12", "11", "59" };
enum { HOMES = sizeof(buses) / sizeof(*buses), HOURS = 24 };

static void write_homes(char *out, size_t size)
{
	size_t length = 0;
	for (int i = 0; i < HOMES; i++) {
		length += (size_t)snprintf(out + length, size - length, "[home h%d]\nbus = %s\n", i,
					   buses[i]);
	}
}

/* What home i wants in an hour, kWh: charging in the evening, a sun at noon. */
static double wanted(int i, int hour)
{
	double sun = fmax(0, sin(M_PI * (hour - 5) / 14.0));
	double evening = hour >= 17 && hour < 23 ? 1 : 0.15;
	return evening * (60 + 11 * i % 70) * 3 - sun * (i % 3 ? 700 : 60);
}

/* A day's trades of an hour: who sells serves who buys, the rest is the utility's. */
static int make_trades(int hour, struct dso_trade *out)
{
	int trades = 0, seller = 0;
	double left[HOMES];
	for (int i = 0; i < HOMES; i++) {
		left[i] = wanted(i, hour);
	}
	for (int i = 0; i < HOMES; i++) {
		for (; left[i] > 1e-9; trades++) {
			while (seller < HOMES && left[seller] >= 0) {
				seller++;
			}
			double kwh = seller < HOMES ? fmin(left[i], -left[seller]) : left[i];
			out[trades] = (struct dso_trade){
				.buyer = i,
				.seller = seller < HOMES ? seller : DSO_UTILITY,
				.kwh = kwh,
				.gain = 0.02 + 0.001 * i,
			};
			left[i] -= kwh;
			if (seller < HOMES) {
				left[seller] += kwh;
			}
		}
	}
	for (int i = 0; i < HOMES; i++) {
		if (left[i] < -1e-9) {
			out[trades++] = (struct dso_trade){ .buyer = DSO_UTILITY,
							    .seller = i,
							    .kwh = -left[i],
							    .gain = 0.01 + 0.001 * i };
		}
	}
	return trades;
}

/* The AC flow of what is permitted, by nobody's sensitivities. Returns the largest excess. */
static double check_ac(const struct dso_trade *trade, int trades, bool wanted_too, double *loss_kwh)
{
	static struct network k;
	static struct flow s;
	const struct feeder *f = &op.conf.feeder;
	double p[128], q[128], worst = -INFINITY;
	assert_int_equal(network_init(&k, f), 0);
	assert_int_equal(flow_init(&s, &k), 0);
	network_loads(&k, f, op.conf.other_loads, p, q);
	for (int t = 0; t < trades; t++) {
		double mw = (wanted_too ? trade[t].kwh : trade[t].permitted_kwh) / 1e3;
		if (trade[t].buyer >= 0) {
			p[k.node[op.conf.home[trade[t].buyer].bus]] += mw;
		}
		if (trade[t].seller >= 0) {
			p[k.node[op.conf.home[trade[t].seller].bus]] -= mw;
		}
	}
	flow_start(&s, f->source_v);
	int r = flow_solve(&s, &k, p, q, 1e-12);
	for (int n = 1; r == 0 && n < k.nodes; n++) {
		const struct feeder_bus *bus = &f->bus[k.bus[n]];
		double v = flow_voltage(&s, &k, n);
		worst = fmax(worst, fmax(bus->v_min - v, v - bus->v_max));
	}
	flow_loss(&s, &k, loss_kwh, NULL);
	*loss_kwh *= 1e3;
	flow_free(&s);
	network_free(&k);
	return r < 0 ? INFINITY : worst;
}

static void test_day(void **unused)
{
	/* A market day on the 69-bus feeder that would break its limits at noon and in the evening
	 * stays within them, at every bus and hour by the AC flow; prices are the energy's times
	 * 1 + dLoss/dP where nothing binds, lower where a sun has to give way and higher where a
	 * load has; and the losses are paid to the millionth. */
	(void)unused;
	char homes[2048];
	write_homes(homes, sizeof(homes));
	open_text(homes, NULL);
	int free_hours = 0, high_hours = 0, low_hours = 0;
	for (int hour = 0; hour < HOURS; hour++) {
		struct dso_trade trade[HOMES * 4];
		struct dso_answer a;
		double loss_kwh, before_kwh;
		struct dso_proposal p = { .number = hour,
					  .round = "day",
					  .start_s = start_s + hour * 3600,
					  .price = 0.10 + 0.01 * (hour % 7),
					  .trades = make_trades(hour, trade),
					  .trade = trade };
		assert_int_equal(dso_judge(op.dso, &p, soon_us(), &a), 0);
		double before = check_ac(trade, p.trades, true, &before_kwh);
		double after = check_ac(trade, p.trades, false, &loss_kwh);
		assert_true(after <= 1e-6 && a.worst_excess <= 1e-6 && !a.broken);
		bool cut = false;
		for (int t = 0; t < p.trades; t++) {
			cut |= *trade[t].reason != '\0';
			assert_true(trade[t].permitted_kwh >= 0 &&
				    trade[t].permitted_kwh <= trade[t].kwh);
			assert_true(*trade[t].reason || trade[t].permitted_kwh == trade[t].kwh);
		}
		assert_true(cut == (before > 1e-6));
		/* Prices at every bus. */
		double most = -INFINITY, least = INFINITY;
		for (int bus = 0; bus < op.conf.feeder.buses; bus++) {
			const struct permit_price *at = dso_price(op.dso, bus);
			double beyond = at->congestion + at->voltage;
			assert_true(at->energy == p.price);
			assert_true(cut || beyond == 0);
			most = fmax(most, beyond);
			least = fmin(least, beyond);
		}
		free_hours += !cut;
		high_hours += cut && most > 0.01 && hour >= 17;
		low_hours += cut && least < -0.01 && hour < 17;
		assert_true(!cut || (hour >= 17 ? least > -1e-6 : most < 1e-6));
		/* Losses. */
		int64_t sum = a.residue + a.others_loss_cost;
		for (int i = 0; i < HOMES; i++) {
			sum += a.home[i].loss_cost;
		}
		assert_true(sum == a.loss_cost);
		assert_true(llabs(a.residue) <= HOMES + 2);
		assert_true(fabs(a.loss_kwh - loss_kwh) < 1e-6 * loss_kwh);
		assert_true(llabs(a.loss_cost - llround(loss_kwh * p.price * 1e6)) <= 1);
	}
	print_message("%d hours free, %d with prices above, %d below\n", free_hours, high_hours,
		      low_hours);
	assert_true(free_hours >= 6 && high_hours >= 3 && low_hours >= 3);
	close_dso();
}

static void test_prices_free(void **unused)
{
	/* Where nothing binds the price of a bus equals the energy's times 1 + what losses grow per
	 * load there, within 1 % by a flow with 1 kW more; it is so at every bus. */
	(void)unused;
	char homes[2048];
	write_homes(homes, sizeof(homes));
	open_text(homes, NULL);
	struct dso_answer a;
	double loss_kwh, more_kwh;
	assert_int_equal(dso_look(op.dso, start_s, 0.20, soon_us(), &a), 0);
	(void)check_ac(NULL, 0, false, &loss_kwh);
	for (int i = 0; i < HOMES; i++) {
		struct dso_trade one = { .buyer = i, .seller = DSO_UTILITY, .permitted_kwh = 1 };
		(void)check_ac(&one, 1, false, &more_kwh);
		const struct permit_price *p = &a.home[i].price;
		double price = p->energy + p->loss + p->congestion + p->voltage;
		assert_true(fabs(price / (0.20 * (1 + more_kwh - loss_kwh)) - 1) < 0.001);
	}
	assert_true(a.home[4].price.loss > 10 * a.home[8].price.loss); /* bus 65 and bus 50 */
	close_dso();
}

static void test_rounds(void **unused)
{
	/* What one round was permitted counts in the next; a proposal that is made again replaces
	 * its former self; limits of homes leave room for what is permitted and for nothing that
	 * would break a limit. */
	(void)unused;
	char homes[2048];
	write_homes(homes, sizeof(homes));
	open_text(homes, NULL);
	struct dso_answer a;
	struct dso_trade t = { .buyer = DSO_UTILITY, .seller = 4, .kwh = 2400, .gain = 0.05 };
	struct dso_proposal p = {
		.round = "day", .start_s = start_s, .price = 0.2, .trades = 1, .trade = &t
	};
	assert_int_equal(dso_judge(op.dso, &p, soon_us(), &a), 0);
	double first = t.permitted_kwh, limit_w = a.home[4].export_limit_w;
	assert_true(first > 1000 && first < 2400 && *t.reason);
	assert_true(limit_w >= first * 1e3 - 1 && limit_w <= first * 1e3 + 2000);
	assert_true(a.home[4].network_cost > 0); /* it feeds in where that is worth less */
	/* The same again: as before, not beside it. */
	assert_int_equal(dso_judge(op.dso, &p, soon_us(), &a), 0);
	assert_true(fabs(t.permitted_kwh - first) < 1);
	/* Another round: nothing is left. */
	snprintf(p.round, sizeof(p.round), "hour");
	assert_int_equal(dso_judge(op.dso, &p, soon_us(), &a), 0);
	assert_true(t.permitted_kwh < 1);
	/* But power that is used at the far end makes room for its neighbour. */
	struct dso_trade two[] = { { .buyer = 4, .seller = 3, .kwh = 200, .gain = 0.05 } };
	p.trade = two;
	assert_int_equal(dso_judge(op.dso, &p, soon_us(), &a), 0);
	assert_true(two[0].permitted_kwh == 200);
	/* Another interval knows nothing of it. */
	p.trade = &t;
	p.start_s += 3600;
	assert_int_equal(dso_judge(op.dso, &p, soon_us(), &a), 0);
	assert_true(fabs(t.permitted_kwh - first) < 1);
	close_dso();
}

static void test_connection(void **unused)
{
	/* Nobody trades more than its connection carries, 900 kW in and 2.5 MW out, with what it
	 * traded in other rounds: what gains least gives way, and says why. */
	(void)unused;
	struct dso_trade trade[] = {
		{ .buyer = 0, .seller = DSO_UTILITY, .kwh = 500, .gain = 0.1 },
		{ .buyer = 0, .seller = DSO_UTILITY, .kwh = 600, .gain = 0.3 },
		{ .buyer = DSO_UTILITY, .seller = 1, .kwh = 2600, .gain = 0.2 },
		{ .buyer = 2, .seller = 1, .kwh = 20, .gain = 0.3 },
	};
	struct dso_proposal in = {
		.round = "a", .start_s = start_s, .price = 0.2, .trades = 4, .trade = trade
	};
	struct dso_answer a;
	open_text("[home x]\nbus = 2\n[home y]\nbus = 2\n[home z]\nbus = 2\n", NULL);
	assert_int_equal(dso_judge(op.dso, &in, soon_us(), &a), 0);
	static const double permitted[] = { 300, 600, 2480, 20 };
	for (int t = 0; t < 4; t++) {
		assert_true(fabs(trade[t].permitted_kwh - permitted[t]) < 1e-6);
		assert_string_equal(trade[t].reason, t == 0   ? "connection of x"
						     : t == 2 ? "connection of y"
							      : "");
	}
	assert_true(a.home[0].import_limit_w == 900e3 && a.home[1].export_limit_w == 2500e3);
	snprintf(in.round, sizeof(in.round), "b");
	in.trades = 1;
	assert_int_equal(dso_judge(op.dso, &in, soon_us(), &a), 0);
	assert_true(trade[0].permitted_kwh == 0 && *trade[0].reason);
	close_dso();
}

static void test_messages(void **unused)
{
	/* A proposal in parts is answered part by part; what is wrong is refused with a word. */
	(void)unused;
	static struct inbox inbox;
	static char text[VERDICT_SIZE];
	char why[128] = "";
	open_text("[home a]\nbus = 65\n[home b]\nbus = 50\n", NULL);
#define HEAD_                                                                                      \
	"{\"v\":1,\"proposal\":7,\"round\":\"day\",\"interval\":\"2026-06-01T01:00:00Z\","         \
	"\"length_s\":3600,\"price\":0.2,\"currency\":\"EUR\""
#define TAKE(json)                                                                                 \
	inbox_take(&inbox, op.dso, &op.conf, start_s, json, strlen(json), why, sizeof(why))
	assert_int_equal(TAKE(HEAD_ ",\"part\":2,\"parts\":2,\"trades\":[{\"seller\":\"a\","
				    "\"buyer\":\"b\",\"kwh\":1.5}]}"),
			 0);
	assert_int_equal(TAKE(HEAD_ ",\"part\":1,\"parts\":2,\"trades\":[{\"seller\":\"a\","
				    "\"kwh\":90000,\"gain\":0.01}]}"),
			 1);
	struct dso_answer a;
	assert_int_equal(inbox.proposal.trades, 2);
	assert_true(inbox.proposal.trade[0].kwh == 90000 && inbox.proposal.trade[0].gain == 0.01);
	assert_int_equal(inbox.proposal.trade[0].buyer, DSO_UTILITY);
	assert_int_equal(dso_judge(op.dso, &inbox.proposal, soon_us(), &a), 0);
	for (int part = 0; part < 2; part++) {
		struct json_in in;
		int n = verdict_json(&inbox, &op.conf, part, &a, "", text, sizeof(text));
		assert_true(n > 0 && json_parse(&in, text, (size_t)n) == 0);
		assert_string_equal(json_text(json_member(in.root, "verdict")), "reduced");
		assert_int_equal(json_items(json_member(in.root, "permitted")), 1);
		assert_int_equal(json_items(json_member(in.root, "homes")), 1); /* a, then b */
		assert_int_equal(json_items(json_member(in.root, "reasons")), 1 - part);
		json_free(&in);
	}
	int n = limit_json(&op.conf, 0, &a.home[0], start_s, start_s, text, sizeof(text));
	assert_true(n > 0 && strstr(text, "\"until\":\"2026-06-01T01:00:00Z\"") &&
		    strstr(text, "\"then_export_limit_w\":0"));
	static const char *const wrong[][2] = {
		{ HEAD_ ",\"trades\":[{\"buyer\":\"c\",\"kwh\":1}]}", "\"c\" is no home" },
		{ HEAD_ ",\"trades\":[{\"kwh\":1}]}", "a buyer and another seller" },
		{ HEAD_ ",\"trades\":[{\"buyer\":\"a\",\"kwh\":-1}]}", "kwh: expected" },
		{ HEAD_ ",\"trades\":[{\"buyer\":\"a\",\"kwh\":1,\"gain\":-1}]}", "gain" },
		{ HEAD_ ",\"part\":3,\"parts\":2,\"trades\":[]}", "part: expected" },
		{ HEAD_ "}", "trades" },
		{ "{\"v\":1,\"proposal\":7,\"round\":\"day\",\"interval\":\"2026-06-01T01:30:00Z\","
		  "\"length_s\":3600,\"price\":0.2,\"currency\":\"EUR\",\"trades\":[]}",
		  "at which one begins" },
		{ "{\"v\":1,\"proposal\":7,\"round\":\"day\",\"interval\":\"2026-05-31T22:00:00Z\","
		  "\"length_s\":3600,\"price\":0.2,\"currency\":\"EUR\",\"trades\":[]}",
		  "one not over" },
		{ "{\"v\":1,\"proposal\":7,\"round\":\"day\",\"interval\":\"2026-06-01T01:00:00Z\","
		  "\"length_s\":900,\"price\":0.2,\"currency\":\"EUR\",\"trades\":[]}",
		  "length_s: expected" },
		{ "{\"v\":1,\"proposal\":7,\"round\":\"day\",\"interval\":\"2026-06-01T01:00:00Z\","
		  "\"length_s\":3600,\"price\":0.2,\"currency\":\"SEK\",\"trades\":[]}",
		  "currency: expected" },
		{ "{}", "v" },
		{ "no JSON", "" },
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (TAKE(wrong[i][0]) >= 0 || !strstr(why, wrong[i][1])) {
			fail_msg("%s: said \"%s\", expected \"%s\"", wrong[i][0], why, wrong[i][1]);
		}
	}
	close_dso();
}

static void test_conf(void **unused)
{
	/* What a configuration should be is told, all of it, each with its line. */
	(void)unused;
	static const char text[] = "[dso]\ncommunity = fjord\nfeeder = ieee69\n"
				   "price = 0.2 EUR/kWh\n[home a]\nbus = 99\n[home b]\nbus = 1\n"
				   "[home c]\nbuss = 1\n[house d]\n";
	char path[64], *said = NULL;
	size_t size = 0;
	struct dso_conf conf;
	struct diag d = { .to = open_memstream(&said, &size) };
	write_temporary(text, path);
	assert_int_equal(dso_conf_read(path, &conf, &d), -EINVAL);
	(void)fclose(d.to);
	assert_non_null(strstr(said, ":6: bus = 99, expected one of etc/feeders/ieee69.csv"));
	assert_non_null(strstr(said, ":8: bus = 1 is the source, expected one that it feeds"));
	assert_non_null(strstr(said, ":10: unknown key \"buss\""));
	assert_non_null(strstr(said, ":11: unknown section [house d]"));
	dso_conf_free(&conf);
	free(said);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_day),      cmocka_unit_test(test_prices_free),
		cmocka_unit_test(test_rounds),   cmocka_unit_test(test_connection),
		cmocka_unit_test(test_messages), cmocka_unit_test(test_conf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
