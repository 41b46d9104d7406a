/* The blocks of 4 columns of x that have moved; see the portable one. Four blocks are compared at a
 * time; a mask then leads from one that moved to the next. */
static int edgernn_moved4_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                             int last, int cols, uint16_t *restrict list,
                             int8_t *restrict moves) {
  typedef int8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));
  typedef int16_t words __attribute__((vector_size(32)));
  typedef int32_t lanes __attribute__((vector_size(32)));
  int count = 0, j = 0;
  for (; j + 16 <= cols; j += 16) {
    words now, old;
    lanes squares, others;
    uint32_t mask;
    __asm__("vpmovsxbw %1, %0" : "=x"(now) : "x"(*(const bytes *)(x + j)));
    __asm__("vpmovsxbw %1, %0" : "=x"(old) : "x"(*(const bytes *)(held + j)));
    now -= old;
    __asm__("vpmaddwd %1, %1, %0" : "=x"(squares) : "x"(now));
    __asm__("vpshufd $0xb1, %1, %0" : "=x"(others) : "x"(squares));
    __asm__("vmovmskpd %1, %0" : "=r"(mask) : "x"(squares + others > threshold));
    for (; mask; mask &= mask - 1) {
      const int k = j + 4 * __builtin_ctz(mask);
      count = edgernn_moved_block(count, k >> 2, 4, x + k, held + k, list, moves);
    }
  }
  return edgernn_moved4_rest(x, held, threshold, last, j, cols, count, list, moves);
}
