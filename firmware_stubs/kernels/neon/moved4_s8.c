#include <arm_neon.h>
/* As the portable function: the blocks of 4 columns whose squared differences sum to more than
 * `threshold`, two at a time. */
EDGERNN_INLINE int edgernn_block_moves(int count, int block, int16x4_t move,
                                       uint16_t *restrict list, int8_t *restrict moves) {
  const int16x4_t limit = vdup_n_s16(127);
  const int16x4_t part = vmax_s16(vmin_s16(move, limit), vneg_s16(limit));
  const int16x4_t rest = vsub_s16(move, part);
  const int8x8_t both = vmovn_s16(vcombine_s16(part, rest));
  const int32x2_t words = vreinterpret_s32_s8(both);
  const int32_t first = words[0], second = words[1];
  list[count] = (uint16_t)block;
  __builtin_memcpy(moves + 4 * count, &first, 4);
  ++count;
  if (!second) return count;
  list[count] = (uint16_t)block;
  __builtin_memcpy(moves + 4 * count, &second, 4);
  return count + 1;
}

static int edgernn_moved4_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                             int last, int cols, uint16_t *restrict list,
                             int8_t *restrict moves) {
  int count = 0, j = 0;
  for (; j + 4 <= cols; j += 4) {
    int32_t now, old;
    __builtin_memcpy(&now, x + j, 4);
    __builtin_memcpy(&old, held + j, 4);
    const int8x8_t new_bytes = vreinterpret_s8_s32(vdup_n_s32(now));
    const int8x8_t old_bytes = vreinterpret_s8_s32(vdup_n_s32(old));
    const int16x4_t move = vget_low_s16(vsubl_s8(new_bytes, old_bytes));
    if (vaddvq_s32(vmull_s16(move, move)) <= threshold) continue;
    __builtin_memcpy(held + j, &now, 4);
    count = edgernn_block_moves(count, j >> 2, move, list, moves);
  }
  return edgernn_moved4_rest(x, held, threshold, last, j, cols, count, list, moves);
}
