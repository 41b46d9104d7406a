/* strip: types=f32 tiles=any dense=8x1 delta=8x1 sparse=8x1:12,1x1:4 */
/* A strip of floats: each row sums its columns in order, so that every CPU gives the same bits. */
EDGERNN_INLINE void edgernn_strip_FORM(const float *w, const float *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, float *acc) {
  for (int k = 0; k < count; ++k) {
    const float *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const float *const u = x + (groups ? groups[k] : k) * COLS;
    for (int r = 0; r < ROWS; ++r)
      for (int c = 0; c < COLS; ++c) acc[r] += v[r * COLS + c] * u[c];
  }
}
