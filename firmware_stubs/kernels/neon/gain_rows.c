#include <arm_neon.h>
/* acc[n] += gain[n] * part[n], in vectors throughout: compilers left alone take the sums of a strip
 * out of them one by one. */
EDGERNN_INLINE void edgernn_gain_rows(int32_t *restrict acc, const uint8_t *restrict gain,
                                      const int32_t *restrict part, int n) {
  int i = 0;
  for (; i + 8 <= n; i += 8) {
    const int16x8_t by = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(gain + i)));
    const int32x4_t low = vmovl_s16(vget_low_s16(by)), high = vmovl_high_s16(by);
    vst1q_s32(acc + i, vmlaq_s32(vld1q_s32(acc + i), vld1q_s32(part + i), low));
    vst1q_s32(acc + i + 4, vmlaq_s32(vld1q_s32(acc + i + 4), vld1q_s32(part + i + 4), high));
  }
  for (; i < n; ++i) acc[i] += gain[i] * part[i];
}
