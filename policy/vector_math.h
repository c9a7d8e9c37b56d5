/* SPDX-License-Identifier: GPL-3.0-or-later */
/* exp, tanh and the logistic function of many float32 at once, four abreast: within 1e-6 of the
 * true value, relative. out may be in. NaN stays NaN; exp is 0 below -87.3 and infinite above 88.7.
 *
 * The polynomials are Chebyshev fits: of (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, of degree 4, to
 * 6e-8; of (tanh x - x) / x^3 in x^2 for |x| <= 0.625, of degree 4, to 4e-8. */
#ifndef LECD_POLICY_VECTOR_MATH_H
#define LECD_POLICY_VECTOR_MATH_H

/* 0 where negative. */
void vector_relu(float *out, const float *in, int count);
void vector_exp(float *out, const float *in, int count);
void vector_tanh(float *out, const float *in, int count);
void vector_sigmoid(float *out, const float *in, int count);

#endif
