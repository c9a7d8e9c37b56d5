/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/restore.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

int restore_add(struct restore *r, int unit, int function, int address, int count)
{
	if (r->blocks == RESTORE_BLOCKS_MAX || count > RESTORE_WORDS_MAX) {
		return -ENOSPC;
	}
	r->block[r->blocks++] = (struct restore_block){
		.unit = unit, .function = function, .address = (uint16_t)address, .count = count
	};
	return 0;
}

int restore_read(struct restore *r, struct bus_client *client)
{
	int result = 0;
	for (int i = 0; i < r->blocks && result == 0; i++) {
		struct restore_block *b = &r->block[i];
		client->unit = b->unit;
		result = bus_read(client, TABLE_HOLDING, b->address, b->count, b->words);
	}
	return result;
}

/* Whether the device shows a block: 0 and *same, or as bus_read. */
static int look(const struct restore_block *b, struct bus_client *client, bool *same)
{
	uint16_t have[RESTORE_WORDS_MAX];
	client->unit = b->unit;
	int r = bus_read(client, TABLE_HOLDING, b->address, b->count, have);
	if (r == 0) {
		*same = memcmp(have, b->words, sizeof(*have) * (size_t)b->count) == 0;
	}
	return r;
}

/* Write a block unless the device shows it already; *written says which. */
static int put_back(const struct restore_block *b, struct bus_client *client, bool *written)
{
	bool same = false;
	int r = look(b, client, &same);
	if (r == 0 && !same) {
		*written = true;
		r = bus_write(client, b->function, b->address, b->count, b->words);
	}
	return r;
}

static int check_all(const struct restore *r, struct bus_client *client)
{
	bool all = true;
	int result = 0;
	for (int i = 0; i < r->blocks && result == 0; i++) {
		bool same = true;
		result = look(&r->block[i], client, &same);
		all = all && same;
	}
	return result != 0 || all ? result : -EREMOTEIO;
}

int restore_write(const struct restore *r, struct bus_client *client)
{
	bool written = false;
	int first = 0;
	for (int i = 0; i < r->blocks && first >= 0; i++) {
		int result = put_back(&r->block[i], client, &written);
		first = first == 0 || result < 0 ? result : first;
	}
	return first != 0 || !written ? first : check_all(r, client);
}
