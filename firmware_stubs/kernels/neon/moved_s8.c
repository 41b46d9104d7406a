#include <arm_neon.h>
/* As the portable function: the columns of x that have moved, with what they moved by. Sixteen
 * columns are compared at once; a mask of four bits a column then leads from one to the next. */
static int edgernn_moved_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                            int cols, uint16_t *restrict list, int8_t *restrict moves) {
  const uint8x16_t limit = vdupq_n_u8((uint8_t)(threshold < 255 ? threshold : 255));
  int count = 0, j = 0;
  for (; j + 16 <= cols; j += 16) {
    const int8x16_t now = vld1q_s8(x + j), old = vld1q_s8(held + j);
    const uint8x16_t far = vcgtq_u8(vreinterpretq_u8_s8(vabdq_s8(now, old)), limit);
    const uint8x8_t nibbles = vshrn_n_u16(vreinterpretq_u16_u8(far), 4);
    uint64_t mask = vget_lane_u64(vreinterpret_u64_u8(nibbles), 0) & 0x1111111111111111u;
    for (; mask; mask &= mask - 1) {
      const int k = j + (__builtin_ctzll(mask) >> 2);
      count = edgernn_column_moves(count, k, x[k] - held[k], list, moves);
    }
    vst1q_s8(held + j, vbslq_s8(far, now, old));
  }
  return edgernn_moved_rest(x, held, threshold, j, cols, count, list, moves);
}
