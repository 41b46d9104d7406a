#include <arm_neon.h>
/* edgernn_sigmoid_q of q[n] in place. Only the look-ups are made one by one: both ends of a linear
 * piece come in one load. (h - l) * part is rounded by SQRDMULH as edgernn_sigmoid_q rounds it. */
EDGERNN_INLINE uint32_t edgernn_sigmoid_ends(int offset) {
  uint32_t ends;
  __builtin_memcpy(&ends, (const char *)(edgernn_sigmoid_table + 128) + offset, 4);
  return ends;
}

static void edgernn_sigmoid_rows(int16_t *restrict q, int n) {
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    const int16x8_t x = vld1q_s16(q + i);
    const int16x8_t at = vbicq_s16(vshrq_n_s16(x, 7), vdupq_n_s16(1));
    const uint32x4_t a = {edgernn_sigmoid_ends(at[0]), edgernn_sigmoid_ends(at[1]),
                          edgernn_sigmoid_ends(at[2]), edgernn_sigmoid_ends(at[3])};
    const uint32x4_t b = {edgernn_sigmoid_ends(at[4]), edgernn_sigmoid_ends(at[5]),
                          edgernn_sigmoid_ends(at[6]), edgernn_sigmoid_ends(at[7])};
    const int16x8_t low = vuzp1q_s16(vreinterpretq_s16_u32(a), vreinterpretq_s16_u32(b));
    const int16x8_t high = vuzp2q_s16(vreinterpretq_s16_u32(a), vreinterpretq_s16_u32(b));
    const uint16x8_t part = vshrq_n_u16(vreinterpretq_u16_s16(vshlq_n_s16(x, 8)), 1);
    const int16x8_t rise = vqrdmulhq_s16(vsubq_s16(high, low), vreinterpretq_s16_u16(part));
    vst1q_s16(q + i, vaddq_s16(low, rise));
  }
  for (; i < n; ++i) q[i] = (int16_t)edgernn_sigmoid_q(q[i]);
}
