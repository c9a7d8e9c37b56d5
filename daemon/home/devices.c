/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/home/devices.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "daemon/home/profiles.h"
#include "drivers/modbus.h"
#include "drivers/profile.h"
#include "drivers/sunspec_profile.h"

void devices_plant_conf(const struct site *site, uint64_t seed, struct plant_conf *out)
{
	*out = (struct plant_conf){ .seed = seed ? seed : 20260615,
				    .latitude_deg = site->latitude,
				    .longitude_deg = site->longitude,
				    .utc_offset_s = timezone_offset_s,
				    .meter_noise_w = 5,
				    .pvs = site->pvs,
				    .batteries = site->batteries };
	for (int i = 0; i < site->pvs; i++) {
		out->pv[i] = (struct plant_pv_conf){ .peak_w = site->pv[i].peak_w,
						     .rating_w = site->pv[i].peak_w,
						     .tilt_deg = 35,
						     .azimuth_deg = 180 };
	}
	for (int b = 0; b < site->batteries; b++) {
		const struct battery_model *m = &site->battery[b].model;
		out->battery[b] = (struct plant_battery_conf){
			.capacity_wh = m->capacity_wh,
			.charge_limit_w = m->charge_limit_w,
			.discharge_limit_w = m->discharge_limit_w,
			.round_trip_efficiency = m->charge_efficiency * m->discharge_efficiency,
			.self_discharge = 0.001,
			.lag_s = 1,
			.soc_start = m->soc_start,
		};
	}
}

static void open_simulated(struct devices *d, const struct plant_conf *conf)
{
	struct plant_conf own;
	if (!conf) {
		devices_plant_conf(d->site, 0, &own);
		conf = &own;
	}
	plant_init(&d->plant, conf);
	plant_start(&d->plant, clock_now_us(d->hub.clock), clock_wall_s(d->hub.clock));
	simulated_init(&d->simulated_meter, &d->plant, DEVICE_METER, 0);
	d->meter = &d->simulated_meter.device;
	for (int i = 0; i < d->site->pvs; i++) {
		simulated_init(&d->simulated_pv[i], &d->plant, DEVICE_PV, i);
		d->pv[i] = &d->simulated_pv[i].device;
	}
	for (int b = 0; b < d->site->batteries; b++) {
		simulated_init(&d->simulated_battery[b], &d->plant, DEVICE_BATTERY, b);
		d->battery[b] = &d->simulated_battery[b].device;
	}
}

/* What can only be read must not be planned with as if it obeyed. */
static int check_control(const struct site *site, const struct site_link *link,
			 const struct profile *profile, struct diag *diag)
{
	for (int b = 0; b < site->batteries; b++) {
		const struct battery_model *m = &site->battery[b].model;
		if (link == &site->battery[b].link && !profile_controls(profile) &&
		    m->charge_limit_w + m->discharge_limit_w > 0) {
			return diag_error(
				diag, site->path, link->line,
				"profile \"%s\" can read this battery and not command it, "
				"expected charge-limit = 0 W and discharge-limit = 0 W",
				link->profile);
		}
	}
	for (int i = 0; i < site->pvs; i++) {
		if (link == &site->pv[i].link && site->pv[i].curtailable &&
		    !profile_controls(profile)) {
			return diag_error(diag, site->path, link->line,
					  "profile \"%s\" cannot limit this inverter, expected "
					  "curtailable = no",
					  link->profile);
		}
	}
	return 0;
}

/* Load the profile a link names, checked to be of that kind. */
static int load_profile(struct devices *d, const struct site_link *link, enum device_kind kind,
			struct profile *profile, struct diag *diag)
{
	char path[256];
	if (strcmp(link->profile, "sunspec") == 0) { /* found out at the first contact */
		sunspec_profile_init(kind, profile);
		return 0;
	}
	if (profiles_find(d->site->profiles, link->profile, path, sizeof(path)) < 0) {
		return diag_error(diag, d->site->path, link->line,
				  "profile \"%s\" is not in %s, expected one that is",
				  link->profile, d->site->profiles);
	}
	int r = profile_load(path, profile, diag);
	if (r < 0) {
		return r;
	}
	if (profile->kind != kind) {
		return diag_error(diag, d->site->path, link->line,
				  "profile \"%s\" is of another kind of device, expected one for "
				  "this section",
				  link->profile);
	}
	if (profile_needs_rating(profile) && link->rating_w <= 0) {
		return diag_error(diag, d->site->path, link->line,
				  "profile \"%s\" tells shares of a rating, expected rating = its "
				  "power here",
				  link->profile);
	}
	profile_rate(profile, link->rating_w);
	return 0;
}

/* What is wrong with the keeper's files keeps the device from being commanded, not us from
 * starting. */
static void keep(struct devices *d, const struct site_link *link, enum device_kind kind,
		 struct device *device)
{
	struct modbus_keeper keeper;
	struct diag said = { .to = stderr };
	keeper_open(&d->keeper[d->keepers], d->site, kind == DEVICE_PV ? "pv" : "battery", link,
		    clock_wall_s(d->hub.clock), &keeper, &said);
	d->keepers++;
	modbus_device_keep(device, &keeper);
}

static int open_modbus(struct devices *d, const struct site_link *link, enum device_kind kind,
		       struct device **out, struct diag *diag)
{
	struct profile profile = { 0 };
	struct modbus_address address;
	int r = load_profile(d, link, kind, &profile, diag);
	if (r < 0) {
		return r;
	}
	(void)modbus_address_parse(link->address, &address); /* checked with the site */
	bool sunspec = strcmp(link->profile, "sunspec") == 0;
	r = sunspec ? 0 : check_control(d->site, link, &profile, diag);
	r = r < 0 ? r : lines_add(&d->lines, d->site, link, &address, &profile, diag);
	r = r < 0 ? r : modbus_device_open(&d->hub, &address, &profile, out);
	if (r == 0 && kind != DEVICE_METER) {
		keep(d, link, kind, *out);
	}
	return r;
}

static int open_one(struct devices *d, const struct site_link *link, enum device_kind kind,
		    struct device **out, struct diag *diag)
{
	if (link->driver == DRIVER_NONE) {
		return 0;
	}
	int r = open_modbus(d, link, kind, out, diag);
	if (r < 0 && r != -EINVAL) {
		diag_error(diag, d->site->path, link->line, "the device cannot be opened: %s",
			   strerror(-r));
	}
	return r;
}

int devices_open(struct devices *d, const struct site *site, const struct clock *clock,
		 bool simulate, const struct plant_conf *conf, struct diag *diag)
{
	*d = (struct devices){ .site = site };
	bus_hub_init(&d->hub, clock);
	if (simulate || site->meter.link.driver == DRIVER_SIMULATED) {
		open_simulated(d, conf);
		return 0;
	}
	int errors = diag->errors;
	(void)open_one(d, &site->meter.link, DEVICE_METER, &d->meter, diag);
	for (int i = 0; i < site->pvs; i++) {
		(void)open_one(d, &site->pv[i].link, DEVICE_PV, &d->pv[i], diag);
	}
	for (int b = 0; b < site->batteries; b++) {
		(void)open_one(d, &site->battery[b].link, DEVICE_BATTERY, &d->battery[b], diag);
	}
	lines_check(&d->lines, site, diag);
	if (diag->errors > errors) {
		devices_close(d);
		return -EINVAL;
	}
	return 0;
}

static void check_local(const struct site *site, const struct site_link *l, struct diag *diag)
{
	struct modbus_address a;
	if (l->driver != DRIVER_MODBUS || modbus_address_parse(l->address, &a)) {
		return;
	}
	if (strncmp(a.host, "127.", 4) != 0 && strcmp(a.host, "::1") != 0 &&
	    strcmp(a.host, "localhost") != 0) {
		diag_error(diag, site->path, l->line,
			   "%s is a real device, expected one on loopback with --speed",
			   l->address);
	}
}

bool devices_are_local(const struct site *site, bool simulate, struct diag *diag)
{
	int errors = diag->errors;
	if (simulate) {
		return true;
	}
	check_local(site, &site->meter.link, diag);
	for (int i = 0; i < site->pvs; i++) {
		check_local(site, &site->pv[i].link, diag);
	}
	for (int b = 0; b < site->batteries; b++) {
		check_local(site, &site->battery[b].link, diag);
	}
	return diag->errors == errors;
}

/* Call visit for each device there is. */
static void each(struct devices *d, void (*visit)(struct device *device, void *context),
		 void *context)
{
	if (d->meter) {
		visit(d->meter, context);
	}
	for (int i = 0; i < d->site->pvs; i++) {
		if (d->pv[i]) {
			visit(d->pv[i], context);
		}
	}
	for (int b = 0; b < d->site->batteries; b++) {
		if (d->battery[b]) {
			visit(d->battery[b], context);
		}
	}
}

static void close_one(struct device *device, void *context)
{
	(void)context;
	if (device->methods->close) {
		device->methods->close(device);
	}
}

void devices_close(struct devices *d)
{
	each(d, close_one, NULL);
	*d = (struct devices){ .site = d->site };
}

static void poll_one(struct device *device, void *context)
{
	if (device->methods->poll) {
		device->methods->poll(device, *(int64_t *)context);
	}
}

void devices_poll(struct devices *d, int64_t now_us)
{
	each(d, poll_one, &now_us);
}

static void read_one(struct device *device, int64_t now_us, struct snapshot *out)
{
	if (device) {
		device->methods->snapshot(device, now_us, out);
	}
}

void devices_read(struct devices *d, int64_t now_us, struct snapshots *out)
{
	read_one(d->meter, now_us, &out->meter);
	for (int i = 0; i < d->site->pvs; i++) {
		read_one(d->pv[i], now_us, &out->pv[i]);
	}
	for (int b = 0; b < d->site->batteries; b++) {
		read_one(d->battery[b], now_us, &out->battery[b]);
	}
}

/* The limit of all is shared by peak power. */
static struct command pv_command(const struct site *site, int i, const struct action *a,
				 int64_t expires_us)
{
	double peak_w = 0;
	for (int k = 0; k < site->pvs; k++) {
		peak_w += site->pv[k].curtailable ? site->pv[k].peak_w : 0;
	}
	if (!a->pv_limited) {
		return (struct command){ .kind = COMMAND_RELEASE, .expires_us = expires_us };
	}
	return (struct command){ .kind = COMMAND_PV_LIMIT_W,
				 .w = a->pv_limit_w * site->pv[i].peak_w / peak_w,
				 .expires_us = expires_us };
}

void devices_command(struct devices *d, const struct action *a, int64_t expires_us)
{
	for (int i = 0; i < d->site->pvs; i++) {
		if (d->pv[i] && d->site->pv[i].curtailable && !a->pv_untouched) {
			struct command c = pv_command(d->site, i, a, expires_us);
			c.insist = d->insist;
			d->pv[i]->methods->command(d->pv[i], &c);
		}
	}
	for (int b = 0; b < d->site->batteries; b++) {
		struct command c = { .kind = a->release[b] ? COMMAND_RELEASE : COMMAND_BATTERY_W,
				     .w = a->battery_w[b],
				     .expires_us = expires_us,
				     .insist = d->insist,
				     .again = a->again[b] };
		if (d->battery[b] && !a->untouched[b]) {
			d->battery[b]->methods->command(d->battery[b], &c);
		}
	}
}

/* Devices that can be reached and are not released yet. */
static int engaged(struct devices *d, int64_t now_us)
{
	struct snapshots seen = { 0 };
	devices_read(d, now_us, &seen);
	int count = 0;
	for (int i = 0; i < d->site->pvs; i++) {
		count += seen.pv[i].up && seen.pv[i].engaged;
	}
	for (int b = 0; b < d->site->batteries; b++) {
		count += seen.battery[b].up && seen.battery[b].engaged;
	}
	return count;
}

int devices_release(struct devices *d)
{
	enum { STEP_MS = 5, PATIENCE_US = 2000000 };
	struct action none = { 0 };
	for (int b = 0; b < BATTERIES_MAX; b++) {
		none.release[b] = true;
	}
	devices_command(d, &none, 0);
	int64_t end_us = clock_real_us() + PATIENCE_US;
	int left = engaged(d, clock_now_us(d->hub.clock));
	while (left > 0 && clock_real_us() < end_us) {
		(void)poll(NULL, 0, STEP_MS); /* the buses' threads are at work */
		left = engaged(d, clock_now_us(d->hub.clock));
	}
	return left;
}
