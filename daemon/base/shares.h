/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shares of a bounded queue that many senders fill: none may have more waiting than there is room
 * left, so that one who floods is the first whose messages are lost, and however full the queue
 * gets by it, who says little finds room. With one flooder half of the queue stays free, with n of
 * them its (n+1)th part (the dynamic threshold of Choudhury and Hahne, IEEE/ACM Transactions on
 * Networking 6(2), 1998, with a factor of 1).
 *
 * Senders are told apart by a hash with a secret, in fixed room: the few that fall together share
 * what is theirs (McKenney, Stochastic fairness queueing, INFOCOM 1990).
 *
 * Thread: one puts, another takes. */
#ifndef LECD_BASE_SHARES_H
#define LECD_BASE_SHARES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHARES = 4096 };

struct shares {
	uint64_t secret;
	atomic_size_t waiting[SHARES]; /* bytes */
};

/* Begin, on memory of zeros, with nothing waiting; another secret lets other senders fall together.
 */
void shares_init(struct shares *s, uint64_t secret);

/* Whether a sender may have size bytes more waiting in a queue with room bytes left. */
bool shares_fit(const struct shares *s, const char *sender, size_t length, size_t size,
		size_t room);

/* size bytes of it were put into the queue, or taken out of it. */
void shares_put(struct shares *s, const char *sender, size_t length, size_t size);
void shares_take(struct shares *s, const char *sender, size_t length, size_t size);

#endif
