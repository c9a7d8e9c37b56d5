/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told and kept of a learned policy, as JSON. */
#ifndef LECD_HOME_LEARNED_JSON_H
#define LECD_HOME_LEARNED_JSON_H

#include <stddef.h>

#include "daemon/base/json_out.h"
#include "daemon/home/learned.h"

struct home;

/* The `policy` member of the state: who it is, whether it is fit, what it wants, what the optimiser
 * would do, its regret. */
void learned_put(const struct home *h, struct json_out *o);

/* The last verdict, for the ledger: its length, or -ENOBUFS. Read one of the actor with that digest
 * back: 0, or -errno: another's, or no verdict; then *out is untouched. */
int learned_verdict_json(const struct learned *l, char *out, size_t size);
int verdict_read(const char *text, uint64_t digest, struct learned_verdict *out);

#endif
