/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lecctl status, explain, devices, plan, mode: ask the running lecd and show what it answers. */
#include "daemon/home/lecctl_show.h"

#include <stdio.h>
#include <string.h>

#include "daemon/home/control.h"
#include "daemon/home/decide.h"
#include "daemon/home/lecctl.h"
#include "drivers/address.h"

static char reply[CONTROL_REPLY_MAX];
static char text[2 * CONTROL_REPLY_MAX];

/* Print the page of a parsed document, or what lecd says against it. Returns the exit code. */
static int print_page(const struct json_value *root,
		      void (*show)(struct page *p, const struct json_value *root))
{
	struct page p;
	const char *error = json_text(json_member(root, "error"));
	page_begin(&p, text, sizeof(text), 0, page_colour(error ? stderr : stdout));
	if (error) {
		page_put(&p, "lecctl: lecd says: %s", error);
		page_end(&p);
		fputs(text, stderr);
		return 1;
	}
	show(&p, root);
	fputs(text, stdout);
	return 0;
}

int lecctl_print(const struct lecctl *c, const char *document,
		 void (*show)(struct page *p, const struct json_value *root))
{
	if (c->json) {
		puts(document);
		return strncmp(document, "{\"error\"", 8) == 0;
	}
	struct json_in in;
	if (json_parse_long(&in, document, strlen(document)) < 0) {
		fprintf(stderr, "lecctl: lecd's answer is not understood: %s\n", in.why);
		json_free(&in);
		return 1;
	}
	int code = print_page(in.root, show);
	json_free(&in);
	return code;
}

static int ask_and_show(const struct lecctl *c, const char *request,
			void (*show)(struct page *p, const struct json_value *root))
{
	int r = lecctl_ask(c, request, reply, sizeof(reply));
	return r < 0 ? 1 : lecctl_print(c, reply, show);
}

bool lecctl_is_driven(const struct lecctl *c, const struct modbus_address *address)
{
	struct json_in in;
	bool driven = false;
	if (control_ask(c->socket, "devices", reply, sizeof(reply)) < 0) {
		return false;
	}
	if (json_parse_long(&in, reply, strlen(reply)) == 0) {
		const struct json_value *list = json_member(in.root, "devices");
		for (int i = 0; i < json_items(list); i++) {
			struct modbus_address a;
			const char *at = show_text(json_item(list, i), "address");
			driven = driven || (!modbus_address_parse(at, &a) &&
					    modbus_address_same_line(&a, address));
		}
	}
	json_free(&in);
	return driven;
}

int lecctl_status(const struct lecctl *c)
{
	return ask_and_show(c, "status", show_status);
}

int lecctl_devices(const struct lecctl *c)
{
	return ask_and_show(c, "devices", show_devices);
}

int lecctl_explain(const struct lecctl *c)
{
	return ask_and_show(c, c->plan ? "explain plan" : "explain", show_explain);
}

/* The picture of the plan that lecd follows. */
static int plot(const struct lecctl *c)
{
	struct json_in in;
	if (lecctl_ask(c, "plan", reply, sizeof(reply)) < 0) {
		return 1;
	}
	if (json_parse_long(&in, reply, strlen(reply)) < 0) {
		fprintf(stderr, "lecctl: lecd's answer is not understood: %s\n", in.why);
		json_free(&in);
		return 1;
	}
	int code = lecctl_plot(in.root, c->plot);
	json_free(&in);
	return code;
}

int lecctl_plan_online(const struct lecctl *c)
{
	if (c->out) {
		fputs("lecctl: --out is for a plan made offline, expected --site and --series with "
		      "it\n",
		      stderr);
		return 2;
	}
	if (c->plot) {
		return plot(c);
	}
	return c->explain ? ask_and_show(c, "explain plan", show_explain)
			  : ask_and_show(c, "plan", show_plan);
}

static void show_mode(struct page *p, const struct json_value *root)
{
	page_put(p, "the mode is now %s", show_text(root, "mode"));
	page_end(p);
}

int lecctl_mode(const struct lecctl *c)
{
	char request[64];
	for (int m = 0; c->words == 1 && m < MODE_COUNT; m++) {
		if (strcmp(c->word[0], mode_names[m]) == 0) {
			snprintf(request, sizeof(request), "mode %s", mode_names[m]);
			return ask_and_show(c, request, show_mode);
		}
	}
	fprintf(stderr, "lecctl: %s mode, expected auto, self, hold or off\n",
		c->words == 1 ? "no such" : "no");
	return 2;
}

/* What is wrong with the actor goes to stderr, as it is when lecd starts. */
int lecctl_reload(const struct lecctl *c)
{
	struct json_in in;
	if (lecctl_ask(c, "reload", reply, sizeof(reply)) < 0) {
		return 1;
	}
	int code = 1;
	const char *error = NULL;
	if (json_parse_long(&in, reply, strlen(reply)) < 0) {
		fprintf(stderr, "lecctl: lecd's answer is not understood: %s\n", in.why);
	} else if ((error = json_text(json_member(in.root, "error")))) {
		size_t length = strlen(error);
		fprintf(stderr, "%s%s", error, length > 0 && error[length - 1] == '\n' ? "" : "\n");
	} else {
		printf("%s is taken up\n", show_text(in.root, "actor"));
		code = 0;
	}
	json_free(&in);
	return code;
}
