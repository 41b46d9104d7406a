/* The columns of x that have moved; see the portable one. Sixteen are compared at a time; those
 * that moved are packed by vpcompressd, and zeros are written behind them. */
typedef int8_t edgernn_moved_bytes __attribute__((vector_size(16), aligned(1), may_alias));
typedef int32_t edgernn_moved_lanes __attribute__((vector_size(64), aligned(1), may_alias));
typedef int16_t edgernn_moved_halves __attribute__((vector_size(32), aligned(1), may_alias));

/* appends the lanes in `mask`: columns in their lower halves, moves in the upper; gives how many */
EDGERNN_INLINE int edgernn_moved_append(edgernn_moved_lanes lanes, uint32_t mask, uint16_t *list,
                                        int8_t *moves) {
  edgernn_moved_halves columns;
  edgernn_moved_bytes by;
  __asm__("kmovw %1, %%k1\n\tvpcompressd %0, %0 %{%%k1%}%{z%}" : "+v"(lanes) : "r"(mask) : "k1");
  __asm__("vpmovdw %1, %0" : "=v"(columns) : "v"(lanes));
  __asm__("vpmovdb %1, %0" : "=v"(by) : "v"(lanes >> 16));
  *(edgernn_moved_halves *)list = columns;
  *(edgernn_moved_bytes *)moves = by;
  return __builtin_popcount(mask);
}

static int edgernn_moved_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                            int cols, uint16_t *restrict list, int8_t *restrict moves) {
  const edgernn_moved_lanes step = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  int count = 0;
  /* lists have room for two entries a column, so a whole vector may be written where one fits */
  int j = 0;
  for (; j + 16 <= cols; j += 16) {
    edgernn_moved_lanes now, old;
    __asm__("vpmovsxbd %1, %0" : "=v"(now) : "m"(*(const edgernn_moved_bytes *)(x + j)));
    __asm__("vpmovsxbd %1, %0" : "=v"(old) : "m"(*(const edgernn_moved_bytes *)(held + j)));
    const edgernn_moved_lanes d = now - old, limit = threshold - (edgernn_moved_lanes){0};
    edgernn_moved_lanes size;
    uint32_t mask, wide;
    __asm__("vpabsd %3, %0\n\tvpcmpgtd %4, %0, %%k1\n\tkmovw %%k1, %1\n\t"
            "vpcmpgtd %5, %0, %%k2 %{%%k1%}\n\tkmovw %%k2, %2\n\tvmovdqu8 %6, %7 %{%%k1%}"
            : "=&v"(size), "=&r"(mask), "=&r"(wide)
            : "v"(d), "v"(limit), "v"(127 - (edgernn_moved_lanes){0}),
              "v"(*(const edgernn_moved_bytes *)(x + j)), "m"(*(edgernn_moved_bytes *)(held + j))
            : "k1", "k2", "memory");
    if (!mask) continue;
    if (!wide) {
      count += edgernn_moved_append((step + j) | d << 16, mask, list + count, moves + count);
      continue;
    }
    for (; mask; mask &= mask - 1) {
      const int at = __builtin_ctz(mask);
      count = edgernn_column_moves(count, j + at, d[at], list, moves);
    }
  }
  return edgernn_moved_rest(x, held, threshold, j, cols, count, list, moves);
}
