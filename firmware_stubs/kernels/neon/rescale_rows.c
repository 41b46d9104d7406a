#include <arm_neon.h>
/* y[n] = the 32-bit sums acc[n] in 16 bits, one mult a row; see edgernn_rescale. SQDMULH gives
 * twice the high word, so one more bit goes in the rounding shift: the same bits. */
EDGERNN_INLINE void edgernn_rescale_four(const int32_t *acc, const int32_t *mult, int32x4_t up,
                                         int32x4_t down, int16_t *y) {
  const int32x4_t high = vqdmulhq_s32(vshlq_s32(vld1q_s32(acc), up), vld1q_s32(mult));
  vst1_s16(y, vqmovn_s32(vrshlq_s32(high, down)));
}

EDGERNN_INLINE void edgernn_rescale_rows(const int32_t *restrict acc, const int32_t *restrict mult,
                                         int lead, int shift, int16_t *restrict y, int n) {
  const int32x4_t up = vdupq_n_s32(lead), down = vdupq_n_s32(-1 - shift);
  int i = 0;
  for (; i + 16 <= n; i += 16)
#pragma GCC unroll 4
    for (int k = i; k < i + 16; k += 4) edgernn_rescale_four(acc + k, mult + k, up, down, y + k);
  for (; i + 4 <= n; i += 4) edgernn_rescale_four(acc + i, mult + i, up, down, y + i);
  for (; i < n; ++i) y[i] = edgernn_rescale(acc[i], mult[i], lead, shift);
}
