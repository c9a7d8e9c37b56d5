/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a file of orders: refused with a word, or a sound book that every mechanism clears
 * without giving more than was asked for. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/market/mechanism.h"
#include "daemon/market/orders_csv.h"
#include "fuzz.h"

enum { ORDERS_CLEARED = 64, BLOCKS_CLEARED = 0 };

static void clear(const struct book *b)
{
	static struct result r;
	const struct terms terms = {
		.pairs = true, .k = MILLION / 2, .utility_buy = 300000, .utility_sell = 100000
	};
	for (int i = 0; i < MECHANISMS; i++) {
		if (mechanism_lacks(&mechanisms[i], b)) {
			continue;
		}
		assert(mechanism_clear(&mechanisms[i], b, &terms, &r) == 0);
		for (int k = 0; k < b->orders; k++) {
			assert(r.filled[k] >= 0);
			assert(mechanisms[i].events || r.filled[k] <= b->order[k].quantity);
		}
		for (int k = 0; k < r.trades; k++) {
			const struct trade *t = &r.trade[k];
			assert(t->quantity > 0 &&
			       b->order[t->buy].owner != b->order[t->sell].owner);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	static FILE *nowhere;
	if (fd < 0) {
		fd = memfd_create("orders", MFD_CLOEXEC);
		nowhere = fopen("/dev/null", "w");
		assert(fd >= 0 && nowhere);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	struct diag d = { .to = nowhere };
	struct orders_file f;
	assert(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	int r = orders_csv_read(&f, path, NULL, PRICE_MAX, &d);
	assert((r == 0) == (d.errors == 0));
	if (r == 0) {
		assert(book_check(&f.book, NULL) == 0);
		if (f.book.orders <= ORDERS_CLEARED && f.book.blocks <= BLOCKS_CLEARED) {
			clear(&f.book);
		}
	}
	orders_csv_free(&f);
	return 0;
}
