/* tanh, sigmoid and exp of float32 without a branch, so that compilers compute several at once:
 * IEEE operations in a fixed order, the same bits on every CPU. NaN gives NaN.
 *
 *   tanh      x P(x^2) / Q(x^2) on [-9, 9], minimax; error below 5e-7, absolute and relative;
 *             exactly -1 or 1 beyond
 *   sigmoid   tanh(x / 2) / 2 + 1/2; error below 3e-7; exactly 0 or 1 beyond -18 and 18
 *   exp       2^n times a polynomial; relative error below 2e-7; 0 below -86.5, 3.4e38 from 88.72
 *
 * Rounding may let a step fall by up to 5e-7 where the function rises by less. */
typedef union {
  float f;
  uint32_t u;
} edgernn_poly_bits;

EDGERNN_INLINE float edgernn_tanh_poly(float x) {
  const float low = x < -9.0f ? -9.0f : x, a = low > 9.0f ? 9.0f : low, z = a * a;
  float p = 0x1.c501840000000p-27f, q = 0x1.9d88800000000p-21f;
  p = p * z + 0x1.5775c80000000p-16f;
  p = p * z + 0x1.c8fe3e0000000p-9f;
  p = p * z + 0x1.11e2120000000p-3f;
  p = p * z + 0x1.fffffc0000000p-1f;
  q = q * z + 0x1.57078c0000000p-12f;
  q = q * z + 0x1.a7651a0000000p-6f;
  q = q * z + 0x1.de46460000000p-2f;
  q = q * z + 1.0f;
  const float y = a * p / q, most = y > 1.0f ? 1.0f : y;
  return most < -1.0f ? -1.0f : most;
}

EDGERNN_INLINE float edgernn_sigmoid_poly(float x) {
  return edgernn_tanh_poly(0.5f * x) * 0.5f + 0.5f;
}

EDGERNN_INLINE float edgernn_exp_poly(float x) {
  const float low = x < -86.5f ? -86.5f : x, a = low > 88.722f ? 88.722f : low;
  edgernn_poly_bits whole = {.f = a * 1.44269504f + 12582912.0f}; /* rounds in its low bits */
  const float m = whole.f - 12582912.0f, r = (a - m * 0.693359375f) + m * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  edgernn_poly_bits half = {.u = (whole.u << 23) + 0x3f000000u}; /* 2^(n - 1): 2^128 is none */
  const float y = p * half.f * 2.0f;
  return x < -86.5f ? 0.0f : y;
}
