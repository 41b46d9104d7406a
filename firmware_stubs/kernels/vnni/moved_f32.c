/* The columns of x that have moved; see the portable one. Sixteen are compared at a time; those that
 * moved are packed by VCOMPRESSPS, and zeros are written behind them. */
static int edgernn_moved_f32(const float *restrict x, float *restrict held, float threshold,
                             int cols, uint16_t *restrict list, float *restrict moves) {
  typedef float reals __attribute__((vector_size(64), aligned(4), may_alias));
  typedef int32_t lanes __attribute__((vector_size(64)));
  typedef int16_t halves __attribute__((vector_size(32), aligned(2), may_alias));
  const lanes step = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const reals above = threshold - (reals){0}, below = -threshold - (reals){0};
  int count = 0, j = 0;
  for (; j + 16 <= cols; j += 16) {
    const reals now = *(const reals *)(x + j), d = now - *(const reals *)(held + j);
    reals by;
    lanes columns;
    halves packed;
    uint32_t mask;
    __asm__("vcmpps $0x1e, %4, %3, %%k1\n\tvcmpps $0x11, %5, %3, %%k2\n\tkorw %%k2, %%k1, %%k1\n\t"
            "kmovw %%k1, %2\n\tvcompressps %3, %0 %{%%k1%}%{z%}\n\t"
            "vpcompressd %6, %1 %{%%k1%}%{z%}\n\tvmovups %7, %8 %{%%k1%}"
            : "=&v"(by), "=&v"(columns), "=&r"(mask)
            : "v"(d), "v"(above), "v"(below), "v"(step + j), "v"(now),
              "m"(*(reals *)(held + j))
            : "k1", "k2", "memory");
    __asm__("vpmovdw %1, %0" : "=v"(packed) : "v"(columns));
    *(halves *)(list + count) = packed;
    *(reals *)(moves + count) = by;
    count += __builtin_popcount(mask);
  }
  return edgernn_moved_f32_rest(x, held, threshold, j, cols, count, list, moves);
}
