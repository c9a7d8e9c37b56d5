/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/market/broker_acl.h"

#include <string.h>

/* Of a topic's text, below "lec/COMMUNITY/" unless it begins with a slash: & stands for the home.
 */
struct rule {
	const char *access, *topic;
};

/* What every home may, listed or not: mosquitto puts the common name in for %u. */
static const struct rule of_homes[] = {
	{ "write", "home/&/status" },
	{ "write", "home/&/state" },
	{ "write", "home/&/plan" },
	{ "write", "home/&/bid" },
	{ "write", "home/&/meter" },
	{ "read", "home/&/award" },
	{ "read", "home/&/receipt" },
	{ "read", "home/&/limit" },
	{ "read", "home/&/command" },
	{ "read", "market/#" },
	{ "read", "dso/status" },
	{ "write", "admm/home/&/#" },
	{ "read", "admm/market/offer/&" },
	{ "read", "admm/market/result" },
	{ "write", "home/&/flexibility" },
	{ "read", "home/&/schedule" },
	{ "read", "community/status" },
	{ "read", "community/fairness" },
	{ NULL, NULL },
};

/* What a listed home may besides: mosquitto puts nothing in beside other letters. */
static const struct rule of_listed[] = {
	{ "write", "/homeassistant/device/lecd_&/config" },
	{ NULL, NULL },
};

static const struct rule of_person[] = {
	{ "read", "home/&/status" },
	{ "read", "home/&/state" },
	{ "read", "home/&/plan" },
	{ "read", "home/&/award" },
	{ "read", "home/&/receipt" },
	{ "read", "home/&/limit" },
	{ "read", "home/&/flexibility" },
	{ "read", "home/&/schedule" },
	{ "read", "community/status" },
	{ "read", "community/fairness" },
	{ "write", "home/&/command" },
	{ "read", "/homeassistant/device/lecd_&/config" },
	{ NULL, NULL },
};

static const struct rule of_market[] = {
	{ "read", "home/+/status" },
	{ "read", "home/+/bid" },
	{ "read", "home/+/meter" },
	{ "write", "home/+/award" },
	{ "write", "home/+/receipt" },
	{ "readwrite", "market/#" },
	{ "write", "admm/market/#" },
	{ "read", "admm/#" },
	{ "read", "home/+/limit" },
	{ "write", "dso/proposal" },
	{ "read", "dso/verdict" },
	{ "read", "dso/status" },
	{ NULL, NULL },
};

static const struct rule of_dso[] = {
	{ "read", "market/#" },      { "read", "dso/proposal" },
	{ "write", "dso/status" },   { "write", "dso/verdict" },
	{ "write", "home/+/limit" }, { "write", "admm/dso/#" },
	{ "read", "admm/#" },        { NULL, NULL },
};

/* The community's manager: a lecd with role = community. */
static const struct rule of_manager[] = {
	{ "readwrite", "community/#" },   { "read", "home/+/status" },
	{ "read", "home/+/flexibility" }, { "read", "home/+/meter" },
	{ "write", "home/+/schedule" },   { "read", "market/#" },
	{ "read", "dso/status" },         { NULL, NULL },
};

static const struct rule of_operator[] = {
	{ "read", "#" },
	{ "read", "/homeassistant/#" },
	{ "read", "/$SYS/#" },
	{ NULL, NULL },
};

static const struct {
	const char *name;
	const struct rule *rules;
} services[] = {
	{ "market", of_market },
	{ "dso", of_dso },
	{ "manager", of_manager },
	{ "operator", of_operator },
};
enum { SERVICES = sizeof(services) / sizeof(*services), SERVICE_SIZE = 48 };

bool broker_acl_reserved(const char *id)
{
	for (int i = 0; i < SERVICES; i++) {
		if (strcmp(services[i].name, id) == 0) {
			return true;
		}
	}
	return false;
}

static void write_rules(FILE *to, const struct rule *rule, const char *keyword,
			const char *community, const char *home)
{
	for (; rule->topic; rule++) {
		fprintf(to, "%s %s ", keyword, rule->access);
		const char *topic = rule->topic;
		if (*topic == '/') {
			topic++;
		} else {
			fprintf(to, "lec/%s/", community);
		}
		for (; *topic; topic++) {
			if (*topic == '&') {
				fputs(home, to);
			} else {
				fputc(*topic, to);
			}
		}
		fputc('\n', to);
	}
}

/* Patterns hold for everybody: who is no home gets nothing by them. A denial comes before all rules
 * that allow. */
static void deny_home(FILE *to, const char *community, const char *name)
{
	fprintf(to, "topic deny lec/%s/home/%s/#\n", community, name);
	fprintf(to, "topic deny lec/%s/admm/home/%s/#\n", community, name);
}

/* What is for everybody, of the rules of homes: no pattern gives it where there are several. */
static void write_public(FILE *to, const char *community)
{
	for (const struct rule *rule = of_homes; rule->topic; rule++) {
		if (!strchr(rule->topic, '&')) {
			const struct rule one[] = { *rule, { NULL, NULL } };
			write_rules(to, one, "topic", community, "");
		}
	}
}

static void write_services(FILE *to, const struct market_conf *c, bool several)
{
	for (int i = 0; i < SERVICES; i++) {
		char name[SERVICE_SIZE];
		snprintf(name, sizeof(name), "%s%s%s", services[i].name, several ? "." : "",
			 several ? c->community : "");
		fprintf(to, "\nuser %s\n", name);
		deny_home(to, c->community, name);
		write_rules(to, services[i].rules, "topic", c->community, "");
		if (several) {
			write_public(to, c->community);
		}
	}
}

static void write_listed(FILE *to, const struct market_conf *c, const char *id, bool several)
{
	char person[HOME_ID_SIZE + 8];
	snprintf(person, sizeof(person), "%s.person", id);
	fprintf(to, "\nuser %s\n", id);
	if (several) {
		write_rules(to, of_homes, "topic", c->community, id);
	}
	write_rules(to, of_listed, "topic", c->community, id);
	fprintf(to, "\nuser %s\n", person);
	deny_home(to, c->community, person);
	write_rules(to, of_person, "topic", c->community, id);
	if (several) {
		write_public(to, c->community);
	}
}

void broker_acl_write(FILE *to, const struct market_conf *c, int count)
{
	bool several = count > 1;
	for (int i = 0; i < count; i++) {
		fprintf(to,
			"%s# Who may do what on the broker of community %s; written by lec-market\n"
			"# broker-config, and to be written anew rather than changed.\n",
			i > 0 ? "\n" : "", c[i].community);
		write_services(to, &c[i], several);
		for (int k = 0; k < c[i].rounds.named; k++) {
			write_listed(to, &c[i], c[i].rounds.home[k].id, several);
		}
	}
	if (!several) {
		fputs("\n# Every home, by the common name of its certificate.\n", to);
		write_rules(to, of_homes, "pattern", c->community, "%u");
	}
}
