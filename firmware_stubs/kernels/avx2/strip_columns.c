/* strip: types=s8 tiles=256x1,128x1,64x1 delta=256x1,128x1,64x1 raised uses=words */
/* Listed columns, two at a time: their bytes are interleaved, so that VPMADDWD meets the two of a
 * row side by side. The weights are raised, as the AVX-512 strip over the same tables wants them,
 * and what that adds is taken off. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int8_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  int32_t moved = 0;
  (void)groups;
  for (int k = 0; k < count; ++k) moved += x[k];
#pragma GCC unroll 1
  for (int r = 0; r < ROWS; r += 32) {
    edgernn_avx2_s32x8 sum[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
      sum[i] = *(const edgernn_avx2_s32x8 *)(acc + r + 8 * i) - 128 * moved;
    for (int k = 0; k < count; k += 2) {
      const int8_t *const a = w + (tiles ? tiles[k] : k) * ROWS + r;
      const int8_t *const b = w + (tiles ? tiles[k + 1] : k + 1) * ROWS + r;
      const int two = (x[k] & 0xffff) | (int)((uint32_t)x[k + 1] << 16);
      const edgernn_avx2_s16x16 pair = (edgernn_avx2_s16x16)(two - (edgernn_avx2_s32x8){0});
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const edgernn_avx2_s8x16 mixed = edgernn_avx2_mixed(a + 8 * i, b + 8 * i);
        sum[i] = edgernn_avx2_dot(sum[i], edgernn_avx2_unsigned(mixed), pair);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) *(edgernn_avx2_s32x8 *)(acc + r + 8 * i) = sum[i];
  }
}
