/* strip: types=s8,s4,s2 tiles=64x1,16x1 delta=64x1 s8.sparse=16x1:60 s4.sparse=16x1:60 uses=words */
/* Single columns, two at a time: their bytes are interleaved, so that pmaddwd meets each row's
 * pair. Columns come from a list of what moved (x is compact), or are those of a sparse strip
 * (x is gathered). */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum {
    BYTES_FORM = ROWS * BITS / 8,
    WIDE_FORM = BYTES_FORM < 32 ? BYTES_FORM : 32,
    PIECES_FORM = WIDE_FORM / 8,
    PLANES_FORM = 8 / BITS
  };
  for (int at = 0; at < BYTES_FORM; at += WIDE_FORM) {
    edgernn_avx2_s32x8 sum[PIECES_FORM * PLANES_FORM] = {{0}};
    for (int k = 0; k < count; k += 2) {
      const int8_t *const a = w + (tiles ? tiles[k] : k) * BYTES_FORM + at;
      const int8_t *const b = w + (tiles ? tiles[k + 1] : k + 1) * BYTES_FORM + at;
      const int16_t u = x[groups ? groups[k] : k], v = x[groups ? groups[k + 1] : k + 1];
      const edgernn_avx2_s16x16 pair = edgernn_avx2_repeated((edgernn_avx2_s16x4){u, v, u, v});
      for (int i = 0; i < PIECES_FORM; ++i) {
        const edgernn_avx2_s8x16 mixed = edgernn_avx2_mixed(a + 8 * i, b + 8 * i);
        for (int p = 0; p < PLANES_FORM; ++p)
          sum[p * PIECES_FORM + i] += edgernn_avx2_dot(edgernn_avx2_weights(mixed, BITS, p), pair);
      }
    }
    for (int p = 0; p < PLANES_FORM; ++p)
      for (int i = 0; i < PIECES_FORM; ++i)
        *(edgernn_avx2_s32x8 *)(acc + p * BYTES_FORM + at + 8 * i) += sum[p * PIECES_FORM + i];
  }
}
