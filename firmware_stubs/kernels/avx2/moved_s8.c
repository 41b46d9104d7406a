/* The columns of x that have moved; see the portable one. Thirty-two are compared at a time; a mask
 * then leads from one that moved to the next. */
EDGERNN_INLINE int edgernn_column_moves(int count, int column, int d, uint16_t *restrict list,
                                        int8_t *restrict moves) {
  const int part = d > 127 ? 127 : d < -127 ? -127 : d;
  list[count] = (uint16_t)column;
  moves[count++] = (int8_t)part;
  if (part == d) return count;
  list[count] = (uint16_t)column;
  moves[count++] = (int8_t)(d - part);
  return count;
}

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
  for (; j < cols; ++j) {
    const int d = x[j] - held[j];
    if ((d < 0 ? -d : d) <= threshold) continue;
    held[j] = x[j];
    count = edgernn_column_moves(count, j, d, list, moves);
  }
  for (; count & 3; ++count) {
    list[count] = 0;
    moves[count] = 0;
  }
  return count;
}
