/* strip: types=f32 tiles=16x1,8x1,4x1,16x4,8x4,4x4 dense=16x1 delta=16x1 sparse=16x4:70,8x4:40,4x4:24,16x1:20 by_column */
/* Reads the tables of simd128's strip; each row sums its columns in order. */
EDGERNN_INLINE void edgernn_strip_FORM(const float *w, const float *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, float *acc) {
  float sum[ROWS];
  for (int r = 0; r < ROWS; ++r) sum[r] = acc[r];
  for (int k = 0; k < count; ++k) {
    const float *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const float *const u = x + (groups ? groups[k] : k) * COLS;
    for (int c = 0; c < COLS; ++c)
      for (int r = 0; r < ROWS; ++r) sum[r] += v[c * ROWS + r] * u[c];
  }
  for (int r = 0; r < ROWS; ++r) acc[r] = sum[r];
}
