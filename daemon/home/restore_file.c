/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/restore_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/config.h"
#include "daemon/base/durable.h"
#include "daemon/base/hash.h"
#include "drivers/address.h"

enum { TEXT_MAX = 16384 };

static const char seal[] = "checksum = ";

/* --- writing ------------------------------------------------------------------------------------
 */

struct text {
	char bytes[TEXT_MAX];
	int used;
};

/* All that can be written fits: the blocks and their words are bounded. */
__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	t->used += vsnprintf(t->bytes + t->used, sizeof(t->bytes) - (size_t)t->used, format, args);
	va_end(args);
}

static void put_block(struct text *t, const struct restore_block *b)
{
	put(t, "write = %d %d %u", b->unit, b->function, b->address);
	for (int i = 0; i < b->count; i++) {
		put(t, " %04x", b->words[i]);
	}
	put(t, "\n");
}

int restore_file_write(const char *path, const struct restore_file *f)
{
	const struct restore *r = &f->restore;
	struct text t = { .used = 0 };
	put(&t,
	    "; What %s held before lecd commanded it for the first time. lecd-release(8) writes it "
	    "back,\n; in this order: unit, function, register, words in hexadecimal.\n",
	    f->device);
	put(&t, "[restore]\ndevice = %s\naddress = %s\n", f->device, f->address);
	put(&t, "timeout = %" PRId64 " ms\nconnect-delay = %" PRId64 " ms\n",
	    (r->timeout_us + 999) / 1000, (r->connect_delay_us + 999) / 1000);
	put(&t, "request-delay = %" PRId64 " ms\nsettle = %" PRId64 " ms\n",
	    (r->request_delay_us + 999) / 1000, (r->settle_us + 999) / 1000);
	for (int i = 0; i < r->blocks; i++) {
		put_block(&t, &r->block[i]);
	}
	put(&t, "%s%016" PRIx64 "\n", seal, hash_bytes(t.bytes, (size_t)t.used));
	return durable_write(path, t.bytes, (size_t)t.used);
}

/* --- reading ------------------------------------------------------------------------------------
 */

/* What a file's section is read into before it is checked as a whole. */
struct section {
	struct restore_file file;
	double timeout_s, connect_delay_s, request_delay_s, settle_s;
	char checksum[24];
};

/* The next number of a list, 0..max, or -1. */
static long next(const char **at, int base, long max)
{
	char *end;
	errno = 0;
	long value = strtol(*at, &end, base);
	bool good = end > *at && (*end == ' ' || *end == '\0') && errno == 0;
	*at = end;
	return good && value >= 0 && value <= max ? value : -1;
}

/* "1 16 100 0000 05dc" */
static const char *parse_write(const char *text, void *target)
{
	static const char expected[] =
		"a unit, a function, 6 or 16, a register and its words in hexadecimal";
	uint16_t words[RESTORE_WORDS_MAX];
	const char *at = text;
	long unit = next(&at, 10, 255), function = next(&at, 10, 16);
	long address = next(&at, 10, UINT16_MAX), word = 0;
	int count = 0;
	for (; *at && count < RESTORE_WORDS_MAX && word >= 0; count++) {
		word = next(&at, 16, UINT16_MAX);
		words[count] = (uint16_t)word;
	}
	bool fits = function == 6 ? count == 1 : function == 16 && count > 0;
	if (*at || unit < 0 || address < 0 || word < 0 || !fits ||
	    address + count - 1 > UINT16_MAX) {
		return expected;
	}
	struct restore *r = target;
	if (restore_add(r, (int)unit, (int)function, (int)address, count) < 0) {
		return "fewer of them";
	}
	memcpy(r->block[r->blocks - 1].words, words, sizeof(*words) * (size_t)count);
	return NULL;
}

static const char *parse_address(const char *text, void *target)
{
	struct modbus_address ignored;
	const char *expected = modbus_address_parse(text, &ignored);
	if (!expected) {
		snprintf(target, sizeof(((struct restore_file *)0)->address), "%s", text);
	}
	return expected;
}

#define AT(field) offsetof(struct section, field)
/* clang-format off */
#define WAIT(key, field) { key, OPTION_QUANTITY, DIMENSION_TIME, AT(field), 0, RESTORE_WAIT_MAX_MS / 1e3, NULL, NULL, NULL }
static const struct option options[] = {
	{ "device", OPTION_TEXT, 0, AT(file.device), 0, sizeof(((struct restore_file *)0)->device), NULL, NULL, NULL },
	{ "address", OPTION_CUSTOM, 0, AT(file.address), 0, 0, NULL, NULL, parse_address },
	WAIT("timeout", timeout_s),
	WAIT("connect-delay", connect_delay_s),
	WAIT("request-delay", request_delay_s),
	WAIT("settle", settle_s),
	{ "write", OPTION_REPEATED, 0, AT(file.restore), 0, 0, NULL, NULL, parse_write },
	{ "checksum", OPTION_TEXT, 0, AT(checksum), 0, sizeof(((struct section *)0)->checksum), NULL, NULL, NULL },
};
/* clang-format on */

static int64_t us(double s)
{
	return (int64_t)(s * 1e6 + 0.5);
}

static int load(struct config *c, struct restore_file *out, struct diag *d)
{
	struct section s = { 0 };
	int errors = d->errors;
	int at = config_find(c, "restore");
	if (at < 0) {
		return diag_error(d, c->path, 0, "no [restore] section, expected one");
	}
	config_apply(c, at, options, sizeof(options) / sizeof(*options), &s, NULL, d);
	config_refuse_unknown(c, "[restore]", d);
	if (d->errors > errors) {
		return -EINVAL;
	}
	*out = s.file;
	out->restore.timeout_us = us(s.timeout_s);
	out->restore.connect_delay_us = us(s.connect_delay_s);
	out->restore.request_delay_us = us(s.request_delay_s);
	out->restore.settle_us = us(s.settle_s);
	return 0;
}

/* The last line, which must seal all bytes before it. */
static int check_seal(const char *path, const char *text, size_t size, struct diag *d)
{
	int line = 0;
	const char *last = text;
	for (const char *p = text; p < text + size; p = strchrnul(p, '\n') + 1) {
		last = p;
		line++;
	}
	char want[sizeof(seal) + 17];
	snprintf(want, sizeof(want), "%s%016" PRIx64 "\n", seal,
		 hash_bytes(text, (size_t)(last - text)));
	if (strcmp(last, want) != 0) {
		return diag_error(d, path, line,
				  "the file is torn or was changed, expected \"%.*s\" at its end",
				  (int)strlen(want) - 1, want);
	}
	return 0;
}

static int check_file(const char *path, struct diag *d)
{
	char text[TEXT_MAX + 1];
	struct stat found;
	if (stat(path, &found) == 0 && !S_ISREG(found.st_mode)) { /* a pipe would never answer */
		return diag_error(d, path, 0, "is no file, expected one");
	}
	FILE *file = fopen(path, "re");
	if (!file) {
		return errno == ENOENT ? -ENOENT : diag_error(d, path, 0, "%s", strerror(errno));
	}
	size_t size = fread(text, 1, TEXT_MAX, file);
	bool failed = ferror(file) != 0;
	fclose(file);
	text[size] = '\0';
	return failed ? diag_error(d, path, 0, "cannot be read") : check_seal(path, text, size, d);
}

int restore_file_read(const char *path, struct restore_file *out, struct diag *d)
{
	struct config c;
	int r = check_file(path, d);
	if (r < 0) {
		return r;
	}
	r = config_read(&c, path, d);
	r = r < 0 ? r : load(&c, out, d);
	config_free(&c);
	return r;
}
