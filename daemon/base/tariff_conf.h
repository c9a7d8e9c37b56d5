/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The section [tariff], as every configuration that has one says it; and local time. */
#ifndef LECD_BASE_TARIFF_CONF_H
#define LECD_BASE_TARIFF_CONF_H

#include "daemon/base/config.h"
#include "daemon/base/tariff.h"

enum { TARIFF_OPTIONS = 11 };

/* For config_apply; the target is a struct tariff, its currency the one that collects. */
extern const struct option tariff_options[TARIFF_OPTIONS];

/* For config tables, a field of TIMEZONE_SIZE: a time zone, which the process uses from then on. */
const char *timezone_parse(const char *text, void *field);

#endif
