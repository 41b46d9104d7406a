/* strip: types=s8x16 tiles=16x1,16x4 dense=16x1 delta=16x1 block=16x4 sparse=16x1:24 by_column */
/* Reads the tables of simd128's strip, in plain C. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int16_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  int32_t sum[ROWS];
  for (int r = 0; r < ROWS; ++r) sum[r] = acc[r];
  for (int k = 0; k < count; ++k) {
    const int8_t *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const int16_t *const u = x + (groups ? groups[k] : k) * COLS;
    for (int c = 0; c < COLS; ++c)
      for (int r = 0; r < ROWS; ++r) sum[r] += v[c * ROWS + r] * (int32_t)u[c];
  }
  for (int r = 0; r < ROWS; ++r) acc[r] = sum[r];
}
