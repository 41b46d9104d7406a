/* strip: types=f32 tiles=32x1,16x1,8x1,1x1 dense=32x1 delta=32x1 sparse=8x1:12,1x1:4 */
/* Rows in the lanes, four vectors side by side; each row sums its columns in order. */
EDGERNN_INLINE void edgernn_strip_FORM(const float *w, const float *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, float *acc) {
  typedef float f32xN_FORM __attribute__((vector_size(ROWS % 8 ? 4 : 32), aligned(4), may_alias));
  enum { LANES_FORM = ROWS % 8 ? 1 : 8, VECTORS_FORM = ROWS / LANES_FORM };
  f32xN_FORM sum[VECTORS_FORM];
#pragma GCC unroll 4
  for (int i = 0; i < VECTORS_FORM; ++i) sum[i] = *(const f32xN_FORM *)(acc + LANES_FORM * i);
  for (int k = 0; k < count; ++k) {
    const float *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const float u = x[(groups ? groups[k] : k) * COLS];
#pragma GCC unroll 4
    for (int i = 0; i < VECTORS_FORM; ++i) sum[i] += *(const f32xN_FORM *)(v + LANES_FORM * i) * u;
  }
#pragma GCC unroll 4
  for (int i = 0; i < VECTORS_FORM; ++i) *(f32xN_FORM *)(acc + LANES_FORM * i) = sum[i];
}
