/* strip: types=f32 tiles=256x1,128x1,64x1,32x1,16x1,8x1,1x1 dense=32x1 delta=256x1,128x1,64x1,32x1 sparse=8x1:12,1x1:4 */
/* Rows in the lanes, four vectors side by side or eight; each row sums its columns in order. Listed
 * columns of many rows lie far apart, so those that come next are fetched ahead. */
EDGERNN_INLINE void edgernn_strip_FORM(const float *w, const float *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, float *acc) {
  typedef float f32xN_FORM __attribute__((vector_size(ROWS % 8 ? 4 : 32), aligned(4), may_alias));
  enum {
    LANES_FORM = ROWS % 8 ? 1 : 8,
    TURN_FORM = ROWS > 64 ? 64 : ROWS, /* rows whose sums fit the registers */
    VECTORS_FORM = TURN_FORM / LANES_FORM
  };
#pragma GCC unroll 1
  for (int r = 0; r < ROWS; r += TURN_FORM) {
    f32xN_FORM sum[VECTORS_FORM];
#pragma GCC unroll 8
    for (int i = 0; i < VECTORS_FORM; ++i)
      sum[i] = *(const f32xN_FORM *)(acc + r + LANES_FORM * i);
    for (int k = 0; k < count; ++k) {
      const float *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS) + r;
      const float u = x[(groups ? groups[k] : k) * COLS];
      if (TURN_FORM < ROWS && tiles && !r && k + 4 < count)
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i += 16) __builtin_prefetch(w + tiles[k + 4] * ROWS + i);
#pragma GCC unroll 8
      for (int i = 0; i < VECTORS_FORM; ++i)
        sum[i] += *(const f32xN_FORM *)(v + LANES_FORM * i) * u;
    }
#pragma GCC unroll 8
    for (int i = 0; i < VECTORS_FORM; ++i)
      *(f32xN_FORM *)(acc + r + LANES_FORM * i) = sum[i];
  }
}
