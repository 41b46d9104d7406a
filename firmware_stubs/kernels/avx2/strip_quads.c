/* strip: types=s8,s4,s2 tiles=32x4,16x4,8x4,4x4 dense=32x4 offset=128 sparse=16x4:88,8x4:58,4x4:50 s4.sparse=16x4:88,8x4:58 s2.sparse=16x4:100 uses=words */
/* Four columns at a time by pmaddwd, rows in the lanes. Dense and sparse products are of x + 128,
 * as the AVX-512 strip over the same tables wants it. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum {
    BYTES_FORM = ROWS * COLS * BITS / 8,
    PIECES_FORM = BYTES_FORM / 16,
    PLANES_FORM = 8 / BITS
  };
  edgernn_avx2_s32x8 sum[PIECES_FORM * PLANES_FORM] = {{0}};
  for (int k = 0; k < count; ++k) {
    const int8_t *const v = w + (tiles ? tiles[k] : k) * BYTES_FORM;
    const int8_t *const at = x + (groups ? groups[k] : k) * COLS;
    const edgernn_avx2_s16x16 u = edgernn_avx2_bytes(at, tiles ? 0 : 128);
    for (int i = 0; i < PIECES_FORM; ++i)
      for (int p = 0; p < PLANES_FORM; ++p)
        sum[p * PIECES_FORM + i] += edgernn_avx2_dot(edgernn_avx2_weights(edgernn_avx2_sixteen(v + 16 * i), BITS, p), u);
  }
  for (int i = 0; i < PIECES_FORM * PLANES_FORM; ++i) edgernn_avx2_add_rows(acc + 4 * i, sum[i]);
}
