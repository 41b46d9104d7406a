#include <arm_neon.h>
/* edgernn_sigmoid_q of q[n] in place. T[256 - i] = 32768 - T[i], so the upper half of the table will
 * do: its 128 entries, as low and as high bytes, lie in sixteen registers, where TBL and TBX look
 * sixteen of them up at once. (h - l) * part is rounded by SQRDMULH as edgernn_sigmoid_q does it. */
EDGERNN_INLINE uint8x16_t edgernn_entries(uint8x16_t outside, const uint8x16x4_t *bytes,
                                          uint8x16_t at) {
  const uint8x16_t found = vqtbx4q_u8(outside, bytes[0], at);
  return vqtbx4q_u8(found, bytes[1], vsubq_u8(at, vdupq_n_u8(64)));
}

/* x between two entries of the upper half; below zero they are mirrored */
EDGERNN_INLINE int16x8_t edgernn_between(int16x8_t x, uint8x8_t part, uint8x16_t near,
                                         uint8x16_t far) {
  const int16x8_t a = vreinterpretq_s16_u8(near), b = vreinterpretq_s16_u8(far);
  const int16x8_t mirrored = vsubq_s16(vdupq_n_s16(-32768), b);
  const int16x8_t low = vbslq_s16(vcltzq_s16(x), mirrored, a);
  const int16x8_t by = vreinterpretq_s16_u16(vshll_n_u8(part, 7));
  return vaddq_s16(low, vqrdmulhq_s16(vsubq_s16(b, a), by));
}

static void edgernn_sigmoid_rows(int16_t *restrict q, int n) {
  uint8x16x4_t low[2], high[2];
  const uint8_t *const half = (const uint8_t *)(edgernn_sigmoid_table + 128);
#pragma GCC unroll 8
  for (int k = 0; k < 8; ++k) {
    const uint8x16x2_t both = vld2q_u8(half + 32 * k);
    low[k / 4].val[k % 4] = both.val[0];
    high[k / 4].val[k % 4] = both.val[1];
  }
  const uint8x16_t last_low = vdupq_n_u8(half[256]), last_high = vdupq_n_u8(half[257]);
  int i = 0;
  for (; i + 16 <= n; i += 16) {
    const int16x8_t x = vld1q_s16(q + i), y = vld1q_s16(q + i + 8);
    const int8x16_t whole = vuzp2q_s8(vreinterpretq_s8_s16(x), vreinterpretq_s8_s16(y));
    const uint8x16_t part = vuzp1q_u8(vreinterpretq_u8_s16(x), vreinterpretq_u8_s16(y));
    const uint8x16_t at = vreinterpretq_u8_s8(veorq_s8(whole, vshrq_n_s8(whole, 7)));
    const uint8x16_t next = vaddq_u8(at, vdupq_n_u8(1));
    const uint8x16_t a = edgernn_entries(last_low, low, at);
    const uint8x16_t b = edgernn_entries(last_high, high, at);
    const uint8x16_t c = edgernn_entries(last_low, low, next);
    const uint8x16_t d = edgernn_entries(last_high, high, next);
    vst1q_s16(q + i, edgernn_between(x, vget_low_u8(part), vzip1q_u8(a, b), vzip1q_u8(c, d)));
    vst1q_s16(q + i + 8, edgernn_between(y, vget_high_u8(part), vzip2q_u8(a, b), vzip2q_u8(c, d)));
  }
  for (; i < n; ++i) q[i] = (int16_t)edgernn_sigmoid_q(q[i]);
}
