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
