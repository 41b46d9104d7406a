/* The columns of x that have moved; see the portable one. Sixteen are compared at a time, in 32 bits;
 * those that moved are packed by VPCOMPRESSD, and zeros are written behind them. */
static int edgernn_moved_s16(const int16_t *restrict x, int16_t *restrict held, int threshold,
                             int cols, uint16_t *restrict list, int16_t *restrict moves) {
  typedef int16_t halves __attribute__((vector_size(32), aligned(2), may_alias));
  typedef int32_t lanes __attribute__((vector_size(64)));
  const lanes step = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const lanes least = -32767 - (lanes){0}, most = 32767 - (lanes){0};
  const lanes limit = threshold - (lanes){0};
  int count = 0, j = 0;
  for (; j + 16 <= cols; j += 16) {
    lanes now, old, size;
    halves kept;
    uint32_t mask, wide;
    __asm__("vpmovsxwd %1, %0" : "=v"(now) : "m"(*(const halves *)(x + j)));
    __asm__("vpmovsxwd %1, %0" : "=v"(old) : "m"(*(const halves *)(held + j)));
    __asm__("vpmaxsd %1, %0, %0" : "+v"(now) : "v"(least));
    __asm__("vpmovdw %1, %0" : "=v"(kept) : "v"(now));
    const lanes d = now - old;
    __asm__("vpabsd %3, %0\n\tvpcmpgtd %4, %0, %%k1\n\tkmovw %%k1, %1\n\t"
            "vpcmpgtd %5, %0, %%k2 %{%%k1%}\n\tkmovw %%k2, %2\n\tvmovdqu16 %6, %7 %{%%k1%}"
            : "=&v"(size), "=&r"(mask), "=&r"(wide)
            : "v"(d), "v"(limit), "v"(most), "v"(kept), "m"(*(halves *)(held + j))
            : "k1", "k2", "memory");
    if (wide) {
      for (; mask; mask &= mask - 1) {
        const int at = __builtin_ctz(mask);
        count = edgernn_wide_column_moves(count, j + at, d[at], list, moves);
      }
      continue;
    }
    lanes both = ((step + j) & 0xffff) | d << 16;
    halves columns, by;
    __asm__("kmovw %1, %%k1\n\tvpcompressd %0, %0 %{%%k1%}%{z%}" : "+v"(both) : "r"(mask) : "k1");
    __asm__("vpmovdw %1, %0" : "=v"(columns) : "v"(both));
    __asm__("vpmovdw %1, %0" : "=v"(by) : "v"(both >> 16));
    *(halves *)(list + count) = columns;
    *(halves *)(moves + count) = by;
    count += __builtin_popcount(mask);
  }
  return edgernn_moved_s16_rest(x, held, threshold, j, cols, count, list, moves);
}
