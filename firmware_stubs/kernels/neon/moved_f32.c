#include <arm_neon.h>
/* The columns of x that have moved; see the portable one. Four are compared at a time; where any
 * has moved, each is appended and counted only if it has, without a branch. */
static int edgernn_moved_f32(const float *restrict x, float *restrict held, float threshold,
                             int cols, uint16_t *restrict list, float *restrict moves) {
  const float32x4_t limit = vdupq_n_f32(threshold);
  int count = 0, j = 0;
  for (; j + 4 <= cols; j += 4) {
    const float32x4_t now = vld1q_f32(x + j), old = vld1q_f32(held + j), d = vsubq_f32(now, old);
    const uint32x4_t far = vcagtq_f32(d, limit);
    const uint16x4_t narrow = vmovn_u32(far);
    if (!vget_lane_u64(vreinterpret_u64_u16(narrow), 0)) continue;
    vst1q_f32(held + j, vbslq_f32(far, now, old));
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      list[count] = (uint16_t)(j + i);
      moves[count] = d[i];
      count += narrow[i] & 1;
    }
  }
  return edgernn_moved_f32_rest(x, held, threshold, j, cols, count, list, moves);
}
