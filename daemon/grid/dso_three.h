/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lec-dso flow for a feeder of three phases: once, or through the day of its load shapes. */
#ifndef LECD_GRID_DSO_THREE_H
#define LECD_GRID_DSO_THREE_H

#include <stdbool.h>
#include <stdio.h>

/* Whether the words of a command line name such a feeder: a file *.dss. */
bool dso_three_takes(int argc, char **argv);

/* argv[0] is the command's name. Returns the exit code. */
int dso_three_main(int argc, char **argv);

struct circuit;
struct three_phase;
struct three_day;

/* The results as a JSON object on standard output, as rows, and as a picture: dso_three_show.c. */
void dso_three_print(const struct circuit *c, const struct three_phase *s);
void dso_three_write(const struct circuit *c, const struct three_phase *s, FILE *file);
void dso_day_print(const struct circuit *c, const struct three_day *day);
void dso_day_write(const struct three_day *day, FILE *file);
void dso_day_draw(const struct circuit *c, const struct three_day *day, FILE *file);

#endif
