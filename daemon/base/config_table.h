/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of option tables (see config.h), one line an option: key, dimension, field, range,
 * default, choices, parser. */
#ifndef LECD_BASE_CONFIG_TABLE_H
#define LECD_BASE_CONFIG_TABLE_H

#include "daemon/base/config.h"

#define QUANTITY(key, dimension, offset, min, max, fallback)                                       \
	{                                                                                          \
		key, OPTION_QUANTITY, dimension, offset, min, max, fallback, NULL, NULL            \
	}
#define INTEGER(key, offset, min, max, fallback)                                                   \
	{                                                                                          \
		key, OPTION_INTEGER, 0, offset, min, max, fallback, NULL, NULL                     \
	}
#define CHOICE(key, offset, choices, fallback)                                                     \
	{                                                                                          \
		key, OPTION_CHOICE, 0, offset, 0, 0, fallback, choices, NULL                       \
	}
#define BOOL(key, offset, fallback)                                                                \
	{                                                                                          \
		key, OPTION_BOOL, 0, offset, 0, 0, fallback, NULL, NULL                            \
	}
#define CUSTOM(key, offset, fallback, parse)                                                       \
	{                                                                                          \
		key, OPTION_CUSTOM, 0, offset, 0, 0, fallback, NULL, parse                         \
	}
#define REPEATED(key, offset, parse)                                                               \
	{                                                                                          \
		key, OPTION_REPEATED, 0, offset, 0, 0, "", NULL, parse                             \
	}
/* A text field of a struct. */
#define TEXT(key, type, field, fallback)                                                           \
	{                                                                                          \
		key, OPTION_TEXT, 0, offsetof(type, field), 0, sizeof(((type *)NULL)->field),      \
			fallback, NULL, NULL                                                       \
	}

#endif
