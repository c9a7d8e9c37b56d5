/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/sensors.h"

#include <errno.h>

#include "daemon/base/chance.h"

/* Uses of the seed. */
enum { STREAM_METER = 300, STREAM_VOLTS, STREAM_HERTZ };

static double grid_w(const struct plant *p, int index)
{
	(void)index;
	double noise = chance_normal(p->conf.seed, STREAM_METER, plant_wall_s(p));
	return p->grid_w + p->conf.meter_noise_w * noise;
}

static double import_wh(const struct plant *p, int index)
{
	(void)index;
	return p->import_wh;
}

static double export_wh(const struct plant *p, int index)
{
	(void)index;
	return p->export_wh;
}

/* Import pulls the voltage down by some 0.35 V per kW of an ordinary cable. */
static double grid_v(const struct plant *p, int index)
{
	(void)index;
	double slow = 1.5 * chance_noise(p->conf.seed, STREAM_VOLTS, plant_wall_s(p), 900);
	double v = 231 + slow - 0.35e-3 * p->grid_w;
	return v < 0 ? 0 : v > 400 ? 400 : v;
}

static double grid_hz(const struct plant *p, int index)
{
	(void)index;
	return 50 + 0.02 * chance_noise(p->conf.seed, STREAM_HERTZ, plant_wall_s(p), 30);
}

static double pv_w(const struct plant *p, int index)
{
	return p->pv[index].w;
}

static double pv_wh(const struct plant *p, int index)
{
	return p->pv[index].wh;
}

static double battery_w(const struct plant *p, int index)
{
	return p->battery[index].w;
}

static double charge_wh(const struct plant *p, int index)
{
	return p->battery[index].charge_wh;
}

static double discharge_wh(const struct plant *p, int index)
{
	return p->battery[index].discharge_wh;
}

static const struct {
	enum device_kind kind;
	double (*measure)(const struct plant *p, int index);
} sensors[QUANTITY_COUNT] = {
	[GRID_W] = { DEVICE_METER, grid_w },
	[GRID_IMPORT_WH] = { DEVICE_METER, import_wh },
	[GRID_EXPORT_WH] = { DEVICE_METER, export_wh },
	[GRID_V] = { DEVICE_METER, grid_v },
	[GRID_HZ] = { DEVICE_METER, grid_hz },
	[PV_W] = { DEVICE_PV, pv_w },
	[PV_WH] = { DEVICE_PV, pv_wh },
	[BATTERY_W] = { DEVICE_BATTERY, battery_w },
	[BATTERY_SOC] = { DEVICE_BATTERY, plant_soc },
	[BATTERY_CHARGE_MAX_W] = { DEVICE_BATTERY, plant_charge_max_w },
	[BATTERY_DISCHARGE_MAX_W] = { DEVICE_BATTERY, plant_discharge_max_w },
	[BATTERY_CHARGE_WH] = { DEVICE_BATTERY, charge_wh },
	[BATTERY_DISCHARGE_WH] = { DEVICE_BATTERY, discharge_wh },
};

int sensors_measure(const struct plant *p, enum device_kind kind, int index, enum quantity quantity,
		    double *out)
{
	if (!sensors[quantity].measure || sensors[quantity].kind != kind) {
		return -ENOENT;
	}
	*out = sensors[quantity].measure(p, index);
	return 0;
}
