/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/loop.h"

enum { REPLY_BUFFER = 1 << 20, PATIENCE_S = 10 };

static int address_of(const char *path, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(out->sun_path)) {
		return -ENAMETOOLONG;
	}
	memcpy(out->sun_path, path, strlen(path) + 1);
	return 0;
}

static int connect_to(const char *path, int flags)
{
	struct sockaddr_un address;
	int r = address_of(path, &address);
	if (r < 0) {
		return r;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0) {
		return -errno;
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* One send of all of it: the socket's buffer holds any reply, so a slow reader stalls nobody. */
void control_reply(int client, const char *text, size_t length)
{
	(void)send(client, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(client);
}

/* Stop watching a client; it stays open. */
static void forget(struct control *c, int client)
{
	loop_remove_fd(c->loop, client);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		c->client[i] = c->client[i] == client ? -1 : c->client[i];
	}
}

static void drop(struct control *c, int client)
{
	if (client >= 0) {
		forget(c, client);
		close(client);
	}
}

static void on_client(void *context, int client)
{
	struct control *c = context;
	char request[CONTROL_REQUEST_MAX + 1];
	ssize_t n = recv(client, request, CONTROL_REQUEST_MAX, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		return;
	}
	forget(c, client);
	char *end = n > 0 ? memchr(request, '\n', (size_t)n) : NULL;
	if (!end) {
		close(client);
		return;
	}
	*end = '\0';
	int length = c->answer(c->context, request, c->reply, client);
	if (length < 0) {
		length = snprintf(c->reply, sizeof(c->reply), "{\"error\":\"%s\"}",
				  length == -EINVAL ? "request not understood" : strerror(-length));
	}
	if (length > 0) {
		control_reply(client, c->reply, (size_t)length);
	}
}

static void on_connect(void *context, int fd)
{
	struct control *c = context;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0) {
		return;
	}
	int size = REPLY_BUFFER;
	if (setsockopt(client, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0) {
		(void)setsockopt(client, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	drop(c, c->client[c->next]);
	if (loop_add_fd(c->loop, client, on_client, c) < 0) {
		close(client);
		return;
	}
	c->client[c->next] = client;
	c->next = (c->next + 1) % CONTROL_CLIENTS_MAX;
}

int control_open(struct control *c, struct loop *l, const char *path)
{
	c->loop = l;
	c->fd = -1;
	c->next = 0;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		c->client[i] = -1;
	}
	struct sockaddr_un address;
	int r = address_of(path, &address);
	if (r < 0) {
		return r;
	}
	/* One that listens but is too busy or frozen to answer is in use as well. */
	int other = connect_to(path, SOCK_NONBLOCK);
	if (other >= 0) {
		close(other);
	}
	if (other >= 0 || other == -EAGAIN) {
		return -EADDRINUSE;
	}
	struct stat there;
	if (lstat(path, &there) == 0) {
		if (!S_ISSOCK(there.st_mode)) {
			return -EEXIST; /* somebody's file */
		}
		(void)unlink(path);
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return -errno;
	}
	mode_t mask = umask(0117);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && listen(fd, 4) < 0) {
		r = -errno;
	}
	r = r < 0 ? r : loop_add_fd(l, fd, on_connect, c);
	if (r < 0) {
		close(fd);
		return r;
	}
	c->fd = fd;
	memcpy(c->path, address.sun_path, sizeof(c->path));
	return 0;
}

void control_close(struct control *c)
{
	for (int i = 0; i < CONTROL_CLIENTS_MAX && c->fd >= 0; i++) {
		drop(c, c->client[i]);
	}
	if (c->fd >= 0) {
		loop_remove_fd(c->loop, c->fd);
		close(c->fd);
		(void)unlink(c->path);
	}
	c->fd = -1;
}

/* Connect and send the request. Returns the socket or -errno. */
static int send_request(const char *path, const char *request)
{
	int fd = connect_to(path, 0);
	if (fd < 0) {
		return fd;
	}
	struct timeval patience = { .tv_sec = PATIENCE_S };
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	char line[CONTROL_REQUEST_MAX];
	int n = snprintf(line, sizeof(line), "%s\n", request);
	if (n >= (int)sizeof(line) || send(fd, line, (size_t)n, MSG_NOSIGNAL) != n) {
		close(fd);
		return -EIO;
	}
	return fd;
}

/* What came: > 0 bytes, 0 at the end, or -errno. */
static ssize_t take(int fd, char *out, size_t size)
{
	ssize_t got = recv(fd, out, size, 0);
	return got >= 0 ? got : errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int control_ask(const char *path, const char *request, char *out, size_t size)
{
	int fd = send_request(path, request);
	if (fd < 0) {
		return fd;
	}
	size_t used = 0;
	ssize_t got = 0;
	while (used < size - 1 && (got = take(fd, out + used, size - 1 - used)) > 0) {
		used += (size_t)got;
	}
	out[used] = '\0';
	close(fd);
	return got < 0 ? (int)got : (used ? 0 : -EPROTO);
}

int control_fetch(const char *path, const char *request, FILE *out)
{
	char part[16384];
	int fd = send_request(path, request);
	if (fd < 0) {
		return fd;
	}
	int r = 0;
	for (ssize_t got; r == 0 && (got = take(fd, part, sizeof(part))) != 0;) {
		if (got < 0) {
			r = (int)got;
		} else if (fwrite(part, 1, (size_t)got, out) != (size_t)got) {
			r = -EIO;
		}
	}
	close(fd);
	return r;
}
