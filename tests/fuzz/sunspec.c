/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any registers as a SunSpec device: the walk ends, and what it finds is sound as it is used. */
#include "drivers/sunspec_profile.h"
#include "fuzz.h"

enum { READS_MAX = 2000 };

/* The device: registers at one of the places, nothing elsewhere. */
struct image {
	int base;
	int there; /* registers from base on */
	int reads;
	int silent_after; /* reads; 0: never */
	uint16_t word[65536];
};

static int read_image(void *context, int address, int count, uint16_t *words)
{
	struct image *m = context;
	assert(address >= 0 && count >= 1 && count <= 125 && address + count <= 65536);
	assert(++m->reads < READS_MAX);
	if (m->silent_after > 0 && m->reads > m->silent_after) {
		return -110;
	}
	if (address < m->base || address + count > m->base + m->there) {
		return 2;
	}
	memcpy(words, m->word + address, sizeof(*words) * (size_t)count);
	return 0;
}

static void fill(struct image *m, struct bytes *b)
{
	static const int bases[] = { 40000, 0, 50000 };
	m->base = bases[take_below(b, 3)];
	m->silent_after = take_below(b, 64);
	m->reads = m->there = 0;
	memset(m->word, 0, sizeof(m->word));
	while (b->size > 0 && m->base + m->there < 65536) {
		uint8_t word[2];
		take(b, word, 2);
		m->word[m->base + m->there++] = (uint16_t)(word[0] << 8 | word[1]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct image image;
	struct bytes b = { data, size };
	struct sunspec s;
	const struct sunspec_reader reader = { .read = read_image, .context = &image };
	fill(&image, &b);
	if (sunspec_walk(&reader, 0, &s) != 0) {
		return 0;
	}
	assert(s.count >= 0 && s.count <= SUNSPEC_FOUND_MAX);
	for (int kind = 0; kind < DEVICE_KIND_COUNT; kind++) {
		struct profile p;
		sunspec_profile_init((enum device_kind)kind, &p);
		if (sunspec_profile(&s, &reader, &p) == 0) {
			decode_all(&p, image.word);
		}
	}
	int same = sunspec_same(&s, &reader);
	assert(same == 1 || (image.silent_after > 0 && same < 0));
	return 0;
}
