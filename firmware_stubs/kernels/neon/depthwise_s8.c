#include <arm_neon.h>
/* One frame of a depthwise convolution, channels in lanes. The products of two taps are summed in
 * 16 bits (2 * 127 * 128 < 2^15). */
static void edgernn_depthwise_s8(const int8_t *restrict w, const int32_t *restrict start,
                                 const int32_t *restrict mult, int lead, int shift,
                                 const int8_t *restrict x, int16_t *restrict y, int channels,
                                 int kernel, int step) {
  int c = 0;
  for (; c + 16 <= channels; c += 16) {
    int32x4_t sum[4];
    int32_t acc[16];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum[i] = vld1q_s32(start + c + 4 * i);
    for (int k = 0; k < kernel; k += 2) {
      const int8x16_t a = vld1q_s8(w + k * channels + c), u = vld1q_s8(x + k * step + c);
      int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(u)), high = vmull_high_s8(a, u);
      if (k + 1 < kernel) {
        const int8x16_t b = vld1q_s8(w + (k + 1) * channels + c);
        const int8x16_t v = vld1q_s8(x + (k + 1) * step + c);
        low = vmlal_s8(low, vget_low_s8(b), vget_low_s8(v));
        high = vmlal_high_s8(high, b, v);
      }
      sum[0] = vaddw_s16(sum[0], vget_low_s16(low));
      sum[1] = vaddw_high_s16(sum[1], low);
      sum[2] = vaddw_s16(sum[2], vget_low_s16(high));
      sum[3] = vaddw_high_s16(sum[3], high);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) vst1q_s32(acc + 4 * i, sum[i]);
    edgernn_rescale_rows(acc, mult + c, lead, shift, y + c, 16);
  }
  for (; c < channels; ++c) {
    int32_t acc = start[c];
    for (int k = 0; k < kernel; ++k) acc += w[k * channels + c] * (int32_t)x[k * step + c];
    y[c] = edgernn_rescale(acc, mult[c], lead, shift);
  }
}
