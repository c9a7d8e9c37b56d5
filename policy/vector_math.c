/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/vector_math.h"

#include <stdint.h>
#include <string.h>

/* What gcc and clang turn into SSE2, NEON or plain code. */
typedef float quad __attribute__((vector_size(16)));
typedef int32_t quad_bits __attribute__((vector_size(16)));
enum { ABREAST = 4 };

static inline quad all(float x)
{
	return (quad){ x, x, x, x };
}

/* x where the mask is set, y elsewhere. */
static inline quad pick(quad_bits mask, quad x, quad y)
{
	return (quad)((mask & (quad_bits)x) | (~mask & (quad_bits)y));
}

/* All bits of the exponent, and some below: what is no number. */
static inline quad_bits is_number(quad x)
{
	return ((quad_bits)x & INT32_MAX) <= 0x7f800000;
}

/* e^x = 2^n e^r. */
static inline quad exp_quad(quad x)
{
	const quad low = all(-87.33654f), high = all(88.72283f);
	const quad rounder = all(12582912.0f); /* 1.5 * 2^23: adding it rounds to whole numbers */
	quad bounded = pick(x < low, low, pick(x > high, high, x));
	quad n = (bounded * 1.44269504f + rounder) - rounder;
	quad r = (bounded - n * 0.693359375f) + n * 2.12194440e-4f; /* ln 2 in two parts */
	quad p = all(1.393364532e-03f);
	p = p * r + 8.363175566e-03f;
	p = p * r + 4.166646495e-02f;
	p = p * r + 1.666657700e-01f;
	p = p * r + 5.000000013e-01f;
	quad e = p * (r * r) + r + 1.0f;
	/* In two steps: 2^128 is no float, e^88.7 is. */
	quad_bits whole = __builtin_convertvector(n, quad_bits);
	quad_bits half = whole >> 1;
	e = e * (quad)((half + 127) << 23) * (quad)((whole - half + 127) << 23);
	e = pick(x < low, all(0), pick(x > high, all(__builtin_inff()), e));
	return pick(is_number(x), e, x);
}

static inline quad tanh_quad(quad x)
{
	quad z = x * x;
	quad p = all(-6.104946179e-03f);
	p = p * z + 2.100363961e-02f;
	p = p * z + -5.385249700e-02f;
	p = p * z + 1.333278226e-01f;
	p = p * z + -3.333332910e-01f;
	quad small = x + x * z * p;
	quad_bits sign = (quad_bits)x & INT32_MIN;
	quad size = (quad)((quad_bits)x & INT32_MAX);
	quad large = 1.0f - 2.0f / (exp_quad(size + size) + 1.0f);
	large = (quad)((quad_bits)large | sign);
	return pick(is_number(x), pick(size < 0.625f, small, large), x);
}

static inline quad sigmoid_quad(quad x)
{
	return 1.0f / (1.0f + exp_quad(-x));
}

static inline quad relu_quad(quad x)
{
	return pick(x < 0, all(0), x);
}

/* Four at a time, and the rest with zeros beside it. */
#define VECTOR(NAME, FUNCTION)                                                                     \
	void NAME(float *out, const float *in, int count)                                          \
	{                                                                                          \
		for (int i = 0; i < count; i += ABREAST) {                                         \
			size_t left = (size_t)(count - i) * sizeof(*in);                           \
			quad x = { 0 };                                                            \
			if (left >= sizeof(x)) {                                                   \
				memcpy(&x, in + i, sizeof(x));                                     \
				x = FUNCTION(x);                                                   \
				memcpy(out + i, &x, sizeof(x));                                    \
			} else {                                                                   \
				memcpy(&x, in + i, left);                                          \
				x = FUNCTION(x);                                                   \
				memcpy(out + i, &x, left);                                         \
			}                                                                          \
		}                                                                                  \
	}

VECTOR(vector_relu, relu_quad)
VECTOR(vector_exp, exp_quad)
VECTOR(vector_tanh, tanh_quad)
VECTOR(vector_sigmoid, sigmoid_quad)
