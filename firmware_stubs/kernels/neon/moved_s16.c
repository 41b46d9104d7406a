#include <arm_neon.h>
/* The columns of x that have moved; see the portable one. Eight are compared at a time, by unsigned
 * distances; where any has moved, the eight are taken one by one. */
static int edgernn_moved_s16(const int16_t *restrict x, int16_t *restrict held, int threshold,
                             int cols, uint16_t *restrict list, int16_t *restrict moves) {
  const uint16x8_t limit = vdupq_n_u16((uint16_t)(threshold < 65535 ? threshold : 65535));
  int count = 0, j = 0;
  for (; j + 8 <= cols; j += 8) {
    const int16x8_t now = vmaxq_s16(vld1q_s16(x + j), vdupq_n_s16(-32767));
    const int16x8_t old = vld1q_s16(held + j);
    const uint16x8_t far = vcgtq_u16(vreinterpretq_u16_s16(vabdq_s16(now, old)), limit);
    const uint8x8_t narrow = vmovn_u16(far);
    if (!vget_lane_u64(vreinterpret_u64_u8(narrow), 0)) continue;
    vst1q_s16(held + j, vbslq_s16(far, now, old));
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i)
      if (narrow[i]) count = edgernn_wide_column_moves(count, j + i, now[i] - old[i], list, moves);
  }
  return edgernn_moved_s16_rest(x, held, threshold, j, cols, count, list, moves);
}
