/* The columns of x that have moved; see the portable one. Thirty-two are compared at a time; a mask
 * then leads from one that moved to the next. */
static int edgernn_moved_s8(const int8_t *restrict x, int8_t *restrict held, int threshold,
                            int cols, uint16_t *restrict list, int8_t *restrict moves) {
  typedef int8_t bytes __attribute__((vector_size(32), aligned(1), may_alias));
  typedef uint8_t sizes __attribute__((vector_size(32)));
  int count = 0, j = 0;
  for (; j + 32 <= cols; j += 32) {
    const bytes now = *(const bytes *)(x + j), old = *(const bytes *)(held + j);
    sizes most, least;
    uint32_t mask;
    __asm__("vpmaxsb %2, %1, %0" : "=x"(most) : "x"(now), "x"(old));
    __asm__("vpminsb %2, %1, %0" : "=x"(least) : "x"(now), "x"(old));
    const bytes far = (bytes)(most - least > (uint8_t)(threshold < 255 ? threshold : 255));
    __asm__("vpmovmskb %1, %0" : "=r"(mask) : "x"(far));
    for (; mask; mask &= mask - 1) {
      const int k = j + __builtin_ctz(mask);
      count = edgernn_column_moves(count, k, x[k] - held[k], list, moves);
    }
    *(bytes *)(held + j) = (now & far) | (old & ~far);
  }
  return edgernn_moved_rest(x, held, threshold, j, cols, count, list, moves);
}
