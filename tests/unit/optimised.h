/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One optimiser for all tests of a program: set_up and tear_down of its group. */
#ifndef LECD_TESTS_OPTIMISED_H
#define LECD_TESTS_OPTIMISED_H

#include "policy/optimiser.h"

static struct optimiser *optimiser;

static int set_up(void **state)
{
	(void)state;
	return optimiser_new(&optimiser);
}

static int tear_down(void **state)
{
	(void)state;
	optimiser_free(optimiser);
	return 0;
}

#endif
