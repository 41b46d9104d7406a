#include <arm_neon.h>
/* Four neighbouring inputs in every quarter of a vector. The empty assembly keeps compilers from
 * seeing that the halves are equal: they would then use half vectors, at an instruction more. */
EDGERNN_INLINE int8x16_t edgernn_in_quarters(int32_t four) {
  int32x4_t all = vdupq_n_s32(four);
  __asm__("" : "+w"(all));
  return vreinterpretq_s8_s32(all);
}

EDGERNN_INLINE int8x16_t edgernn_quad(const int8_t *x) {
  int32_t four;
  __builtin_memcpy(&four, x, 4);
  return edgernn_in_quarters(four);
}

/* Two columns' inputs in every pair of bytes. */
EDGERNN_INLINE int8x16_t edgernn_in_pairs(int32_t low, int32_t high) {
  uint16x8_t all = vdupq_n_u16((uint16_t)((uint8_t)low | (uint32_t)(uint8_t)high << 8));
  __asm__("" : "+w"(all));
  return vreinterpretq_s8_u16(all);
}

/* One column's input in every byte. */
EDGERNN_INLINE int8x16_t edgernn_everywhere(int8_t x) {
  int8x16_t all = vdupq_n_s8(x);
  __asm__("" : "+w"(all));
  return all;
}

/* sums[8] += gain[8] * rows[8] */
EDGERNN_INLINE void edgernn_eight_gains(int32_t *sums, int16x8_t rows, const uint8_t *gain) {
  const int16x8_t by = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(gain)));
  vst1q_s32(sums, vmlal_s16(vld1q_s32(sums), vget_low_s16(rows), vget_low_s16(by)));
  vst1q_s32(sums + 4, vmlal_high_s16(vld1q_s32(sums + 4), rows, by));
}
