/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The documents of a running lecd as lecctl gets them, whole and with one value spoilt. */
#ifndef LECD_LECCTL_DOCUMENTS_H
#define LECD_LECCTL_DOCUMENTS_H

#include <string.h>

#include "tests/unit/test.h"

static const char status_document[] =
	"{\"id\":\"home-1\",\"community\":\"fjord\",\"version\":\"0.1.0\",\"uptime_s\":11520,"
	"\"time\":\"2026-06-16T09:07:55Z\",\"grid_w\":-3900.4,\"pv_w\":4180,\"load_w\":288.2,"
	"\"grid_import_wh\":923.9,\"grid_export_wh\":1359.9,"
	"\"quality\":{\"grid_w\":\"good\",\"pv_w\":\"good\",\"load_w\":\"good\"},"
	"\"batteries\":[{\"name\":\"main\",\"battery_w\":-1200,\"battery_soc\":0.634,"
	"\"battery_w_quality\":\"good\",\"battery_soc_quality\":\"good\",\"setpoint_w\":-1250}],"
	"\"devices\":[{\"kind\":\"battery\",\"name\":\"main\",\"conflict\":true}],"
	"\"mode\":\"auto\",\"decider\":\"optimiser\",\"reasons\":[\"ramp\",\"soc-max\"],"
	"\"buy_price\":0.1907,\"sell_price\":0.065,\"currency\":\"EUR\","
	"\"plan\":{\"status\":\"optimal\",\"method\":\"lp\",\"energy_cost\":-0.64,"
	"\"currency\":\"EUR\",\"solve_ms\":5.1,\"age_s\":180},"
	"\"policy\":{\"actor\":\"a.onnx\",\"shadow\":true,\"decides\":false,\"fitness\":\"slow\","
	"\"why\":\"a run took 9 ms\",\"policy_w\":null,\"optimiser_w\":-1250,\"regret\":{"
	"\"sum\":0.25,\"limit\":1,\"window_s\":604800,\"all\":0.5,\"decided\":0,"
	"\"intervals\":672}},"
	"\"planner\":{\"pid\":77,\"starts\":1,\"busy\":false,\"error\":\"\"},"
	"\"market\":{\"bid_interval\":\"2026-06-16T09:15:00Z\",\"revision\":2,\"orders\":3,"
	"\"traded_kwh\":-0.5,\"price\":0.1,\"refused\":2,\"refusal\":\"too deep\"},"
	"\"membership\":{\"online\":true,\"manner\":\"follow\",\"offers\":true,\"planned_w\":2500,"
	"\"asked_w\":-300,\"import_limit_w\":0,\"saved\":0.42,\"currency\":\"EUR\"},"
	"\"broker\":{\"connected\":false,\"connects\":1,\"sent\":20,\"received\":3,\"unsent\":4,"
	"\"denied\":0,\"error\":\"Connection refused\"},"
	"\"store\":{\"samples\":1768,\"samples_lost\":0,\"rows\":2,\"rows_waiting\":0,"
	"\"alarm\":\"\"},\"loop\":{\"cycles\":1773,\"overruns\":19,\"jitter_p99_us\":1791,"
	"\"jitter_max_us\":4989,\"work_p99_us\":511,\"work_max_us\":3942}}";

static const char explain_document[] =
	"{\"lines\":[\"the optimiser's plan decides, corrected for the measured load (mode "
	"auto)\",\"battery main: charge 1200 W\",\"prices now: buy 0.1907\"]}";

static const char devices_document[] =
	"{\"devices\":[{\"kind\":\"meter\",\"name\":\"grid\",\"address\":\"tcp://10.0.0.1:502/1\","
	"\"profile\":\"eastron-sdm630\",\"up\":true,\"error\":\"\",\"age_s\":0.5,\"readings\":{"
	"\"grid_w\":{\"value\":-3900.4,\"unit\":\"W\",\"quality\":\"good\"},"
	"\"grid_v\":{\"value\":null,\"unit\":\"V\",\"quality\":\"stale\"}},"
	"\"link\":{\"requests\":60,\"answers\":59,\"timeouts\":1,\"exceptions\":0,\"rejected\":0,"
	"\"connects\":1,\"writes\":0,\"latency_us\":1250}},"
	"{\"kind\":\"pv\",\"name\":\"roof\",\"address\":\"tcp://10.0.0.2:502/1\","
	"\"profile\":\"generic-pv\",\"up\":false,\"error\":\"no answer\","
	"\"flash_writes\":12,\"flash_budget\":20,\"readings\":{},"
	"\"link\":{}}]}";

static const char plan_document[] =
	"{\"status\":\"optimal\",\"method\":\"lp\",\"energy_cost\":-0.64,\"total_cost\":1.25,"
	"\"currency\":\"EUR\",\"slots\":["
	"{\"start\":\"2026-06-16T09:00:00Z\",\"hours\":1,\"load_w\":1000,\"pv_w\":3000,"
	"\"grid_w\":-2000,\"buy\":0.2,\"sell\":0.05,\"battery_w\":[0],\"soc\":[0.5],"
	"\"value\":[0.1]},"
	"{\"start\":\"2026-06-16T10:00:00Z\",\"hours\":2,\"load_w\":2000,\"pv_w\":0,"
	"\"grid_w\":500,\"buy\":0.4,\"sell\":0.05,\"battery_w\":[1500],\"soc\":[0.25],"
	"\"value\":[0.1]}]}";

/* What a member may hold instead of what it should. */
static const char *const spoilt_values[] = {
	"null",
	"1e300",
	"-1e300",
	"-1",
	"true",
	"[]",
	"{}",
	"[null,{},\"x\"]",
	"\"\"",
	"\"\\u001b[2J\\u009b31m\\u202e\\r\\n\\u0007\"",
	"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
};
enum { SPOILT_VALUES = sizeof(spoilt_values) / sizeof(*spoilt_values) };

/* The end of the JSON value at text. */
static inline const char *value_end(const char *text)
{
	int depth = 0;
	bool quoted = false;
	for (;; text++) {
		if (*text == '"') {
			quoted = !quoted;
		} else if (!quoted && depth == 0 && strchr(",]}", *text)) {
			return text;
		} else if (!quoted && strchr("[{", *text)) {
			depth++;
		} else if (!quoted && strchr("]}", *text)) {
			depth--;
		}
	}
}

/* Put the document with its n-th member's value replaced into out; false where there is none. */
static inline bool spoil(const char *document, int n, const char *value, char *out, size_t size)
{
	const char *at = document;
	do {
		at = strstr(at, "\":");
		if (!at) {
			return false;
		}
		at += 2;
	} while (n-- > 0);
	snprintf(out, size, "%.*s%s%s", (int)(at - document), document, value, value_end(at));
	return true;
}

/* No byte of text but newlines and, where ink is allowed, escape codes of our own can steer a
 * terminal. */
static inline void assert_clean(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool steers = (*c < ' ' && *c != '\n') || *c == 0x7f;
		bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f;
		bool turned = c[0] == 0xe2 && c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae;
		if (steers || c1 || turned) {
			fail_msg("byte %02x in \"%s\"", *c, text);
		}
	}
}

/* Characters in the longest line; *lines gets how many there are. */
static inline int widest(const char *text, int *lines)
{
	int most = 0, now = 0;
	*lines = 0;
	for (; *text; text++) {
		now = *text == '\n' ? 0 : now + ((*text & 0xc0) != 0x80);
		*lines += *text == '\n';
		most = now > most ? now : most;
	}
	return most;
}

#endif
