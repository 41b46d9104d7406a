/* The columns of x that have moved; see the portable one. Eight are compared at a time; where any
 * has moved, each is appended and counted only if it has, without a branch. */
static int edgernn_moved_f32(const float *restrict x, float *restrict held, float threshold,
                             int cols, uint16_t *restrict list, float *restrict moves) {
  typedef float reals __attribute__((vector_size(32), aligned(4), may_alias));
  typedef int32_t lanes __attribute__((vector_size(32), aligned(4), may_alias));
  int count = 0, j = 0;
  for (; j + 8 <= cols; j += 8) {
    const reals now = *(const reals *)(x + j), old = *(const reals *)(held + j), d = now - old;
    const lanes far = (d > threshold) | (-d > threshold);
    uint32_t mask;
    __asm__("vmovmskps %1, %0" : "=r"(mask) : "x"(far));
    if (!mask) continue;
    *(lanes *)(held + j) = ((lanes)now & far) | ((lanes)old & ~far);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      list[count] = (uint16_t)(j + i);
      moves[count] = d[i];
      count += mask >> i & 1;
    }
  }
  return edgernn_moved_f32_rest(x, held, threshold, j, cols, count, list, moves);
}
