#include <arm_neon.h>
/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. SQDMULH gives
 * twice the high word, so one more bit goes in the rounding shift: the same bits. */
EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  const int32x4_t up = vdupq_n_s32(lead), down = vdupq_n_s32(-1 - shift);
  int i = 0;
  for (; i + 4 <= n; i += 4) {
    const int32x4_t wide = vshlq_s32(vld1q_s32(acc + i), up);
    const int32x4_t high = vqdmulhq_s32(wide, vld1q_s32(mult + i));
    vst1_s16(y + i, vqmovn_s32(vrshlq_s32(high, down)));
  }
  for (; i < n; ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
