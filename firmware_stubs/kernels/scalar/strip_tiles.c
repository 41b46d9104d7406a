/* strip: types=s8,s8x16 tiles=any dense=4x1 delta=4x1 block=4x4 sparse=4x4:23,4x1:7 */
/* Rows that share each load of x, their sums in registers. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const XTYPE *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  const int by_groups = EDGERNN_LISTED(groups), by_tiles = EDGERNN_LISTED(tiles);
  int32_t sum[ROWS];
  for (int r = 0; r < ROWS; ++r) sum[r] = acc[r];
  for (int k = 0; k < count; ++k) {
    const int8_t *const v = w + (by_tiles ? tiles[k] : k) * (ROWS * COLS);
    const XTYPE *const u = x + (by_groups ? groups[k] : k) * COLS;
    for (int c = 0; c < COLS; ++c)
      for (int r = 0; r < ROWS; ++r) sum[r] += v[r * COLS + c] * (int32_t)u[c];
  }
  for (int r = 0; r < ROWS; ++r) acc[r] = sum[r];
}
