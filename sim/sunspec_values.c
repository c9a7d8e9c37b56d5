/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sim/sunspec_parts.h"

#include <math.h>

#include "drivers/sensors.h"
#include "sim/fault_value.h"

enum { STATE_SLEEPING = 2, STATE_MPPT = 4, STATE_THROTTLED = 5 };
enum { CHARGE_EMPTY = 2, CHARGE_DISCHARGING, CHARGE_CHARGING, CHARGE_FULL, CHARGE_HOLDING };
enum { DERTYPE_PV = 4, DERTYPE_STORAGE = 80, DERTYPE_PV_STORAGE = 82 };
enum { STRINGS = 2 };

static bool has(const struct sunspec_face *f, enum device_kind kind)
{
	return f->index[kind] >= 0;
}

/* --- quantities, as the device claims to measure them ------------------------------------------
 */

static double measure(struct sunspec_face *f, enum device_kind kind, enum quantity q)
{
	double value;
	if (!has(f, kind) || sensors_measure(f->plant, kind, f->index[kind], q, &value) < 0) {
		return 0;
	}
	return fault_value(&f->faults, q, value);
}

static double grid_w(struct sunspec_face *f, int index)
{
	(void)index;
	return measure(f, DEVICE_METER, GRID_W);
}

static double grid_v(struct sunspec_face *f, int index)
{
	(void)index;
	return measure(f, DEVICE_METER, GRID_V);
}

static double grid_hz(struct sunspec_face *f, int index)
{
	(void)index;
	return measure(f, DEVICE_METER, GRID_HZ);
}

static double import_wh(struct sunspec_face *f, int index)
{
	(void)index;
	return measure(f, DEVICE_METER, GRID_IMPORT_WH);
}

static double export_wh(struct sunspec_face *f, int index)
{
	(void)index;
	return measure(f, DEVICE_METER, GRID_EXPORT_WH);
}

static double pv_w(struct sunspec_face *f)
{
	return measure(f, DEVICE_PV, PV_W);
}

static double battery_w(struct sunspec_face *f)
{
	return measure(f, DEVICE_BATTERY, BATTERY_W);
}

static double ac_w(struct sunspec_face *f, int index)
{
	(void)index;
	return pv_w(f) + battery_w(f);
}

static double storage_power_w(struct sunspec_face *f, int index)
{
	(void)index;
	return battery_w(f);
}

static double given_wh(struct sunspec_face *f, int index)
{
	(void)index;
	return measure(f, DEVICE_PV, PV_WH) + measure(f, DEVICE_BATTERY, BATTERY_DISCHARGE_WH);
}

static double taken_wh(struct sunspec_face *f, int index)
{
	(void)index;
	return measure(f, DEVICE_BATTERY, BATTERY_CHARGE_WH);
}

static double soc_percent(struct sunspec_face *f, int index)
{
	(void)index;
	return 100 * measure(f, DEVICE_BATTERY, BATTERY_SOC);
}

/* --- states ------------------------------------------------------------------------------------
 */

static double state(struct sunspec_face *f, int index)
{
	(void)index;
	if (has(f, DEVICE_BATTERY) || !has(f, DEVICE_PV)) {
		return STATE_MPPT;
	}
	const struct plant_pv *pv = &f->plant->pv[f->index[DEVICE_PV]];
	return pv->available_w <= 0 ? STATE_SLEEPING
	       : pv->command.active ? STATE_THROTTLED
				    : STATE_MPPT;
}

static double state_701(struct sunspec_face *f, int index)
{
	return state(f, index) - 1; /* the same order, from 0 */
}

static double charge_state(struct sunspec_face *f, int index)
{
	double w = battery_w(f), soc = soc_percent(f, index);
	return w > 1      ? CHARGE_DISCHARGING
	       : w < -1   ? CHARGE_CHARGING
	       : soc < 1  ? CHARGE_EMPTY
	       : soc > 99 ? CHARGE_FULL
			  : CHARGE_HOLDING;
}

static double beats(struct sunspec_face *f, int index)
{
	(void)index;
	return (double)(plant_wall_s(f->plant) & 0x7FFFFFFF);
}

static double one(struct sunspec_face *f, int index)
{
	(void)f;
	(void)index;
	return 1;
}

static double nought(struct sunspec_face *f, int index)
{
	(void)f;
	(void)index;
	return 0;
}

static double percent_all(struct sunspec_face *f, int index)
{
	(void)f;
	(void)index;
	return 100;
}

/* --- the nameplate -----------------------------------------------------------------------------
 */

static const struct plant_battery_conf *battery_of(const struct sunspec_face *f)
{
	static const struct plant_battery_conf none;
	int index = f->index[DEVICE_BATTERY];
	return index >= 0 ? &f->plant->conf.battery[index] : &none;
}

double sunspec_pv_rating_w(const struct sunspec_face *f)
{
	return has(f, DEVICE_PV) ? f->plant->conf.pv[f->index[DEVICE_PV]].rating_w : 0;
}

double sunspec_storage_w(const struct sunspec_face *f)
{
	const struct plant_battery_conf *b = battery_of(f);
	return fmax(b->charge_limit_w, b->discharge_limit_w);
}

double sunspec_capacity_wh(const struct sunspec_face *f)
{
	return battery_of(f)->capacity_wh;
}

static double rating_w(struct sunspec_face *f, int index)
{
	(void)index;
	return fmax(sunspec_pv_rating_w(f), battery_of(f)->discharge_limit_w);
}

static double storage_w(struct sunspec_face *f, int index)
{
	(void)index;
	return sunspec_storage_w(f);
}

static double charge_max_w(struct sunspec_face *f, int index)
{
	(void)index;
	return battery_of(f)->charge_limit_w;
}

static double discharge_max_w(struct sunspec_face *f, int index)
{
	(void)index;
	return battery_of(f)->discharge_limit_w;
}

static double capacity_wh(struct sunspec_face *f, int index)
{
	(void)index;
	return sunspec_capacity_wh(f);
}

static double stored_wh(struct sunspec_face *f, int index)
{
	return capacity_wh(f, index) * soc_percent(f, index) / 100;
}

static double der_type(struct sunspec_face *f, int index)
{
	(void)index;
	return !has(f, DEVICE_BATTERY) ? DERTYPE_PV
	       : has(f, DEVICE_PV)     ? DERTYPE_PV_STORAGE
				       : DERTYPE_STORAGE;
}

/* --- the DC side: two strings, then what charges and what discharges the battery; or ports, PV
 * first
 */

int sunspec_modules(const struct sunspec_face *f)
{
	return (has(f, DEVICE_PV) ? STRINGS : 0) + (has(f, DEVICE_BATTERY) ? 2 : 0);
}

static bool is_string(const struct sunspec_face *f, int index)
{
	return has(f, DEVICE_PV) && index < STRINGS;
}

static bool is_charger(const struct sunspec_face *f, int index)
{
	return index == sunspec_modules(f) - 2;
}

static double modules(struct sunspec_face *f, int index)
{
	(void)index;
	return sunspec_modules(f);
}

static double module_id(struct sunspec_face *f, int index)
{
	(void)f;
	return index + 1;
}

static double module_w(struct sunspec_face *f, int index)
{
	if (is_string(f, index)) {
		return pv_w(f) * (index == 0 ? 0.6 : 0.4);
	}
	double w = battery_w(f);
	return fmax(is_charger(f, index) ? -w : w, 0);
}

static double module_wh(struct sunspec_face *f, int index)
{
	if (is_string(f, index)) {
		return measure(f, DEVICE_PV, PV_WH) * (index == 0 ? 0.6 : 0.4);
	}
	return measure(f, DEVICE_BATTERY,
		       is_charger(f, index) ? BATTERY_CHARGE_WH : BATTERY_DISCHARGE_WH);
}

static double module_state(struct sunspec_face *f, int index)
{
	return is_string(f, index) && pv_w(f) <= 0 ? STATE_SLEEPING : STATE_MPPT;
}

static double ports(struct sunspec_face *f, int index)
{
	(void)index;
	return has(f, DEVICE_PV) + has(f, DEVICE_BATTERY);
}

static bool is_pv_port(const struct sunspec_face *f, int index)
{
	return index == 0 && has(f, DEVICE_PV);
}

static double port_type(struct sunspec_face *f, int index)
{
	return is_pv_port(f, index) ? 0 : 1;
}

static double port_w(struct sunspec_face *f, int index)
{
	return is_pv_port(f, index) ? pv_w(f) : battery_w(f);
}

static double port_given_wh(struct sunspec_face *f, int index)
{
	return is_pv_port(f, index) ? measure(f, DEVICE_PV, PV_WH)
				    : measure(f, DEVICE_BATTERY, BATTERY_DISCHARGE_WH);
}

static double port_taken_wh(struct sunspec_face *f, int index)
{
	return is_pv_port(f, index) ? 0 : taken_wh(f, index);
}

/* --- which point tells what --------------------------------------------------------------------
 */

const struct sunspec_row sunspec_rows[] = {
	{ 1, 1, "DA", 0, NONE, false, one },
	{ 101, 103, "W", 0, BY_POWER, true, ac_w },
	{ 101, 103, "DCW", 0, BY_POWER, true, ac_w },
	{ 101, 103, "WH", 0, 0, true, given_wh },
	{ 101, 103, "St", 0, NONE, false, state },
	{ 111, 113, "W", 0, NONE, true, ac_w },
	{ 111, 113, "DCW", 0, NONE, true, ac_w },
	{ 111, 113, "WH", 0, NONE, true, given_wh },
	{ 111, 113, "St", 0, NONE, false, state },
	{ 120, 120, "DERTyp", 0, NONE, false, der_type },
	{ 120, 120, "WRtg", 0, BY_POWER, false, rating_w },
	{ 120, 120, "WHRtg", 0, BY_ENERGY, false, capacity_wh },
	{ 120, 120, "MaxChaRte", 0, BY_POWER, false, charge_max_w },
	{ 120, 120, "MaxDisChaRte", 0, BY_POWER, false, discharge_max_w },
	{ 121, 121, "WMax", 0, BY_POWER, false, rating_w },
	{ 122, 122, "PVConn", 0, NONE, false, one },
	{ 122, 122, "ActWh", 0, NONE, true, given_wh },
	{ 124, 124, "WChaMax", 0, BY_POWER, false, storage_w },
	{ 124, 124, "ChaState", 0, -2, true, soc_percent },
	{ 124, 124, "ChaSt", 0, NONE, false, charge_state },
	{ 160, 160, "N", 0, NONE, false, modules },
	{ 160, 160, "ID", EVERY, NONE, false, module_id },
	{ 160, 160, "DCW", EVERY, BY_POWER, true, module_w },
	{ 160, 160, "DCWH", EVERY, 0, true, module_wh },
	{ 160, 160, "DCSt", EVERY, NONE, false, module_state },
	{ 201, 204, "W", 0, BY_POWER, true, grid_w },
	{ 201, 204, "PhVphA", 0, -1, true, grid_v },
	{ 201, 204, "Hz", 0, -2, true, grid_hz },
	{ 201, 204, "TotWhExp", 0, 0, true, export_wh },
	{ 201, 204, "TotWhImp", 0, 0, true, import_wh },
	{ 211, 214, "W", 0, NONE, true, grid_w },
	{ 211, 214, "PhVphA", 0, NONE, true, grid_v },
	{ 211, 214, "Hz", 0, NONE, true, grid_hz },
	{ 211, 214, "TotWhExp", 0, NONE, true, export_wh },
	{ 211, 214, "TotWhImp", 0, NONE, true, import_wh },
	{ 701, 701, "St", 0, NONE, false, one },
	{ 701, 701, "InvSt", 0, NONE, false, state_701 },
	{ 701, 701, "W", 0, BY_POWER, true, ac_w },
	{ 701, 701, "TotWhInj", 0, 0, true, given_wh },
	{ 701, 701, "TotWhAbs", 0, 0, true, taken_wh },
	{ 702, 702, "WMaxRtg", 0, BY_POWER, false, rating_w },
	{ 702, 702, "WChaRteMaxRtg", 0, BY_POWER, false, charge_max_w },
	{ 702, 702, "WDisChaRteMaxRtg", 0, BY_POWER, false, discharge_max_w },
	{ 702, 702, "WMax", 0, BY_POWER, false, rating_w },
	{ 702, 702, "WChaRteMax", 0, BY_POWER, false, charge_max_w },
	{ 702, 702, "WDisChaRteMax", 0, BY_POWER, false, discharge_max_w },
	{ 703, 703, "ES", 0, NONE, false, one },
	{ 713, 713, "WHRtg", 0, BY_ENERGY, false, capacity_wh },
	{ 713, 713, "WHAvail", 0, BY_ENERGY, true, stored_wh },
	{ 713, 713, "SoC", 0, -2, true, soc_percent },
	{ 713, 713, "SoH", 0, -2, false, percent_all },
	{ 713, 713, "Sta", 0, NONE, false, nought },
	{ 714, 714, "NPrt", 0, NONE, false, ports },
	{ 714, 714, "PrtTyp", EVERY, NONE, false, port_type },
	{ 714, 714, "DCW", EVERY, BY_POWER, true, port_w },
	{ 714, 714, "DCWhInj", EVERY, 0, true, port_given_wh },
	{ 714, 714, "DCWhAbs", EVERY, 0, true, port_taken_wh },
	{ 715, 715, "LocRemCtl", 0, NONE, false, nought },
	{ 715, 715, "DERHb", 0, NONE, false, beats },
	{ 802, 802, "WHRtg", 0, BY_ENERGY, false, capacity_wh },
	{ 802, 802, "WChaRteMax", 0, BY_POWER, false, charge_max_w },
	{ 802, 802, "WDisChaRteMax", 0, BY_POWER, false, discharge_max_w },
	{ 802, 802, "SoC", 0, -2, true, soc_percent },
	{ 802, 802, "ChaSt", 0, NONE, false, charge_state },
	{ 802, 802, "W", 0, BY_POWER, true, storage_power_w },
	{ 803, 803, "NStr", 0, NONE, false, nought },
};
const int sunspec_rows_count = sizeof(sunspec_rows) / sizeof(*sunspec_rows);
