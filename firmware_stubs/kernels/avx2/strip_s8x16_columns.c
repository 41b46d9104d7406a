/* strip: types=s8x16 tiles=256x1,128x1,64x1,32x1 delta=256x1,128x1,64x1,32x1 uses=words */
/* Listed columns against 16-bit moves, two at a time: their bytes are interleaved, so that VPMADDWD
 * meets the two of a row side by side. Columns of many rows lie far apart, so those that come next
 * are fetched ahead. */
EDGERNN_INLINE void edgernn_strip_FORM(const int8_t *w, const int16_t *x, const uint16_t *tiles,
                                       const uint16_t *groups, int count, int32_t *acc) {
  (void)groups;
#pragma GCC unroll 1
  for (int r = 0; r < ROWS; r += 32) {
    edgernn_avx2_s32x8 sum[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum[i] = *(const edgernn_avx2_s32x8 *)(acc + r + 8 * i);
    for (int k = 0; k < count; k += 2) {
      const int8_t *const a = w + (tiles ? tiles[k] : k) * ROWS + r;
      const int8_t *const b = w + (tiles ? tiles[k + 1] : k + 1) * ROWS + r;
      const edgernn_avx2_s16x16 pair = (edgernn_avx2_s16x16)(
          *(const edgernn_avx2_word *)(x + k) - (edgernn_avx2_s32x8){0});
      if (ROWS > 64 && tiles && !r && k + 8 < count)
#pragma GCC unroll 4
        for (int i = 0; i < ROWS; i += 64) {
          __builtin_prefetch(w + tiles[k + 8] * ROWS + i);
          __builtin_prefetch(w + tiles[k + 9] * ROWS + i);
        }
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        edgernn_avx2_s16x16 words;
        __asm__("vpmovsxbw %1, %0"
                : "=x"(words)
                : "x"(edgernn_avx2_mixed(a + 8 * i, b + 8 * i)));
        sum[i] = edgernn_avx2_dot(sum[i], words, pair);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) *(edgernn_avx2_s32x8 *)(acc + r + 8 * i) = sum[i];
  }
}
