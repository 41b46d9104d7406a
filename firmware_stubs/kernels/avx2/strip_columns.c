/* strip: types=s8,s4,s2 tiles=128x1 s8.tiles=64x1 delta=128x1 s8.delta=64x1 uses=words */
/* Listed columns, two at a time: their bytes are interleaved, so that VPMADDWD meets the two of a
 * row side by side. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  enum { BYTES_FORM = ROWS * BITS / 8 };
  (void)groups;
#pragma GCC unroll 1
  for (int at = 0; at < BYTES_FORM; at += 4 * BITS) {
    edgernn_avx2_s32x8 sum[8 / BITS][BITS / 2];
#pragma GCC unroll 4
    for (int p = 0; p < 8 / BITS; ++p)
#pragma GCC unroll 4
      for (int i = 0; i < BITS / 2; ++i)
        sum[p][i] = *(const edgernn_avx2_s32x8 *)(acc + p * BYTES_FORM + at + 8 * i);
    for (int k = 0; k < count; k += 2) {
      const int8_t *const a = w + (tiles ? tiles[k] : k) * BYTES_FORM + at;
      const int8_t *const b = w + (tiles ? tiles[k + 1] : k + 1) * BYTES_FORM + at;
      const int two = (x[k] & 0xffff) | (int)((uint32_t)x[k + 1] << 16);
      const edgernn_avx2_s16x16 pair = (edgernn_avx2_s16x16)(two - (edgernn_avx2_s32x8){0});
#pragma GCC unroll 4
      for (int i = 0; i < BITS / 2; ++i) {
        const edgernn_avx2_s16x16 words = edgernn_avx2_wide(edgernn_avx2_mixed(a + 8 * i, b + 8 * i));
#pragma GCC unroll 4
        for (int p = 0; p < 8 / BITS; ++p) {
          const int up = 16 - BITS * (p + 1);
          const edgernn_avx2_s16x16 part = BITS == 8 ? words : (words << up) >> (16 - BITS);
          sum[p][i] = edgernn_avx2_dot(sum[p][i], part, pair);
        }
      }
    }
#pragma GCC unroll 4
    for (int p = 0; p < 8 / BITS; ++p)
#pragma GCC unroll 4
      for (int i = 0; i < BITS / 2; ++i)
        *(edgernn_avx2_s32x8 *)(acc + p * BYTES_FORM + at + 8 * i) = sum[p][i];
  }
}
