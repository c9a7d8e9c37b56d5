/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/wire.h"

#include <errno.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/clock.h"

enum {
	USER_TIMEOUT_MS = 3000, /* what is sent and not acknowledged is given up after this */
	IDLE_MIN_US = 5000,
	HUSH_US = 25000, /* a line that was disturbed: USB adapters hand bytes on each 16 ms */
	GAP_US = 100000, /* within a frame; adapters and gateways tear frames apart */
};

struct wire {
	struct modbus_address address;
	modbus_t *modbus;
	bool connected;
	bool disturbed; /* the last answer was no good */
};

bool wire_is_rtu(const struct wire *w)
{
	return w->address.line != LINE_TCP;
}

bool wire_survives(const struct wire *w, int r)
{
	bool noise = r == -EBADMSG || r == -EBUSY;
	return wire_is_rtu(w) && (noise || (r == -ETIMEDOUT && w->address.line == LINE_SERIAL));
}

int64_t wire_bytes_us(const struct modbus_address *a, int bytes)
{
	if (a->line != LINE_SERIAL) {
		return 0;
	}
	int64_t bits = 1 + 8 + (a->parity != 'N') + a->stop_bits;
	return (bits * bytes * 1000000 + a->baud - 1) / a->baud;
}

int64_t wire_idle_us(const struct modbus_address *a)
{
	if (a->line == LINE_TCP) {
		return 0;
	}
	int64_t us = (wire_bytes_us(a, 7) + 1) / 2;
	return us > IDLE_MIN_US ? us : IDLE_MIN_US;
}

/* --- connection ---------------------------------------------------------------------------------
 */

int wire_open(const struct modbus_address *address, struct wire **out)
{
	struct wire *w = calloc(1, sizeof(*w));
	if (!w) {
		return -ENOMEM;
	}
	w->address = *address;
	const struct modbus_address *a = &w->address;
	w->modbus = a->line == LINE_SERIAL
			    ? modbus_new_rtu(a->host, a->baud, a->parity, 8, a->stop_bits)
			    : modbus_new_tcp_pi(a->host, a->port); /* resolves when it connects */
	if (!w->modbus) {
		free(w);
		return -ENOMEM;
	}
	(void)modbus_set_error_recovery(w->modbus, MODBUS_ERROR_RECOVERY_NONE);
	(void)modbus_set_byte_timeout(w->modbus, 0, 0);
	*out = w;
	return 0;
}

void wire_free(struct wire *w)
{
	if (w) {
		wire_disconnect(w);
		modbus_free(w->modbus);
		free(w);
	}
}

bool wire_connected(const struct wire *w)
{
	return w->connected;
}

void wire_disconnect(struct wire *w)
{
	if (w->connected) {
		modbus_close(w->modbus);
		w->connected = false;
	}
}

static void set_timeout(struct wire *w, int64_t us)
{
	(void)modbus_set_response_timeout(w->modbus, (uint32_t)(us / 1000000),
					  (uint32_t)(us % 1000000));
}

static void set_option(int fd, int level, int name, int value)
{
	/* Where the kernel refuses, the response timeout still bounds every call. */
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void set_options(int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

int wire_connect(struct wire *w, int64_t timeout_us)
{
	set_timeout(w, timeout_us);
	errno = 0;
	if (modbus_connect(w->modbus) != 0) {
		int r = errno > 0 && errno < MODBUS_ENOBASE ? -errno : -ENOTCONN;
		return r == -EINPROGRESS ? -ETIMEDOUT : r;
	}
	int fd = modbus_get_socket(w->modbus);
	w->connected = true;
	w->disturbed = wire_is_rtu(w);    /* nobody knows what is going on there */
	if (fd < 0 || fd >= FD_SETSIZE) { /* libmodbus waits with select() */
		wire_disconnect(w);
		return -EMFILE;
	}
	if (w->address.line != LINE_SERIAL) {
		set_options(fd);
	}
	return 0;
}

/* --- Modbus TCP ---------------------------------------------------------------------------------
 */

static int put(struct wire *w, const uint8_t *bytes, int size)
{
	int fd = modbus_get_socket(w->modbus);
	errno = 0;
	ssize_t sent = w->address.line == LINE_SERIAL
			       ? write(fd, bytes, (size_t)size)
			       : send(fd, bytes, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent == size) {
		return 0;
	}
	return sent < 0 && errno != EAGAIN ? -errno : -EIO; /* the last one still waits */
}

/* The request goes out by hand: libmodbus would send it as transaction 0, or check the answer
 * itself and then look at neither unit nor length. */
static int exchange_tcp(struct wire *w, const struct frame *request, int64_t timeout_us,
			uint16_t *words)
{
	uint8_t answer[MODBUS_MAX_ADU_LENGTH];
	int r = put(w, request->bytes, request->size);
	if (r < 0) {
		return r;
	}
	set_timeout(w, timeout_us);
	errno = 0;
	r = modbus_receive_confirmation(w->modbus, answer);
	if (r <= 0) {
		return errno > 0 && errno < MODBUS_ENOBASE ? -errno : -EBADMSG;
	}
	return frame_check(request, answer, r, words);
}

/* --- RTU ----------------------------------------------------------------------------------------
 */

/* Wait until there is something to read, or until_us. Returns 1, 0, or -errno: the line is gone. */
static int wait_readable(struct wire *w, int64_t until_us)
{
	struct pollfd fd = { .fd = modbus_get_socket(w->modbus), .events = POLLIN };
	int64_t left_us = until_us - clock_real_us();
	struct timespec left = { 0 };
	if (left_us > 0) {
		left = (struct timespec){ left_us / 1000000, left_us % 1000000 * 1000 };
	}
	int r = ppoll(&fd, 1, &left, NULL);
	if (r <= 0) {
		return r < 0 && errno != EINTR ? -errno : 0;
	}
	if (!(fd.revents & POLLIN)) {
		return w->address.line == LINE_SERIAL ? -ENODEV : -ECONNRESET;
	}
	return 1;
}

/* Read what is there. Returns its length, > 0, or -errno. */
static int take(struct wire *w, uint8_t *bytes, int size)
{
	ssize_t got = read(modbus_get_socket(w->modbus), bytes, (size_t)size);
	if (got > 0) {
		return (int)got;
	}
	if (w->address.line == LINE_SERIAL) {
		return -ENODEV; /* what a port gives whose adapter was pulled out */
	}
	return got < 0 ? -errno : -ECONNRESET;
}

/* Throw away what comes until nothing has come for silence_us. Returns 0, -EBUSY when that does not
 * happen by until_us, or -errno. */
static int hush(struct wire *w, int64_t silence_us, int64_t until_us)
{
	uint8_t waste[FRAME_RTU_MAX];
	int r;
	while ((r = wait_readable(w, clock_real_us() + silence_us)) > 0) {
		r = take(w, waste, sizeof(waste));
		if (r < 0) {
			return r;
		}
		if (clock_real_us() >= until_us) {
			return -EBUSY;
		}
	}
	return r;
}

/* Receive an answer until it is complete. Returns its length or -errno. */
static int receive_rtu(struct wire *w, const struct frame *request, uint8_t answer[FRAME_RTU_MAX],
		       int64_t until_us)
{
	int length = 0;
	for (;;) {
		int64_t gap_us = clock_real_us() + GAP_US;
		int r = wait_readable(w, length > 0 && gap_us < until_us ? gap_us : until_us);
		if (r == 0) {
			return length > 0 ? -EBADMSG : -ETIMEDOUT;
		}
		r = r < 0 ? r : take(w, answer + length, FRAME_RTU_MAX - length);
		if (r < 0) {
			return r;
		}
		length += r;
		int whole = frame_rtu_length(request, answer, length);
		if (whole < 0 || length >= whole) {
			return whole < 0 ? whole : length;
		}
		if (clock_real_us() >= until_us) {
			return -ETIMEDOUT; /* it drips */
		}
	}
}

static int exchange_rtu(struct wire *w, const struct frame *request, int64_t timeout_us,
			uint16_t *words)
{
	uint8_t bytes[FRAME_RTU_MAX];
	int size = frame_to_rtu(request, bytes);
	int64_t flight_us = wire_bytes_us(&w->address, size + 5 + 2 * request->count);
	int64_t silence_us = w->disturbed ? HUSH_US : 0, start_us = clock_real_us() + silence_us;
	int r = hush(w, silence_us, start_us + timeout_us / 2);
	w->disturbed = true;
	r = r < 0 ? r : put(w, bytes, size);
	if (r < 0) {
		return r;
	}
	r = receive_rtu(w, request, bytes, start_us + timeout_us + flight_us);
	r = r < 0 ? r : frame_check_rtu(request, bytes, r, words);
	w->disturbed = r < 0;
	return r;
}

int wire_exchange(struct wire *w, const struct frame *request, int64_t timeout_us, uint16_t *words)
{
	return wire_is_rtu(w) ? exchange_rtu(w, request, timeout_us, words)
			      : exchange_tcp(w, request, timeout_us, words);
}
