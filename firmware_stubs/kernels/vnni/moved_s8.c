/* The columns of x that have moved; see the portable one. Sixteen are compared at a time, and those
 * that moved are packed by vpcompressd. */
typedef int32_t edgernn_moved_s32 __attribute__((vector_size(64), aligned(1), may_alias));
typedef int8_t edgernn_moved_s8x16 __attribute__((vector_size(16), aligned(1), may_alias));
typedef int8_t edgernn_moved_bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint16_t edgernn_moved_halves __attribute__((vector_size(32), aligned(1), may_alias));

/* appends the lanes of which `which` is -1 */
EDGERNN_INLINE int edgernn_moved_append(edgernn_moved_s32 which, edgernn_moved_s32 column,
                                        edgernn_moved_s32 move, uint16_t *list, int8_t *moves) {
  edgernn_moved_s32 columns, differences;
  uint16_t mask;
  __asm__("vpmovd2m %3, %%k1\n\tkmovw %%k1, %k2\n\tvpcompressd %4, %0 %{%%k1%}%{z%}\n\t"
          "vpcompressd %5, %1 %{%%k1%}%{z%}"
          : "=&v"(columns), "=&v"(differences), "=&r"(mask)
          : "v"(which), "v"(column), "v"(move)
          : "k1");
  *(edgernn_moved_halves *)list = __builtin_convertvector(columns, edgernn_moved_halves);
  *(edgernn_moved_bytes *)moves = __builtin_convertvector(differences, edgernn_moved_bytes);
  return __builtin_popcount(mask);
}

static int edgernn_moved_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                            int cols, uint16_t *restrict list, int8_t *restrict moves) {
  const edgernn_moved_s32 step = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  int count = 0, j = 0;
  /* a full vector is written past what is appended: the lists' tail is left to single columns */
  for (; j + 32 <= cols; j += 16) {
    const edgernn_moved_s8x16 now = *(const edgernn_moved_s8x16 *)(x + j);
    const edgernn_moved_s8x16 old = *(const edgernn_moved_s8x16 *)(held + j);
    const edgernn_moved_s32 d = __builtin_convertvector(now, edgernn_moved_s32) -
                                __builtin_convertvector(old, edgernn_moved_s32);
    const edgernn_moved_s32 sign = d >> 31, size = (d ^ sign) - sign, wide = size > 127;
    const edgernn_moved_s32 which = size > threshold, twice = which & wide;
    const edgernn_moved_s32 part = (d & ~wide) | (((127 ^ sign) - sign) & wide), rest = d - part;
    const edgernn_moved_s8x16 moved = __builtin_convertvector(which, edgernn_moved_s8x16);
    *(edgernn_moved_s8x16 *)(held + j) = (now & moved) | (old & ~moved);
    count += edgernn_moved_append(which, step + j, part, list + count, moves + count);
    count += edgernn_moved_append(twice, step + j, rest, list + count, moves + count);
  }
  for (; j < cols; ++j) {
    const int d = x[j] - held[j];
    if ((d < 0 ? -d : d) <= threshold) continue;
    const int part = d > 127 ? 127 : d < -127 ? -127 : d;
    held[j] = x[j];
    list[count] = (uint16_t)j;
    moves[count++] = (int8_t)part;
    if (part == d) continue;
    list[count] = (uint16_t)j;
    moves[count++] = (int8_t)(d - part);
  }
  for (; count & 3; ++count) {
    list[count] = 0;
    moves[count] = 0;
  }
  return count;
}
