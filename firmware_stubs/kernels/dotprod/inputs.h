#include <arm_neon.h>
/* Four neighbouring inputs in the first quarter of a vector. The empty assembly keeps compilers
 * from spreading them over all quarters, which costs an address of its own. */
EDGERNN_INLINE int8x16_t edgernn_four(const int8_t *x) {
  int32_t four;
  __builtin_memcpy(&four, x, 4);
  int32x4_t first = {four, 0, 0, 0};
  __asm__("" : "+w"(first));
  return vreinterpretq_s8_s32(first);
}

/* sum + w times one quarter of x: SDOT by element. */
EDGERNN_INLINE int32x4_t edgernn_dot(int32x4_t sum, int8x16_t w, int8x16_t x, int quarter) {
  const int32x4_t quarters = vreinterpretq_s32_s8(x);
  return vdotq_s32(sum, w, vreinterpretq_s8_s32(vdupq_n_s32(quarters[quarter])));
}

/* sums[8] += gain[8] * rows[8] */
EDGERNN_INLINE void edgernn_dotprod_gains(int32_t *sums, int16x8_t rows, int16x8_t gain) {
  vst1q_s32(sums, vmlal_s16(vld1q_s32(sums), vget_low_s16(rows), vget_low_s16(gain)));
  vst1q_s32(sums + 4, vmlal_high_s16(vld1q_s32(sums + 4), rows, gain));
}
