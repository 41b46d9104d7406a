/* The blocks of 4 columns of x that have moved; see the portable one. Sixteen blocks are compared
 * at a time; those that moved are packed by vpcompressd, and zeros are written behind them. */
static int edgernn_moved4_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                             int last, int cols, uint16_t *restrict list,
                             int8_t *restrict moves) {
  typedef int8_t bytes __attribute__((vector_size(64), aligned(1), may_alias));
  typedef int32_t lanes __attribute__((vector_size(64), aligned(1), may_alias));
  typedef int16_t halves __attribute__((vector_size(32), aligned(1), may_alias));
  const lanes step = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  int count = 0, j = 0;
  for (; j + 64 <= cols; j += 64) {
    const bytes now = *(const bytes *)(x + j), old = *(const bytes *)(held + j);
    bytes size, least;
    __asm__("vpmaxsb %2, %1, %0" : "=v"(size) : "v"(now), "v"(old));
    __asm__("vpminsb %2, %1, %0" : "=v"(least) : "v"(now), "v"(old));
    size -= least;
    uint64_t wide;
    __asm__("vpmovb2m %1, %%k1\n\tkmovq %%k1, %0" : "=r"(wide) : "v"(size) : "k1");
    if (wide) break; /* the portable loop below goes on: that some move so far is rare */
    lanes squares = {0}, blocks, by;
    uint32_t mask;
    __asm__("vpdpbusd %1, %1, %0" : "+v"(squares) : "v"(size));
    __asm__("vpcmpgtd %4, %3, %%k1\n\tkmovw %%k1, %2\n\t"
            "vpcompressd %5, %0 %{%%k1%}%{z%}\n\tvpcompressd %6, %1 %{%%k1%}%{z%}\n\t"
            "vmovdqu32 %7, %8 %{%%k1%}"
            : "=&v"(blocks), "=&v"(by), "=&r"(mask)
            : "v"(squares), "v"(threshold - (lanes){0}), "v"(step + (j >> 2)),
              "v"((lanes)(now - old)), "v"(now), "m"(*(bytes *)(held + j))
            : "k1", "memory");
    halves packed;
    __asm__("vpmovdw %1, %0" : "=v"(packed) : "v"(blocks));
    *(halves *)(list + count) = packed;
    *(lanes *)(moves + 4 * count) = by;
    count += __builtin_popcount(mask);
  }
  return edgernn_moved4_rest(x, held, threshold, last, j, cols, count, list, moves);
}
