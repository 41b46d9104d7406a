/* exp, log, tanh, sigmoid and sqrt of float32 without libm: IEEE operations in a fixed order, so
 * that every CPU gives the same bits. exp and log follow the Cody-Waite reductions with minimax
 * polynomials (about 2 ulp). */
typedef union {
  float f;
  uint32_t u;
} edgernn_bits;

EDGERNN_INLINE float edgernn_exp_f32(float x) {
  if (!(x < 88.72283f)) return x != x ? x : 3.40282347e38f;
  if (x < -87.33654f) return 0.0f;
  const float t = x * 1.44269504f;
  const int32_t n = (int32_t)(t + (t >= 0.0f ? 0.5f : -0.5f));
  const float m = (float)n, r = (x - m * 0.693359375f) + m * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  edgernn_bits half = {.u = (uint32_t)(n / 2 + 127) << 23};
  edgernn_bits rest = {.u = (uint32_t)(n - n / 2 + 127) << 23};
  return p * half.f * rest.f;
}

EDGERNN_INLINE float edgernn_log_f32(float x) {
  edgernn_bits v = {.f = x};
  if (!(x > 0.0f)) return x == 0.0f ? -3.40282347e38f : x - x;
  int32_t e = 0;
  if (v.u < 0x00800000u) {
    v.f = x * 8388608.0f;
    e = -23;
  }
  e += (int32_t)(v.u >> 23) - 126;
  v.u = (v.u & 0x007fffffu) | 0x3f000000u;
  float m = v.f;
  if (m < 0.707106781f) {
    m = m + m;
    e -= 1;
  }
  m = m - 1.0f;
  const float z = m * m, k = (float)e;
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  p = p * m * z - 2.12194440e-4f * k - 0.5f * z;
  return (m + p) + 0.693359375f * k;
}

EDGERNN_INLINE float edgernn_sigmoid_f32(float x) {
  const float e = edgernn_exp_f32(x < 0.0f ? x : -x);
  return x < 0.0f ? e / (1.0f + e) : 1.0f / (1.0f + e);
}

EDGERNN_INLINE float edgernn_tanh_f32(float x) {
  const float a = x < 0.0f ? -x : x;
  float y;
  if (a < 0.625f) {
    const float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    return p * z * x + x;
  }
  y = 1.0f - 2.0f / (edgernn_exp_f32(a + a) + 1.0f);
  return x < 0.0f ? -y : y;
}

/* Correctly rounded: the root's bits one by one, then round to nearest. */
EDGERNN_INLINE float edgernn_sqrt_f32(float x) {
  edgernn_bits v = {.f = x};
  if (!(x > 0.0f)) return x == 0.0f ? x : x - x;
  if (v.u >= 0x7f800000u) return x;
  int32_t e = (int32_t)(v.u >> 23);
  uint32_t m = v.u & 0x007fffffu;
  if (e == 0) {
    for (e = 1; !(m & 0x00800000u); --e) m <<= 1;
  } else {
    m |= 0x00800000u;
  }
  e -= 127;
  if (e & 1) m <<= 1;
  e = (e - (e & 1)) / 2;
  uint32_t root = 0, sum = 0, bit = 0x01000000u;
  m <<= 1;
  for (; bit; bit >>= 1) {
    const uint32_t t = sum + bit;
    if (t <= m) {
      sum = t + bit;
      m -= t;
      root += bit;
    }
    m <<= 1;
  }
  if (m) root += root & 1u;
  v.u = (root >> 1) + ((uint32_t)(e + 126) << 23);
  return v.f;
}
