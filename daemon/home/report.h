/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a home tells: the JSON documents for MQTT and lecctl, made from struct home without
 * allocation. Unknown numbers are null, each with its quality beside it. */
#ifndef LECD_HOME_REPORT_H
#define LECD_HOME_REPORT_H

#include "daemon/base/json_out.h"

struct home;
struct loop_stats;

/* Readings with quality, set-point, mode, decider, reasons: the `state` topic. */
void report_state(const struct home *h, struct json_out *o);

/* The plan's first slots, at most so many: the `plan` topic. */
void report_plan(const struct home *h, int slots_max, struct json_out *o);

/* For `lecctl status`: the state, the plan in a line, market, store, broker and loop (which may be
 * NULL). */
void report_status(struct home *h, const struct loop_stats *loop, struct json_out *o);

/* For `lecctl devices`: each with its readings and link counters. */
void report_devices(const struct home *h, struct json_out *o);

/* For `lecctl explain`: sentences, the most important first. */
void report_explain(struct home *h, struct json_out *o);

/* For `lecctl explain --plan`: a line for each slot of the plan, an empty object without one. */
void report_explain_plan(const struct home *h, struct json_out *o);

/* Home Assistant's device discovery message. */
void report_discovery(const struct home *h, struct json_out *o);

#endif
