/* sigmoid, tanh and exp of float32 by linear interpolation in a table: few operations where a CPU
 * has no float unit. IEEE operations in a fixed order, the same bits on every CPU. NaN gives NaN.
 *
 *   sigmoid   512 pieces over [0, 16]; error below 1.2e-5; 1e-7 and 1 - 1e-7 beyond -16 and 16
 *   tanh      2 sigmoid(2 x) - 1; error below 2.4e-5
 *   exp       64 pieces between two powers of two; relative error below 2.5e-5; 0 below -86.5,
 *             3.4e38 from 88.72
 *
 * sigmoid and tanh never fall where x rises. */
typedef union {
  float f;
  uint32_t u;
} edgernn_table_bits;

/* sigmoid(a) of a >= 0 */
EDGERNN_INLINE float edgernn_sigmoid_half(float a) {
  const float t = a < 16.0f ? a * 32.0f : 512.0f;
  const int32_t i = (int32_t)t;
  const float low = edgernn_sigmoid_points[i], high = edgernn_sigmoid_points[i + 1];
  return low + (high - low) * (t - (float)i);
}

EDGERNN_INLINE float edgernn_sigmoid_lookup(float x) {
  const float y = edgernn_sigmoid_half(x < 0.0f ? -x : x);
  return x != x ? x : x < 0.0f ? 1.0f - y : y;
}

EDGERNN_INLINE float edgernn_tanh_lookup(float x) {
  const float y = 2.0f * edgernn_sigmoid_half(2.0f * (x < 0.0f ? -x : x)) - 1.0f;
  return x != x ? x : x < 0.0f ? -y : y;
}

EDGERNN_INLINE float edgernn_exp_lookup(float x) {
  if (!(x >= -86.5f)) return x != x ? x : 0.0f;
  const float t = (x < 88.722f ? x : 88.722f) * 92.3324826f; /* 64 / ln 2 */
  const int32_t cut = (int32_t)t, i = cut - (t < (float)cut);
  const float low = edgernn_exp_points[i & 63], high = edgernn_exp_points[(i & 63) + 1];
  const float part = low + (high - low) * (t - (float)i);
  edgernn_table_bits half = {.u = (uint32_t)((i >> 6) + 126) << 23}; /* 2^(n - 1): 2^128 is none */
  return part * half.f * 2.0f;
}
