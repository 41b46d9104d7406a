/* strip: types=s8x16 tiles=32x4,16x4,8x4,4x4 dense=32x4 sparse=16x4:88,8x4:58,4x4:50 uses=words */
/* Four columns of 16-bit x at a time by pmaddwd, rows in the lanes. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int16_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { PIECES_FORM = ROWS * COLS / 16 };
  edgernn_avx2_s32x8 sum[PIECES_FORM] = {{0}};
  for (int k = 0; k < count; ++k) {
    const int8_t *const v = w + (tiles ? tiles[k] : k) * (ROWS * COLS);
    const edgernn_avx2_s16x16 u = edgernn_avx2_halves(x + (groups ? groups[k] : k) * COLS);
    for (int i = 0; i < PIECES_FORM; ++i)
      sum[i] += edgernn_avx2_dot(edgernn_avx2_weights(edgernn_avx2_sixteen(v + 16 * i), 8, 0), u);
  }
  for (int i = 0; i < PIECES_FORM; ++i) edgernn_avx2_add_rows(acc + 4 * i, sum[i]);
}
