/* The columns of x that have moved; see the portable one. Eight are compared at a time, in 32 bits;
 * a mask then leads from one that moved to the next. */
static int edgernn_moved_s16(const int16_t *restrict x, int16_t *restrict held, int threshold,
                             int cols, uint16_t *restrict list, int16_t *restrict moves) {
  typedef int16_t words __attribute__((vector_size(16), aligned(2), may_alias));
  typedef int32_t lanes __attribute__((vector_size(32)));
  int count = 0, j = 0;
  for (; j + 8 <= cols; j += 8) {
    lanes now, old;
    uint32_t mask;
    __asm__("vpmovsxwd %1, %0" : "=x"(now) : "m"(*(const words *)(x + j)));
    __asm__("vpmovsxwd %1, %0" : "=x"(old) : "m"(*(const words *)(held + j)));
    now += (lanes)(now == -32768) & 1;
    const lanes d = now - old, far = (d > threshold) | (-d > threshold);
    __asm__("vmovmskps %1, %0" : "=r"(mask) : "x"(far));
    for (; mask; mask &= mask - 1) {
      const int k = __builtin_ctz(mask);
      held[j + k] = (int16_t)(x[j + k] < -32767 ? -32767 : x[j + k]);
      count = edgernn_wide_column_moves(count, j + k, d[k], list, moves);
    }
  }
  return edgernn_moved_s16_rest(x, held, threshold, j, cols, count, list, moves);
}
