/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drivers/sunspec_models.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
static const struct sunspec_layout layouts[] = {
	/* models    length repeat also */
	{ 1, 1,       66, 0, 65 }, /* the pad at the end is left out by some */
	{ 101, 103,   50, 0, 0 },
	{ 111, 113,   60, 0, 0 },
	{ 120, 120,   26, 0, 0 },
	{ 121, 121,   30, 0, 0 },
	{ 122, 122,   44, 0, 0 },
	{ 123, 124,   24, 0, 0 },
	{ 160, 160,    8, 20, 0 },
	{ 201, 204,  105, 0, 0 },
	{ 211, 214,  124, 0, 0 },
	{ 701, 701,  153, 0, 0 },
	{ 702, 702,   50, 0, 0 },
	{ 703, 703,   17, 0, 0 },
	{ 704, 704,   65, 0, 0 },
	{ 713, 713,    7, 0, 0 },
	{ 714, 714,   18, 25, 0 },
	{ 715, 715,    7, 0, 0 },
	{ 802, 802,   62, 0, 0 },
	{ 803, 803,   26, 32, 0 },
};

static const struct sunspec_point points[] = {
	/* models  offset words type  factor writable unit  name */
	/* common */
	{ 1, 1,   2, 16, SUNSPEC_STRING, 0, false, "", "Mn" },
	{ 1, 1,  18, 16, SUNSPEC_STRING, 0, false, "", "Md" },
	{ 1, 1,  34,  8, SUNSPEC_STRING, 0, false, "", "Opt" },
	{ 1, 1,  42,  8, SUNSPEC_STRING, 0, false, "", "Vr" },
	{ 1, 1,  50, 16, SUNSPEC_STRING, 0, false, "", "SN" },
	{ 1, 1,  66,  1, SUNSPEC_U16, 0, true, "", "DA" },
	/* inverter, integers */
	{ 101, 103,  14,  1, SUNSPEC_S16, 15, false, "W", "W" },
	{ 101, 103,  15,  1, SUNSPEC_FACTOR, 0, false, "", "W_SF" },
	{ 101, 103,  24,  2, SUNSPEC_ACC32, 26, false, "Wh", "WH" },
	{ 101, 103,  26,  1, SUNSPEC_FACTOR, 0, false, "", "WH_SF" },
	{ 101, 103,  31,  1, SUNSPEC_S16, 32, false, "W", "DCW" },
	{ 101, 103,  32,  1, SUNSPEC_FACTOR, 0, false, "", "DCW_SF" },
	{ 101, 103,  38,  1, SUNSPEC_ENUM16, 0, false, "", "St" },
	/* inverter, floats */
	{ 111, 113,  22,  2, SUNSPEC_F32, 0, false, "W", "W" },
	{ 111, 113,  32,  2, SUNSPEC_F32, 0, false, "Wh", "WH" },
	{ 111, 113,  38,  2, SUNSPEC_F32, 0, false, "W", "DCW" },
	{ 111, 113,  48,  1, SUNSPEC_ENUM16, 0, false, "", "St" },
	/* nameplate */
	{ 120, 120,   2,  1, SUNSPEC_ENUM16, 0, false, "", "DERTyp" },
	{ 120, 120,   3,  1, SUNSPEC_U16, 4, false, "W", "WRtg" },
	{ 120, 120,   4,  1, SUNSPEC_FACTOR, 0, false, "", "WRtg_SF" },
	{ 120, 120,  19,  1, SUNSPEC_U16, 20, false, "Wh", "WHRtg" },
	{ 120, 120,  20,  1, SUNSPEC_FACTOR, 0, false, "", "WHRtg_SF" },
	{ 120, 120,  23,  1, SUNSPEC_U16, 24, false, "W", "MaxChaRte" },
	{ 120, 120,  24,  1, SUNSPEC_FACTOR, 0, false, "", "MaxChaRte_SF" },
	{ 120, 120,  25,  1, SUNSPEC_U16, 26, false, "W", "MaxDisChaRte" },
	{ 120, 120,  26,  1, SUNSPEC_FACTOR, 0, false, "", "MaxDisChaRte_SF" },
	/* basic settings */
	{ 121, 121,   2,  1, SUNSPEC_U16, 22, true, "W", "WMax" },
	{ 121, 121,  22,  1, SUNSPEC_FACTOR, 0, false, "", "WMax_SF" },
	/* status */
	{ 122, 122,   2,  1, SUNSPEC_BITS16, 0, false, "", "PVConn" },
	{ 122, 122,   3,  1, SUNSPEC_BITS16, 0, false, "", "StorConn" },
	{ 122, 122,   5,  4, SUNSPEC_ACC64, 0, false, "Wh", "ActWh" },
	{ 122, 122,  31,  1, SUNSPEC_U16, 32, false, "var", "WAval" },
	{ 122, 122,  32,  1, SUNSPEC_FACTOR, 0, false, "", "WAval_SF" },
	/* immediate controls */
	{ 123, 123,   5,  1, SUNSPEC_U16, 23, true, "% WMax", "WMaxLimPct" },
	{ 123, 123,   7,  1, SUNSPEC_U16, 0, true, "Secs", "WMaxLimPct_RvrtTms" },
	{ 123, 123,   9,  1, SUNSPEC_ENUM16, 0, true, "", "WMaxLim_Ena" },
	{ 123, 123,  23,  1, SUNSPEC_FACTOR, 0, false, "", "WMaxLimPct_SF" },
	/* storage */
	{ 124, 124,   2,  1, SUNSPEC_U16, 18, true, "W", "WChaMax" },
	{ 124, 124,   5,  1, SUNSPEC_BITS16, 0, true, "", "StorCtl_Mod" },
	{ 124, 124,   7,  1, SUNSPEC_U16, 21, true, "% WChaMax", "MinRsvPct" },
	{ 124, 124,   8,  1, SUNSPEC_U16, 22, false, "% AhrRtg", "ChaState" },
	{ 124, 124,  11,  1, SUNSPEC_ENUM16, 0, false, "", "ChaSt" },
	{ 124, 124,  12,  1, SUNSPEC_S16, 25, true, "% WDisChaMax", "OutWRte" },
	{ 124, 124,  13,  1, SUNSPEC_S16, 25, true, " % WChaMax", "InWRte" },
	{ 124, 124,  15,  1, SUNSPEC_U16, 0, true, "Secs", "InOutWRte_RvrtTms" },
	{ 124, 124,  17,  1, SUNSPEC_ENUM16, 0, true, "", "ChaGriSet" },
	{ 124, 124,  18,  1, SUNSPEC_FACTOR, 0, false, "", "WChaMax_SF" },
	{ 124, 124,  21,  1, SUNSPEC_FACTOR, 0, false, "", "MinRsvPct_SF" },
	{ 124, 124,  22,  1, SUNSPEC_FACTOR, 0, false, "", "ChaState_SF" },
	{ 124, 124,  25,  1, SUNSPEC_FACTOR, 0, false, "", "InOutWRte_SF" },
	/* DC modules; from 10 on the first of N */
	{ 160, 160,   4,  1, SUNSPEC_FACTOR, 0, false, "", "DCW_SF" },
	{ 160, 160,   5,  1, SUNSPEC_FACTOR, 0, false, "", "DCWH_SF" },
	{ 160, 160,   8,  1, SUNSPEC_U16, 0, false, "", "N" },
	{ 160, 160,  10,  1, SUNSPEC_U16, 0, false, "", "ID" },
	{ 160, 160,  11,  8, SUNSPEC_STRING, 0, false, "", "IDStr" },
	{ 160, 160,  21,  1, SUNSPEC_U16, 4, false, "W", "DCW" },
	{ 160, 160,  22,  2, SUNSPEC_ACC32, 5, false, "Wh", "DCWH" },
	{ 160, 160,  27,  1, SUNSPEC_ENUM16, 0, false, "", "DCSt" },
	/* meter, integers */
	{ 201, 204,   8,  1, SUNSPEC_S16, 15, false, "V", "PhVphA" },
	{ 201, 204,  15,  1, SUNSPEC_FACTOR, 0, false, "", "V_SF" },
	{ 201, 204,  16,  1, SUNSPEC_S16, 17, false, "Hz", "Hz" },
	{ 201, 204,  17,  1, SUNSPEC_FACTOR, 0, false, "", "Hz_SF" },
	{ 201, 204,  18,  1, SUNSPEC_S16, 22, false, "W", "W" },
	{ 201, 204,  22,  1, SUNSPEC_FACTOR, 0, false, "", "W_SF" },
	{ 201, 204,  38,  2, SUNSPEC_ACC32, 54, false, "Wh", "TotWhExp" },
	{ 201, 204,  46,  2, SUNSPEC_ACC32, 54, false, "Wh", "TotWhImp" },
	{ 201, 204,  54,  1, SUNSPEC_FACTOR, 0, false, "", "TotWh_SF" },
	/* meter, floats */
	{ 211, 214,  12,  2, SUNSPEC_F32, 0, false, "V", "PhVphA" },
	{ 211, 214,  26,  2, SUNSPEC_F32, 0, false, "Hz", "Hz" },
	{ 211, 214,  28,  2, SUNSPEC_F32, 0, false, "W", "W" },
	{ 211, 214,  60,  2, SUNSPEC_F32, 0, false, "Wh", "TotWhExp" },
	{ 211, 214,  68,  2, SUNSPEC_F32, 0, false, "Wh", "TotWhImp" },
	/* AC measurement */
	{ 701, 701,   3,  1, SUNSPEC_ENUM16, 0, false, "", "St" },
	{ 701, 701,   4,  1, SUNSPEC_ENUM16, 0, false, "", "InvSt" },
	{ 701, 701,  10,  1, SUNSPEC_S16, 116, false, "W", "W" },
	{ 701, 701,  19,  4, SUNSPEC_U64, 120, false, "Wh", "TotWhInj" },
	{ 701, 701,  23,  4, SUNSPEC_U64, 120, false, "Wh", "TotWhAbs" },
	{ 701, 701, 116,  1, SUNSPEC_FACTOR, 0, false, "", "W_SF" },
	{ 701, 701, 120,  1, SUNSPEC_FACTOR, 0, false, "", "TotWh_SF" },
	/* capacity */
	{ 702, 702,   2,  1, SUNSPEC_U16, 45, false, "W", "WMaxRtg" },
	{ 702, 702,  10,  1, SUNSPEC_U16, 45, false, "W", "WChaRteMaxRtg" },
	{ 702, 702,  11,  1, SUNSPEC_U16, 45, false, "W", "WDisChaRteMaxRtg" },
	{ 702, 702,  26,  1, SUNSPEC_U16, 45, true, "W", "WMax" },
	{ 702, 702,  34,  1, SUNSPEC_U16, 45, true, "W", "WChaRteMax" },
	{ 702, 702,  35,  1, SUNSPEC_U16, 45, true, "W", "WDisChaRteMax" },
	{ 702, 702,  45,  1, SUNSPEC_FACTOR, 0, false, "", "W_SF" },
	/* enter service */
	{ 703, 703,   2,  1, SUNSPEC_ENUM16, 0, true, "", "ES" },
	/* AC controls */
	{ 704, 704,  14,  1, SUNSPEC_ENUM16, 0, true, "", "WMaxLimPctEna" },
	{ 704, 704,  15,  1, SUNSPEC_U16, 54, true, "Pct", "WMaxLimPct" },
	{ 704, 704,  17,  1, SUNSPEC_ENUM16, 0, true, "", "WMaxLimPctEnaRvrt" },
	{ 704, 704,  18,  2, SUNSPEC_U32, 0, true, "Secs", "WMaxLimPctRvrtTms" },
	{ 704, 704,  22,  1, SUNSPEC_ENUM16, 0, true, "", "WSetEna" },
	{ 704, 704,  23,  1, SUNSPEC_ENUM16, 0, true, "", "WSetMod" },
	{ 704, 704,  24,  2, SUNSPEC_S32, 55, true, "W", "WSet" },
	{ 704, 704,  30,  1, SUNSPEC_ENUM16, 0, true, "", "WSetEnaRvrt" },
	{ 704, 704,  31,  2, SUNSPEC_U32, 0, true, "Secs", "WSetRvrtTms" },
	{ 704, 704,  54,  1, SUNSPEC_FACTOR, 0, false, "", "WMaxLimPct_SF" },
	{ 704, 704,  55,  1, SUNSPEC_FACTOR, 0, false, "", "WSet_SF" },
	/* storage capacity */
	{ 713, 713,   2,  1, SUNSPEC_U16, 7, false, "WH", "WHRtg" },
	{ 713, 713,   3,  1, SUNSPEC_U16, 7, false, "WH", "WHAvail" },
	{ 713, 713,   4,  1, SUNSPEC_U16, 8, false, "Pct", "SoC" },
	{ 713, 713,   5,  1, SUNSPEC_U16, 8, false, "Pct", "SoH" },
	{ 713, 713,   6,  1, SUNSPEC_ENUM16, 0, false, "", "Sta" },
	{ 713, 713,   7,  1, SUNSPEC_FACTOR, 0, false, "", "WH_SF" },
	{ 713, 713,   8,  1, SUNSPEC_FACTOR, 0, false, "", "Pct_SF" },
	/* DC measurement; from 20 on the first of NPrt ports */
	{ 714, 714,   4,  1, SUNSPEC_U16, 0, false, "", "NPrt" },
	{ 714, 714,  17,  1, SUNSPEC_FACTOR, 0, false, "", "DCW_SF" },
	{ 714, 714,  18,  1, SUNSPEC_FACTOR, 0, false, "", "DCWH_SF" },
	{ 714, 714,  20,  1, SUNSPEC_ENUM16, 0, false, "", "PrtTyp" },
	{ 714, 714,  32,  1, SUNSPEC_S16, 17, false, "W", "DCW" },
	{ 714, 714,  33,  4, SUNSPEC_U64, 18, false, "Wh", "DCWhInj" },
	{ 714, 714,  37,  4, SUNSPEC_U64, 18, false, "Wh", "DCWhAbs" },
	/* control */
	{ 715, 715,   2,  1, SUNSPEC_ENUM16, 0, false, "", "LocRemCtl" },
	{ 715, 715,   3,  2, SUNSPEC_U32, 0, false, "", "DERHb" },
	{ 715, 715,   5,  2, SUNSPEC_U32, 0, true, "", "ControllerHb" },
	{ 715, 715,   8,  1, SUNSPEC_ENUM16, 0, true, "", "OpCtl" },
	/* battery */
	{ 802, 802,   3,  1, SUNSPEC_U16, 53, false, "Wh", "WHRtg" },
	{ 802, 802,   4,  1, SUNSPEC_U16, 54, false, "W", "WChaRteMax" },
	{ 802, 802,   5,  1, SUNSPEC_U16, 54, false, "W", "WDisChaRteMax" },
	{ 802, 802,   7,  1, SUNSPEC_U16, 56, false, "%WHRtg", "SoCMax" },
	{ 802, 802,   8,  1, SUNSPEC_U16, 56, false, "%WHRtg", "SoCMin" },
	{ 802, 802,  10,  1, SUNSPEC_U16, 56, true, "%WHRtg", "SoCRsvMin" },
	{ 802, 802,  11,  1, SUNSPEC_U16, 56, false, "%WHRtg", "SoC" },
	{ 802, 802,  16,  1, SUNSPEC_ENUM16, 0, false, "", "ChaSt" },
	{ 802, 802,  19,  1, SUNSPEC_U16, 0, true, "", "CtrlHb" },
	{ 802, 802,  22,  1, SUNSPEC_ENUM16, 0, false, "", "State" },
	{ 802, 802,  34,  1, SUNSPEC_U16, 59, false, "V", "V" },
	{ 802, 802,  45,  1, SUNSPEC_U16, 62, false, "A", "AChaMax" },
	{ 802, 802,  46,  1, SUNSPEC_U16, 62, false, "A", "ADisChaMax" },
	{ 802, 802,  47,  1, SUNSPEC_S16, 63, false, "W", "W" },
	{ 802, 802,  53,  1, SUNSPEC_FACTOR, 0, false, "", "WHRtg_SF" },
	{ 802, 802,  54,  1, SUNSPEC_FACTOR, 0, false, "", "WChaDisChaMax_SF" },
	{ 802, 802,  56,  1, SUNSPEC_FACTOR, 0, false, "", "SoC_SF" },
	{ 802, 802,  59,  1, SUNSPEC_FACTOR, 0, false, "", "V_SF" },
	{ 802, 802,  62,  1, SUNSPEC_FACTOR, 0, false, "", "AMax_SF" },
	{ 802, 802,  63,  1, SUNSPEC_FACTOR, 0, false, "", "W_SF" },
	/* lithium bank; from 28 on the first of NStr strings */
	{ 803, 803,   2,  1, SUNSPEC_U16, 0, false, "", "NStr" },
	{ 803, 803,   3,  1, SUNSPEC_U16, 0, false, "", "NStrCon" },
	{ 803, 803,  26,  1, SUNSPEC_FACTOR, 0, false, "", "SoC_SF" },
	{ 803, 803,  32,  1, SUNSPEC_U16, 26, false, "%", "StrSoC" },
};
/* clang-format on */
enum {
	LAYOUTS = sizeof(layouts) / sizeof(*layouts),
	POINTS = sizeof(points) / sizeof(*points),
};

const struct sunspec_layout *sunspec_layout(int model)
{
	for (int i = 0; i < LAYOUTS; i++) {
		if (model >= layouts[i].first && model <= layouts[i].last) {
			return &layouts[i];
		}
	}
	return NULL;
}

bool sunspec_length_fits(const struct sunspec_layout *layout, int length)
{
	int rest = length - layout->length;
	if (layout->repeat > 0) {
		return rest >= 0 && rest % layout->repeat == 0;
	}
	return rest == 0 || (layout->also > 0 && length == layout->also);
}

const struct sunspec_point *sunspec_point(int model, const char *name)
{
	for (int i = 0; i < POINTS; i++) {
		if (model >= points[i].first && model <= points[i].last &&
		    strcmp(points[i].name, name) == 0) {
			return &points[i];
		}
	}
	return NULL;
}

const struct sunspec_point *sunspec_points(int *count)
{
	*count = POINTS;
	return points;
}
