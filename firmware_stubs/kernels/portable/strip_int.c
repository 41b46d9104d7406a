/* strip: types=s8,s8x16 tiles=any dense=1x1 delta=4x1 block=4x4 sparse=4x4:20,4x1:6 */
/* A strip of int8 weights in plain C, for a CPU that we know nothing about. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const XTYPE *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  for (int k = 0; k < count; ++k) {
    const int8_t *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const XTYPE *const u = x + (groups ? groups[k] : k) * COLS;
    for (int r = 0; r < ROWS; ++r)
      for (int c = 0; c < COLS; ++c) acc[r] += v[r * COLS + c] * (int32_t)u[c];
  }
}
